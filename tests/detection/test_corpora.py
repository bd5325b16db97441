"""Corpora: every source form, read only as far as needed, cut to equal budgets, the same at every run."""

import gzip
import hashlib
import io
import json
import logging
import re
import sys
import tracemalloc
import types
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lnbench._data import packaged
from lnbench.detection import Corpus, parse_amount, token_documents
from lnbench.detection.corpora import _order, _sources
from lnbench.errors import DataError, OutputError, SpecError

FRENCH = "Le chat dort sur la grande chaise de la cuisine pendant que la pluie tombe sur le jardin."


class Letters:
    """One token a character after a token 1; remembers how much it was given."""

    def __init__(self, begin=(1,)):
        self.begin, self.texts = list(begin), []

    def __call__(self, texts, truncation, max_length):
        assert truncation
        self.texts += texts
        return {"input_ids": [(self.begin + [ord(c) for c in text])[:max_length] for text in texts]}


def written(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def listed(source, document="line", field="text"):
    return list(Corpus("zh", str(source), document, field).documents())


# Sources


def test_a_text_file_has_one_document_a_line_or_between_blank_lines(tmp_path):
    source = written(tmp_path / "a.txt", "\ufeff一\r\n二\n \n\n三\x85\u2028四\n\n")
    assert listed(source) == ["一", "二", "三\x85\u2028四"]  # split at newlines and nothing else
    assert listed(source, "blank-line") == ["一\n二", "三\x85\u2028四"]


def test_json_lines_with_a_field_null_and_blank_texts_left_out(tmp_path):
    rows = [{"text": "a\nb", "id": 1}, {"text": None}, {"text": " "}, {"text": "c\u2028d"}]
    source = written(tmp_path / "a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n")
    assert listed(source) == ["a\nb", "c\u2028d"]
    assert listed(written(tmp_path / "b.ndjson", '{"body": "x"}'), field="body") == ["x"]


def test_a_folder_is_read_by_name_with_its_subfolders_and_packed_files(tmp_path):
    (tmp_path / "sub").mkdir()
    written(tmp_path / "b.txt", "zwei")
    written(tmp_path / "a.jsonl", '{"text": "eins"}')
    written(tmp_path / "sub" / "c.txt.gz", gzip.compress(b"drei\nvier\n"))
    written(tmp_path / "ignored.md", "nichts")
    assert listed(tmp_path) == ["eins", "zwei", "drei", "vier"]


def test_a_data_set_is_streamed(monkeypatch):
    asked = []

    def load_dataset(name, config, *, split, streaming):
        asked.append((name, config, split, streaming))
        return iter([{"text": "一"}, {"text": "二"}])

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    assert listed("datasets:org/wiki:zh:train:text") == ["一", "二"]
    assert listed("datasets:org/wiki::train:text") == ["一", "二"]
    assert asked == [("org/wiki", "zh", "train", True), ("org/wiki", None, "train", True)]


def test_a_data_set_may_be_a_local_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "set").mkdir()
    written(tmp_path / "set" / "train.jsonl", '{"text": "eins"}\n{"text": "zwei"}\n')
    assert listed(f"datasets:{tmp_path / 'set'}::train:text") == ["eins", "zwei"]
    with pytest.raises(DataError, match=r"row 1 .* no field 'body'"):
        listed(f"datasets:{tmp_path / 'set'}::train:body")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", None, "no corpus at"),
        ("a.txt", b"ok\n\xff\xfe\x00", "not UTF-8"),
        ("a.txt.gz", b"no gzip", "cannot be read"),
        ("a.txt.gz", gzip.compress(b"", mtime=0)[:10] + b"\xff" * 20, "cannot be read"),
        ("a.json", "[]", "write one object a line"),
        ("a.jsonl", '{"text": "a"}\nnonsense', "line 2 of .* is not JSON"),
        ("a.jsonl", "[" * 100_000, "is not JSON"),
        ("a.jsonl", '{"body": "a"}', "line 1 of .* has the fields 'body' and no field 'text'"),
        ("a.jsonl", '{"text": 3}', "holds a int in 'text'"),
        ("a.jsonl", "[1]", "is a list"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, name, content, says):
    source = tmp_path / name if content is None else written(tmp_path / name, content)
    with pytest.raises(DataError, match=says):
        listed(source)


def test_an_empty_folder_and_a_data_set_that_fails_are_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"no \.txt or \.jsonl"):
        listed(tmp_path)

    def fails(*_, **__):
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=fails))
    with pytest.raises(DataError, match=r"cannot be read \(no route to host\); check"):
        listed("datasets:org/wiki:zh:train:text")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("zh.txt", "write LANG=SOURCE"),
        ("=zh.txt", "cannot be the label"),
        (" zh=zh.txt", "cannot be the label"),
        ("zh=", "names no source"),
        ("zh=datasets:wiki:train", "is incomplete"),
        ("zh=datasets:org/wiki:zh::text", "is incomplete"),
    ],
)
def test_a_corpus_that_cannot_be_is_one_sentence(text, says):
    with pytest.raises(SpecError, match=says):
        Corpus.parse(text)


def test_a_corpus_is_parsed_at_its_first_equals_sign():
    assert Corpus.parse("culture:da=/tmp/a=b.txt", "blank-line", "body") == Corpus(
        "culture:da", "/tmp/a=b.txt", "blank-line", "body"
    )
    with pytest.raises(SpecError, match="line, blank-line"):
        Corpus.parse("zh=a", document="page")


# Streaming


class Counted(io.RawIOBase):
    """A file of 50 GB that counts what is read of it."""

    def __init__(self, line, opened):
        self.line, self.bytes, self.left = line, 0, 50 * 10**9
        opened.append(self)

    def readable(self):
        return True

    def readinto(self, buffer):
        size = len(buffer) // len(self.line) * len(self.line)
        buffer[:size] = self.line * (size // len(self.line))
        self.bytes += size
        self.left -= size
        return size if self.left > 0 else 0


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
@pytest.mark.parametrize("document", ["line", "blank-line"])
def test_a_huge_file_is_read_as_far_as_the_budget_needs(monkeypatch, kind, document):
    text = ("wort " * 20).encode()
    line = json.dumps({"text": text.decode()}).encode() + b"\n" if kind == "jsonl" else text + b"\n\n"
    opened = []
    monkeypatch.setattr(_sources, "open_bytes", lambda path: io.BufferedReader(Counted(line, opened)))
    corpus = Corpus("de", f"huge.{kind}", document)
    found = token_documents(Letters(), [corpus], tokens=5_000)
    assert found.tokens == {"de": 5_000}
    assert 5_000 < opened[0].bytes < 100_000
    shuffled = token_documents(Letters(), [corpus], tokens=5_000, order="shuffled")
    assert shuffled.tokens == {"de": 5_000}
    assert 1_000_000 < opened[1].bytes < 3_000_000  # and the shuffle buffer


def test_a_line_without_end_is_cut_and_the_next_one_found(monkeypatch):
    monkeypatch.setattr(_sources, "MOST_CHARACTERS", 10)
    monkeypatch.setattr(
        _sources, "open_bytes", lambda path: io.BytesIO(b"x" * 95 + b"\nnext\n\n" + b"long line\n" * 9 + b"\nend")
    )
    assert listed("a.txt") == ["x" * 10, "next", *["long line"] * 9, "end"]
    assert listed("a.txt", "blank-line") == ["x" * 10, "long line", "end"]


def test_an_endless_line_of_json_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(_sources, "_LONGEST_JSON", 20)
    with pytest.raises(DataError, match="longer than 20 characters"):
        listed(written(tmp_path / "a.jsonl", json.dumps({"text": "a" * 50})))


# Amounts


@pytest.mark.parametrize(
    ("text", "amount"), [("20000", 20_000), ("20_000", 20_000), ("500k", 500_000), ("1M", 10**6), ("2.5G", 25 * 10**8)]
)
def test_amounts(text, amount):
    assert parse_amount(text) == amount


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e6", "many", "", "M", "1T", "0k", "１M"])
def test_amounts_that_are_none(text):
    with pytest.raises(SpecError, match="such as 20000, 500k"):
        parse_amount(text)


# Budgets


def corpora(*lengths, texts=3):
    return [Corpus.of(f"x-l{k}", ["a" * length] * texts) for k, length in enumerate(lengths)]


def test_the_last_document_is_cut_to_meet_the_budget_exactly():
    found = token_documents(Letters(), [Corpus.of("en", ["abcd", "efgh", "ijkl"])], tokens=6)
    assert list(found["en"]) == [[1, *b"abcd"], [1, *b"ef"]]
    assert found["en"].lengths().tolist() == [5, 3]
    assert (found["en"][-1], found["en"][0:1], len(found["en"])) == ([1, *b"ef"], [[1, *b"abcd"]], 2)
    assert found.tokens == found.report["tokens"] == {"en": 6}  # the first position of a document does not count


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=3),
    st.one_of(st.none(), st.integers(1, 30)),
    st.booleans(),
)
def test_languages_have_equal_tokens_unless_told_not_to(lengths, tokens, equal):
    given_ = [Corpus.of(f"x-l{k}", ["a" * n for n in of]) for k, of in enumerate(lengths)]
    found = token_documents(Letters(), given_, tokens=tokens, equal=equal)
    have = [sum(of) if tokens is None else min(tokens, sum(of)) for of in lengths]
    assert list(found.tokens.values()) == ([min(have)] * len(have) if equal else have)
    for language, number in found.tokens.items():
        assert sum(len(ids) - 1 for ids in found[language]) == number
        assert all(len(ids) >= 2 for ids in found[language])
        assert [*found[language]] == [*found[language]]  # as often as one likes
        assert [len(ids) for ids in found[language]] == found[language].lengths().tolist()


def test_a_number_of_documents_is_met_exactly_and_not_cut(caplog):
    found = token_documents(Letters(), corpora(3, 5), documents=2)
    assert found.report["documents"] == {"x-l0": 2, "x-l1": 2}
    assert found.tokens == {"x-l0": 6, "x-l1": 10}
    with pytest.raises(DataError, match=r"'x-l0' .* has 3 documents and 7 were asked for"):
        token_documents(Letters(), corpora(3, 5), documents=7)
    both = token_documents(Letters(), corpora(3, 5), documents=3, tokens=4)
    assert both.tokens == {"x-l0": 4, "x-l1": 4}  # met by the tokens: no lack of documents
    assert not caplog.records


def test_a_lack_of_tokens_is_a_warning_with_the_number(caplog):
    token_documents(Letters(), corpora(3, 5), tokens=12)
    assert "'x-l0' has 9 tokens of the 12 asked for; every language is cut to 9" in caplog.text
    caplog.clear()
    token_documents(Letters(), corpora(3, 5), tokens=12, equal=False)
    assert "cut" not in caplog.text and "9 tokens of the 12" in caplog.text
    caplog.clear()
    token_documents(Letters(), corpora(3, 5))
    assert "every language is cut to the 9 tokens that the corpus of 'x-l0' has" in caplog.text
    caplog.clear()
    token_documents(Letters(), corpora(3, 5), tokens=6)
    assert not caplog.records


def test_long_documents_are_cut_and_those_without_tokens_counted():
    found = token_documents(Letters(), [Corpus.of("x-a", ["abcdef", "a"])], max_length=4)
    assert list(found["x-a"]) == [[1, *b"abc"], [1, *b"a"]]
    found = token_documents(Letters(begin=()), [Corpus.of("x-a", ["a", "abc", "b"])])
    assert list(found["x-a"]) == [[*b"abc"]]
    assert found.report["without_tokens"] == {"x-a": 2}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"corpora": []}, "there is no corpus"),
        ({"corpora": corpora(3) * 2}, "'x-l0' has two corpora"),
        ({"tokens": 0}, "tokens must be at least 1"),
        ({"documents": 0}, "documents must be at least 1"),
        ({"max_length": 1}, "max_length must be at least 2"),
        ({"order": "random"}, "sequential, shuffled"),
    ],
)
def test_impossible_settings_are_one_sentence(arguments, says):
    with pytest.raises(SpecError, match=says):
        token_documents(Letters(), **{"corpora": corpora(3), **arguments})


def test_no_text_and_no_tokens_are_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"'x-a' .* holds no text"):
        token_documents(Letters(), [Corpus("x-a", written(tmp_path / "a.txt", "\n \n"))])
    with pytest.raises(DataError, match="yields no tokens for the corpus of 'x-a'"):
        token_documents(lambda texts, **_: {"input_ids": [[1]] * len(texts)}, [Corpus.of("x-a", ["abc"])])


def test_a_full_disk_while_tokens_are_kept_is_one_sentence(monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", Full)
    with pytest.raises(OutputError, match=r"No space left on device.*TMPDIR"):
        token_documents(Letters(), corpora(3))


# Order, hash, report


def test_shuffling_is_a_permutation_that_the_seed_decides(monkeypatch):
    texts = [str(n) for n in range(500)]
    corpus = Corpus.of("x-a", texts)
    one, again, other = (list(_order.ordered(corpus, "shuffled", seed)) for seed in (1, 1, 2))
    assert one == again != other
    assert sorted(one, key=int) == texts != one
    assert list(_order.ordered(corpus, "sequential", 1)) == texts
    for limit in ({"BUFFER_DOCUMENTS": 20}, {"BUFFER_CHARACTERS": 50}):
        with monkeypatch.context() as patched:
            for name, value in limit.items():
                patched.setattr(_order, name, value)
            windowed = list(_order.ordered(corpus, "shuffled", 1))
        assert sorted(windowed, key=int) == texts != windowed
        assert all(int(text) <= at + 30 for at, text in enumerate(windowed))  # nothing is drawn from far ahead


def test_the_draw_of_a_shuffle_is_fixed():
    corpus = Corpus.of("zh", [str(n) for n in range(12)])
    assert " ".join(_order.ordered(corpus, "shuffled", 0)) == "11 8 5 0 3 9 7 2 10 1 4 6"


def test_the_hash_covers_languages_and_ids_as_used():
    given_ = [Corpus.of("x-b", ["cd", "e"]), Corpus.of("x-a", ["ab"])]
    found = token_documents(Letters(), given_, equal=False)
    digest = hashlib.sha256()
    for label, rows in (("x-a", [[1, *b"ab"]]), ("x-b", [[1, *b"cd"], [1, *b"e"]])):
        digest.update(json.dumps(label).encode())
        digest.update(np.array([len(row) for row in rows], dtype="<i8").tobytes())
        digest.update(np.array([n for row in rows for n in row], dtype="<i4").tobytes())
    assert found.hash == found.report["sha256"] == digest.hexdigest()
    assert token_documents(Letters(), given_[::-1], equal=False).hash == found.hash
    assert token_documents(Letters(), given_, tokens=2).hash != found.hash


def test_the_report_is_plain_json_and_says_how_it_was_made(tmp_path):
    source = written(tmp_path / "a.txt", "abc\ndef\n")
    found = token_documents(Letters(), [Corpus("x-a", source)], tokens=4, order="shuffled", seed=3, max_length=9)
    assert json.loads(json.dumps(found.report)) == {
        "sha256": found.hash, "tokens": {"x-a": 4}, "documents": {"x-a": 2}, "sources": {"x-a": source},
        "max_length": 9, "order": "shuffled", "seed": 3, "equal": True,
    }  # fmt: skip
    assert list(found) == ["x-a"] and len(found) == 1


def test_progress_tells_every_token():
    told = []
    token_documents(Letters(), corpora(3, 5), done=lambda language, tokens: told.append((language, tokens)))
    assert told == [("x-l0", 9), ("x-l1", 15)]


# The wrong language


@pytest.mark.parametrize(("label", "warns"), [("zh", True), ("fr", False), ("fr-CA", False), ("x-mine", False)])
def test_a_corpus_that_looks_like_another_language_is_a_warning(caplog, label, warns):
    caplog.set_level(logging.WARNING)
    token_documents(Letters(), [Corpus.of(label, [FRENCH] * 50)])
    assert ("looks like 'fr'" in caplog.text) == warns


def test_the_packaged_text_gives_no_warning(caplog):
    folder = packaged("neuron_sets") / "demo" / "text" / "detection"
    given_ = [Corpus(path.stem, str(path), "blank-line") for path in sorted(folder.glob("*.txt"))]
    assert len(given_) == 7
    token_documents(Letters(), given_, documents=100)
    assert not caplog.records


def test_real_text_of_24_languages_warns_exactly_where_the_label_is_wrong(caplog, test_data):
    files = sorted((test_data / "leipzig").glob("??.txt"))
    assert len(files) == 24
    token_documents(Letters(), [Corpus(path.stem, str(path)) for path in files], documents=300)
    token_documents(Letters(), [Corpus("ms", str(test_data / "leipzig" / "id.txt"))], documents=300)  # a close pair
    assert not caplog.records
    token_documents(Letters(), [Corpus(a.stem, str(b)) for a, b in pairwise(files)], documents=300)
    assert len(caplog.records) == 23


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, caplog):
    page = Path(__file__).parents[2] / "docs" / "corpora.md"
    if not page.is_file():
        pytest.skip("needs the docs of a checkout")
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "zh.txt", "一二三四五六七\n")
    written(tmp_path / "sw.jsonl", '{"body": "habari"}\n')
    names = {"tokenizer": Letters()}
    exec(block, names)
    assert names["documents"].tokens == {"zh": 6, "sw": 6, "fr": 6}
    assert "'sw' has 6 tokens of the 1000000 asked for; every language is cut to 6" in caplog.text


def test_temporary_files_vanish(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = token_documents(Letters(), corpora(3))
    assert found["x-l0"][1] == [1, *b"aaa"]
    assert not list(tmp_path.iterdir())  # unlinked from the start: nothing is left behind by a kill


def test_memory_does_not_grow_with_the_text(tmp_path):
    """What four times the text takes more is a few bytes a document, and nothing of its kilobyte of text or tokens."""
    text = FRENCH * 11

    def tokenizer(texts, truncation, max_length):
        return {"input_ids": [[ord(letter) for letter in each] for each in texts]}

    def peak(lines):
        corpora = [Corpus(code, written(tmp_path / f"{code}.txt", f"{text}\n" * lines)) for code in ("en", "zh")]
        tracemalloc.start()
        try:
            found = token_documents(tokenizer, corpora, max_length=2048)
            read = sum(len(ids) for language in found.languages for ids in found[language])
            assert read == 2 * lines * len(text)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(500), peak(2000)
    assert many - few < 0.1 * 2 * 1500 * len(text)
