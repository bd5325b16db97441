"""A study of 10,000 cells: to list, name and take them up, and to open a store in which all are finished."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from benchmarks._ratio import Ratio, seconds

LANGUAGES = ("en", "zh", "fr", "es", "de")
DATASETS = ("demo_summ", "demo_mc", "demo_qa", "demo_arith")
#: 5 languages, each ablated and drawn at random 99 times, on 20 tasks, and the original: 10,020 cells.
DRAWS = 99


def run(*, quick: bool) -> list[Ratio]:
    """Each beside reading and parsing the same manifests, which is the least that can be done."""
    from lnbench.studies import Store, Study
    from lnbench.studies._model import load_model
    from lnbench.studies._session import Session

    study = Study.model_validate(_keys(4 if quick else DRAWS))
    plan = study.plan()
    lm = load_model(study, plan.neurons)
    with TemporaryDirectory(prefix="lnbench-bench-") as folder:
        store = Store(folder)
        session = Session.open(plan, lm, plan.neurons)
        cells = _fill(store, session)
        rows = [
            (f"opening a store of {cells:,} finished cells", 3.0, lambda: _opened(store, cells)),
            (f"listing, naming and resuming {cells:,} cells", 5.0, lambda: _resumed(session, store, cells)),
        ]
        return [_row(what, most, action, store, 1 if quick else 3) for what, most, action in rows]


def _keys(draws: int) -> dict[str, Any]:
    return {
        "name": "many",
        "model": {"pretrained": "lnbench/demo", "device": "cpu", "threads": 1},
        "neurons": "demo_langs_ffn.safetensors",
        "languages": list(LANGUAGES),
        "tasks": list(DATASETS),
        "conditions": {"original": {}, "random": {"control": "random", "seeds": draws}, "specific": {"op": "zero"}},
        "repeat_original": False,
        "limit": 4,
    }


def _row(what: str, most: float, action: Callable[[], None], store: Any, runs: int) -> Ratio:
    def plain() -> None:
        for file in store.cells.glob("*/manifest.json"):
            json.loads(file.read_bytes())

    seconds(action), seconds(plain)  # once without counting
    pairs = [(seconds(action), seconds(plain)) for _ in range(runs)]
    ratios, spent = [a / b for a, b in pairs], statistics.median(a for a, _ in pairs)
    extra = statistics.median(a - b for a, b in pairs)
    spread = statistics.median(ratios), min(ratios), max(ratios), extra, runs
    return Ratio(what, "parsing its manifests", f"< {most:.0f} s", spent < most, *spread, f"takes {spent:.2f} s")


def _opened(store: Any, cells: int) -> None:
    store.check("many", writing=False)
    assert len(store.finished()) == cells


def _resumed(opened: Any, store: Any, cells: int) -> None:
    """What a run does before its first cell, where model, tasks and plans are at hand; then there is nothing to do."""
    from lnbench.studies import Progress, _session
    from lnbench.studies._reconcile import reconcile
    from lnbench.studies._runner import _Run

    study, lm = opened.plan.study, opened.lm
    plan = study.plan()
    store.check(study.name)
    keys = {role.condition: cell.output_key for role, cell in opened.cells}
    ready = {"built_tasks": opened.tasks, "compiled": opened.plans, "_output_keys": keys}
    with ExitStack() as patched:
        for name, value in ready.items():
            patched.enter_context(patch.object(_session, name, lambda *_, value=value: value))
        session = _session.Session.open(plan, lm, plan.neurons)
    assert not reconcile(store, session.cells, study.name, lm.model_name)
    assert _Run(session, store, Progress()).all(session.cells)["finished"] == cells


def _fill(store: Any, session: Any) -> int:
    """Have every cell finished; the results are empty files, as nothing here reads them."""
    study, lm = session.plan.study, session.lm
    store.open({"name": study.name})
    versions = {"lnbench": "0.1.0", "lm_eval": "0.4.13", "started": "2026-01-01T00:00:00.000000+00:00", "seconds": 1.5}
    where = {"device": "cpu", "threads": 1, "batch_size": 8, "engine": "fold", "neurons": 14, "neuron_set": "0" * 64}
    for role, cell in session.cells:
        folder: Path = store.cell(cell.id)
        folder.mkdir()
        results, samples = "results_1.json", f"samples_{cell.task}.jsonl"
        for file in (results, samples):
            (folder / file).touch()
        names = {"results": [results, "0" * 64], "samples": {cell.task: [samples, "0" * 64]}}
        told = {"cell": cell.as_json(), "role": role.as_json(study.name, lm.model_name), "recorded": versions | where}
        manifest = {"schema": "1.0", "id": cell.id, **told, "files": names}
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return len(session.cells)
