"""Text that people bring: data of tasks as it is published, prompts and texts of their own, corpora."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.fuzz.formats import Format, json_text, of_gzip, of_json, of_json_lines, of_table, to_bytes
from tests.fuzz.parsers import Parser

MGSM = b"Roger has 5 balls. How many?\t11\nAnd now?\t1,000\n"
EXAMPLES = json.dumps(
    {"MGSM_EXEMPLARS": {"en": {"1": {"q": "Question: A?", "a": "Answer: 1"}, "2": {"q": "Question: B?",
    "a": "Answer: 2"}}},
     "EXEMPLAR_NUMBER_ANSWERS": [1, 2]}
).encode()  # fmt: skip
AS_PYTHON = b"import x\nMGSM_EXEMPLARS = {'en': {'1': {'q': 'Q: A?', 'a': 'A: 1'}}}\nEXEMPLAR_NUMBER_ANSWERS = [1]\n"
QUESTION = {"id": "a", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
XQUAD = json.dumps(
    {"data": [{"paragraphs": [{"context": "Ann ran. Ben sat.", "qas": [QUESTION, {**QUESTION, "id": "b"}]}]}]}
).encode()
CHOICES = [{"label": "A", "text": "a cat"}, {"label": "B", "text": "a dog"}]
XCSQA = "\n".join(
    json.dumps({"id": name, "lang": "en", "question": {"stem": "What?", "choices": CHOICES}, "answerKey": "B"})
    for name in "ab"
).encode()
XLSUM = b'{"id": "1", "url": "u", "title": "t", "summary": "A cat sat.", "text": "A long text. It goes on."}\n'
XLSUM += b'{"id": "1", "url": "v", "title": "t", "summary": "A dog.", "text": "Another text."}\n'
PROMPTS = b'prompt,x\n"Tell me, please",1\nWhy?,2\n'


def task(form: str, lang: str = "en") -> Callable[[Path], None]:
    """The documents of a task from a folder, as lm-eval has them loaded, without the step into Arrow."""
    from lnbench.harness.task_data._documents import FORMS, documents
    from lnbench.harness.task_data._loading import BENCHMARKS
    from lnbench.harness.task_data._record import checksum
    from lnbench.harness.task_data._sources import in_folder
    from lnbench.languages import language

    row, asked = language(lang), FORMS.get(form)
    source = BENCHMARKS[asked.benchmark if asked is not None else form]

    def read(path: Path) -> None:
        folder = next(parent for parent in path.parents if parent.name.startswith("fuzz-"))
        found = in_folder(source, folder, source.name_of(row))
        assert found is None or (found.rows and len(checksum(found.rows)) == 64)
        if asked is not None and found is not None:
            for document in [*documents(asked, found.rows, row, 4000), *documents(asked, found.shots, row, 4000)]:
                assert document["prompt"].encode() and isinstance(document["target"], str)

    return read


def lazily(form: str) -> Callable[[Path], None]:
    made: list[Callable[[Path], None]] = []

    def read(path: Path) -> None:
        made.extend([] if made else [task(form)])
        made[0](path)

    return read


def question(folder: Path) -> None:
    (folder / "mgsm_en.tsv").write_bytes(MGSM)


def python_form() -> Format:
    tokens = (b"__import__('os').system('true')", b"exec('x')", b"lambda: 0", b"(" * 300, b"-" * 3000, b"[" * 150,
    b"'a' 'b'", b"f'{x}'", b"1_0",
              b"0x_", b"\\N{BULLET}", b"'\\ud800'", b"'''", b"class A: pass\n", b"MGSM_EXEMPLARS = 1\n",
              b"a = b = 2\n", b"(yield)", b"x: int = 1\n",
              b"{**a}", b"1 if x else 2", b"{1: 2}", b"{'en'}", b"# coding: utf-7\n", b"\x0c", b"del x\n", b"1j",
              b"b'x'", b"...", b"9" * 5000)  # fmt: skip
    return Format((AS_PYTHON,), tokens)


def parquet_form() -> Format:
    import pyarrow as pa
    from pyarrow import parquet

    def written(**how: Any) -> bytes:
        rows = {"question": ["A?", "B?"], "answer": [None, None], "answer_number": [1, 2]}
        buffer = io.BytesIO()
        parquet.write_table(pa.table(rows), buffer, **how)
        return buffer.getvalue()

    return Format((written(compression="none"), written(compression="snappy"), written(use_dictionary=False)))


# --- corpora

LINES = "A text.\n猫在这里。\n\nAnother text\r\nwith \u2028 in it.\n".encode()
ROWS = b'{"text": "A text.", "x": 1}\n{"text": null}\n{"text": "\xe7\x8c\xab"}\n'


def corpus(path: Path, document: str = "line") -> None:
    from lnbench.detection import Corpus

    found = Corpus("zh", str(path), document=document)
    found.check()
    for text in found.documents():
        assert text.strip() and len(text) <= 1_000_000


def corpus_argument(path: Path) -> None:
    from lnbench.detection import Corpus, parse_amount

    text = path.read_bytes().decode("utf-8", "surrogateescape")
    if "=" in text:
        made = Corpus.parse(text)
        assert made.language and made.source
    else:
        parse_amount(text)


def words(path: Path) -> None:
    from lnbench.detection import read_words

    assert all(word for word in read_words(path))


def of_lines(*seeds: bytes) -> Format:
    def write(rows: Any) -> bytes:
        return to_bytes(
            "\n".join(
                row if isinstance(row, str) else json_text(row) for row in (rows if isinstance(rows, list) else [rows])
            )
        )

    return Format(
        seeds,
        (b"\n", b"\r", b"\n\n", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\x0c", b"\x1c"),
        lambda data: data.decode().split("\n"),
        write,
    )


def parsers() -> Iterator[Parser]:
    here = {"named": "fuzz-"}
    yield Parser("MGSM tsv", "mgsm_en.tsv", lambda: of_table(MGSM, delimiter="\t"), lazily("mgsm_direct"), **here)
    yield Parser(
        "MGSM examples JSON", "exemplars.json", lambda: of_json(EXAMPLES), lazily("mgsm"), prepare=question, **here
    )
    yield Parser("MGSM examples Python", "exemplars.py", python_form, lazily("mgsm"), prepare=question, **here)
    yield Parser("XQuAD JSON", "xquad.en.json", lambda: of_json(XQUAD), lazily("xquad"), **here)
    yield Parser("X-CSQA JSONL", "X-CSQA-en/dev.jsonl", lambda: of_json_lines(XCSQA), lazily("xcsqa_letters"), **here)
    yield Parser("XL-Sum JSONL", "xlsum/english_test.jsonl", lambda: of_json_lines(XLSUM), lazily("xlsum"), **here)
    yield Parser("prompts CSV", "open/en.csv", lambda: of_table(PROMPTS), lazily("open"), **here)
    yield Parser("own texts JSONL", "ppl/en.jsonl", lambda: of_json_lines(ROWS), lazily("ppl"), **here)
    yield Parser("parquet", "en/test-00000-of-00001.parquet", parquet_form, lazily("mgsm_direct"), **here)
    yield Parser("corpus text", "input.txt", lambda: of_lines(LINES), partial(corpus, document="blank-line"))
    yield Parser("corpus JSONL", "input.jsonl", lambda: of_json_lines(ROWS), corpus)
    yield Parser("corpus gzip", "input.jsonl.gz", lambda: of_gzip(gzip.compress(ROWS)), corpus)
    yield Parser(
        "corpus arguments",
        "input.txt",
        lambda: of_lines(b"zh=zh.txt", b"zh=datasets:org/wiki:zh:train:text", b"1M"),
        corpus_argument,
        named="",
    )
    yield Parser("word lists", "input.txt", lambda: of_lines(b"cat\ndog 12\n"), words)
