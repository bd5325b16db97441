"""What a table costs, against reading the files that it is made from once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks._ratio import Ratio, ratio

EVALUATED = ("en", "de", "es", "fr", "zh")
ABLATED = (*EVALUATED, "ru", "sw", "th")
DATASETS = ("demo_summ", "demo_qa", "xlsum", "xquad")
DRAWS = 5
METRICS = ("exact_match", "rougeL", "f1", "fidelity")
#: About what one document takes in lm-eval's samples: prompt, answer and their repetitions.
TEXT = "Ein kurzer Text, der im Dokument, in der Frage und in der Antwort steht. " * 4


def run(*, quick: bool) -> list[Ratio]:
    """Reading a store and building its tables; and parsing every line of the same files as JSON, nothing else."""
    from lnbench.reporting import read_results, standard_tables

    documents = 20 if quick else 1000
    with TemporaryDirectory(prefix="lnbench-bench-") as folder:
        store = Path(folder)
        cells = _write(store, documents)
        row = ratio(
            f"tables from {cells} cells x {documents} samples",
            "reading the files once, as JSON",
            "<= 3",
            lambda median, _: median <= 3,
            a=lambda: standard_tables(read_results(store)),
            b=lambda: _read(store),
            runs=1,
            warm=False,  # the files were written just now
        )
    return [row]


def _read(store: Path) -> int:
    rows = 0
    for file in store.rglob("*.json*"):
        text = file.read_text(encoding="utf-8")
        found = [json.loads(line) for line in text.split("\n") if line] if file.suffix == ".jsonl" else json.loads(text)
        rows += len(found)
    return rows


def _conditions() -> Iterator[dict[str, Any]]:
    yield {"condition": "original", "repeat": 0}
    yield {"condition": "original", "repeat": 1}
    for code in ABLATED:
        zero = {"steps": [{"op": "zero"}], "lang": [code]}
        for seed in range(DRAWS):
            spec = {**zero, "control": "random", "seed": seed}
            yield {"condition": "random", "ablated": code, "seed": seed, "spec": spec}
        yield {"condition": "specific", "ablated": code, "spec": zero}


def _write(store: Path, documents: int) -> int:
    rng, number = np.random.default_rng(0), 0
    for dataset in DATASETS:
        for code in EVALUATED:
            shared = [_document(at, f"{dataset} {code} {at}") for at in range(documents)]
            for role in _conditions():
                lost = 0.6 if role.get("ablated") == code and role["condition"] == "specific" else 0.02
                _cell(store / "cells" / f"{number:05d}", dataset, code, role, shared, rng.random((3, documents)), lost)
                number += 1
    return number


def _cell(
    folder: Path, dataset: str, code: str, role: dict[str, Any], shared: list[str], draws: np.ndarray, lost: float
) -> None:
    folder.mkdir(parents=True)
    task = f"lnbench_{dataset}_{code}"
    rows = [_scores(draws[:, at].tolist(), lost) for at in range(len(shared))]
    lines = (f"{document[:-1]}, {json.dumps(row)[1:]}\n" for document, row in zip(shared, rows, strict=True))
    files = {"samples_x.jsonl": "".join(lines), "results_x.json": _results(task, rows)}
    signed = {}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        signed[name] = [name, hashlib.sha256(text.encode()).hexdigest()]
    manifest = {
        "schema": "1.0",
        "id": folder.name,
        "cell": {"task": task},
        "role": {"model": "bench", "dataset": dataset, "language": code, **role},
        "files": {"results": signed["results_x.json"], "samples": {task: signed["samples_x.jsonl"]}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def _document(at: int, name: str) -> str:
    """What the samples of one document have in common, as JSON."""
    told = {
        "doc_id": at,
        "doc": {"id": str(at), "prompt": TEXT, "target": TEXT[:100]},
        "target": TEXT[:100],
        "arguments": {"gen_args_0": {"arg_0": TEXT, "arg_1": {"until": ["\n"]}}},
        "resps": [[TEXT[:150]]],
        "filtered_resps": [TEXT[:150]],
        "filter": "none",
        "metrics": METRICS,
        **dict.fromkeys(("doc_hash", "prompt_hash", "target_hash"), hashlib.sha256(name.encode()).hexdigest()),
    }
    return json.dumps(told)


def _scores(draws: list[float], lost: float) -> dict[str, float | None]:
    first, second, third = draws
    right = float(first > lost)
    return dict(zip(METRICS, (right, right * second, right * second, None if third < 0.05 else right), strict=True))


def _results(task: str, rows: list[dict[str, Any]]) -> str:
    values = {name: [row[name] for row in rows if row[name] is not None] for name in METRICS}
    found = {
        "results": {task: {f"{name},none": sum(of) / len(of) for name, of in values.items()}},
        "configs": {task: {}},
        "higher_is_better": {task: dict.fromkeys(METRICS, True)},
        "n-samples": {task: {"effective": len(rows)}},
        "config": {},
    }
    return json.dumps(found)
