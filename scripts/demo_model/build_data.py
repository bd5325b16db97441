"""Write the text that the embedded model is measured on, from fixed seeds.

- `neuron_sets/demo/text/detection/{lang}.txt`: training combinations, about 32 thousand tokens a language, documents
  separated by blank lines. All languages begin with the same documents; where a language needs fewer tokens, it has
  more of them.
- `neuron_sets/demo/text/validation/{lang}.jsonl`: 200 parallel held-out documents, e.g.
  `{"id": "validation-0000", "lang": "en", "kind": "qa", "text": "Context: Today is ..."}`.
- `tasks/demo/data/{summ,mc,qa,arith}_{lang}.jsonl`: 100 held-out items a task, parallel by `id`, e.g.
  `{"id": "qa-000", "lang": "en", "context": ..., "question": ..., "prompt": "...Answer:", "target": " in Lisbon"}`.

Run: `python -m scripts.demo_model.build_data`
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from . import tokenizer as frozen
from .grammar import TRAINING_MIX, draw_kind, parallel
from .lexicon import LANGUAGES
from .realise import Document

ROOT = Path(__file__).parents[2]
DETECTION_TOKENS = 32_768
VALIDATION_DOCUMENTS = 200
TEST_ITEMS = 100
SEEDS = {"detection": 1001, "validation": 1002, "summ": 1003, "mc": 1004, "qa": 1005, "arith": 1006}
TASK_KINDS = {"summ": "summ", "mc": "choice", "qa": "qa", "arith": "arith"}
"""Task name in the harness -> kind in the grammar."""
DOCUMENT_MIX = {kind: share for kind, share in TRAINING_MIX.items() if kind != "equations"}
Record = dict[str, str | int | list[str]]


def distinct_documents(mix: dict[str, int], seed: int, *, held_out: bool) -> Iterator[list[Document]]:
    """Yield parallel documents, in all languages in order, none of them twice."""
    rng = random.Random(seed)  # noqa: S311
    seen: set[str] = set()
    while True:
        documents = parallel(draw_kind(mix, rng), rng, held_out=held_out)
        content = documents[0].text + documents[0].wrong
        if content not in seen:
            seen.add(content)
            yield documents


def detection_texts(tokenizer: PreTrainedTokenizerFast) -> dict[str, str]:
    """Return language -> documents of training combinations, until each language has its tokens."""
    texts: dict[str, list[str]] = {language: [] for language in LANGUAGES}
    counts = dict.fromkeys(LANGUAGES, 0)
    for documents in distinct_documents(DOCUMENT_MIX, SEEDS["detection"], held_out=False):
        for document in documents:
            if counts[document.language] < DETECTION_TOKENS:
                texts[document.language].append(document.text)
                counts[document.language] += len(tokenizer.encode(document.text))
        if min(counts.values()) >= DETECTION_TOKENS:
            return {language: "\n\n".join(parts) + "\n" for language, parts in texts.items()}
    raise AssertionError("the stream of documents does not end")


def validation_records() -> dict[str, list[Record]]:
    """Return language -> held-out documents of all kinds."""
    records: dict[str, list[Record]] = {language: [] for language in LANGUAGES}
    stream = distinct_documents(DOCUMENT_MIX, SEEDS["validation"], held_out=True)
    for number, documents in zip(range(VALIDATION_DOCUMENTS), stream, strict=False):
        for doc in documents:
            identity = f"validation-{number:04d}"
            records[doc.language].append({"id": identity, "lang": doc.language, "kind": doc.kind, "text": doc.text})
    return records


def task_records(task: str) -> dict[str, list[Record]]:
    """Return language -> held-out items of one task."""
    records: dict[str, list[Record]] = {language: [] for language in LANGUAGES}
    stream = distinct_documents({TASK_KINDS[task]: 1}, SEEDS[task], held_out=True)
    for number, documents in zip(range(TEST_ITEMS), stream, strict=False):
        for document in documents:
            record: Record = {"id": f"{task}-{number:03d}", "lang": document.language, **document.parts}
            record |= {"prompt": document.prompt, "target": document.target}
            records[document.language].append(record | _choices(document, number) if document.wrong else record)
    return records


def _choices(document: Document, number: int) -> Record:
    """Return the two choices; the right one stands first in every second item."""
    gold = number % 2
    choices = [document.target, document.wrong] if gold == 0 else [document.wrong, document.target]
    return {"choices": choices, "gold": gold}


def build(root: Path = ROOT) -> dict[Path, str]:
    """Return every file's content by its path under `root`."""
    text, data = root / "neuron_sets" / "demo" / "text", root / "tasks" / "demo" / "data"
    files = {
        text / "detection" / f"{language}.txt": content for language, content in detection_texts(frozen.load()).items()
    }
    for language, records in validation_records().items():
        files[text / "validation" / f"{language}.jsonl"] = _lines(records)
    for task in TASK_KINDS:
        for language, records in task_records(task).items():
            files[data / f"{task}_{language}.jsonl"] = _lines(records)
    return files


def _lines(records: list[Record]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, help="where `neuron_sets/` and `tasks/` lie")
    for path, content in build(parser.parse_args().root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
