"""The corpus table, held to direct counting on the embedded model's tokenizer."""

from __future__ import annotations

import json

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from lnbench._data import demo_model_dir, packaged
from lnbench.detection import Corpus, coverage_of, read_words, token_documents, with_coverage
from lnbench.detection.corpora._coverage import Distinct, words_of
from lnbench.errors import DataError, SpecError

from ..checking.conftest import call

TEXT = packaged("neuron_sets") / "demo" / "text" / "detection"


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(demo_model_dir())


def corpora(*labels):
    return [Corpus(label, str(TEXT / f"{label[-2:]}.txt"), document="blank-line") for label in labels]


@given(st.lists(st.text(max_size=3), max_size=200))
def test_few_words_are_counted(texts):
    distinct = Distinct(limit=1000)
    distinct.add(texts)
    assert len(distinct) == len(set(texts)) and distinct.exact


@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_many_words_are_estimated_in_bounded_memory(seed):
    distinct, number = Distinct(limit=1000), 20_000
    for start in range(0, number, 500):
        distinct.add(f"{seed} {n}" for n in range(start, start + 500))
        distinct.add(f"{seed} {n}" for n in range(start, start + 500))  # again changes nothing
        assert len(distinct._held) <= 1000
    assert not distinct.exact and abs(len(distinct) / number - 1) < 6 * 1.2 / 1000**0.5


def test_words():
    assert list(words_of("The CAT's hat, 12 naïve")) == ["the", "cat", "s", "hat", "naïve"]
    assert list(words_of("我喜欢 cats!")) == ["我", "喜", "欢", "cats"]
    assert list(words_of("ประเทศ")) == regex.findall(r"\X", "ประเทศ")
    assert list(words_of("한국어 말")) == ["한국어", "말"]


def test_a_row_is_what_counting_gives(tokenizer):
    documents = token_documents(tokenizer, corpora("zh", "ru"), tokens=700)
    zh, ru = coverage_of(tokenizer, documents, {"zh": ["北京", "龘龘", "我"]})
    for row, inside in ((zh, r"\p{Han}"), (ru, r"\p{Cyrillic}")):
        ids = [list(one) for one in documents[row.language]]
        seen = {token for one in ids for token in one}
        texts = [tokenizer.decode(one, skip_special_tokens=True) for one in ids]
        letters = [{c for c in tokenizer.decode([t]) if c.isalpha()} for t in range(len(tokenizer))]
        special = set(tokenizer.all_special_ids)
        mine = {
            t for t, one in enumerate(letters) if one and t not in special and all(regex.match(inside, c) for c in one)
        }
        assert (row.documents, row.tokens) == (len(ids), sum(len(one) - 1 for one in ids)) and row.tokens == 700
        assert row.distinct_tokens == len(seen) and row.words_exact
        assert row.words == len({word for text in texts for word in words_of(text)})
        assert (row.script_tokens, row.script_tokens_seen) == (len(mine), len(mine & seen)) and 0 < row.of_script <= 1
    text = "".join(tokenizer.decode(list(one)) for one in documents["zh"])
    assert (zh.listed, zh.listed_seen) == (3, sum(word in text for word in ("北京", "龘龘", "我")))
    assert ru.listed is None and ru.of_list != ru.of_list


def test_labels_that_are_no_language_have_no_script(tokenizer):
    documents = with_coverage(tokenizer, token_documents(tokenizer, corpora("culture:fr", "en"), tokens=300))
    found = documents.report["coverage"]
    assert "script" not in found["culture:fr"] and found["en"]["script"] == "Latn"
    assert json.dumps(documents.report)
    with pytest.raises(SpecError, match="word list of 'xx' and no corpus"):
        coverage_of(tokenizer, documents, {"xx": ["a"]})


def test_word_lists(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("Haus\n\nein Haus\n12\nBäume\n")
    assert read_words(path) == ["Haus", "Bäume"]
    path.write_text("12\n")
    with pytest.raises(DataError, match="holds no word of letters"):
        read_words(path)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    (tmp_path / "en.words").write_text("the\nxylophone\n")
    common = ["detect", "corpus", "--model", "lnbench/demo", "--corpus", f"en={TEXT / 'en.txt'}"]
    more = ["--corpus", f"culture:b={TEXT / 'sw.txt'}", "--document", "blank-line", "--documents", "20"]
    numbers = tmp_path / "rows.json"
    code, out, _ = call([*common, *more, "--words", f"en={tmp_path / 'en.words'}", "--json", str(numbers)])
    rows = json.loads(numbers.read_text())
    assert code == 0 and "culture:b" in out and "50.0 % of 2" in out
    assert rows["en"]["documents"] == 20 and (rows["en"]["listed"], rows["en"]["listed_seen"]) == (2, 1)
    for wrong, said in ((["--words", "en"], "names no language and file"), (["--words", "fr=x"], "without --corpus")):
        with pytest.raises(SpecError, match=said):
            call([*common, *wrong])
