"""Processes of a job array on one folder: no cell is run by two of them, and a merge is reading the store."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from lnbench.studies import Store, Study, run
from lnbench.studies._session import Session
from tests.studies.test_resume import PRELOADED, table

CELLS = 16


def one(file: str, folder: str, shard: tuple[int, int], told: str) -> None:
    """A process of the array; cells take long enough that the others are at work too."""
    plain, evaluated = Session.evaluate, []
    Session.evaluate = lambda self, role: time.sleep(0.05) or evaluated.append(role.place) or plain(self, role)  # type: ignore
    report = run(Study.load(file), Store(folder), shard=shard)
    Path(told).write_text(json.dumps({"evaluated": evaluated, **vars(report)}))


def together(file: Path, store: Store, shards: list[tuple[int, int]], folder: Path) -> list[dict]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    notes = [folder / f"{at}.json" for at in range(len(shards))]
    processes = [
        context.Process(target=one, args=(str(file), str(store.folder), shard, str(note)))
        for shard, note in zip(shards, notes)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
        assert process.exitcode == 0
    return [json.loads(note.read_text()) for note in notes]


@pytest.mark.parametrize("shards", [[(1, 2), (2, 2)], [(1, 1), (1, 1)]], ids=["shares", "the whole study twice"])
def test_processes_on_one_folder_share_the_cells(shards, keys, write, tmp_path):
    file, alone, shared = write(keys), Store(tmp_path / "alone"), Store(tmp_path / "shared")
    run(Study.load(file), alone)
    told = together(file, shared, shards, tmp_path)
    places = [tuple(place) for report in told for place in report["evaluated"]]
    assert len(places) == len(set(places)) == CELLS == sum(report["ran"] for report in told)
    assert all(report["ran"] == len(report["evaluated"]) > 0 and not report["failed"] for report in told)
    for report in told:
        assert report["ran"] + report["finished"] + report["elsewhere"] == report["cells"]
    assert table(shared) == table(alone)  # nothing is to be merged
    assert run(Study.load(file), shared).finished == CELLS
