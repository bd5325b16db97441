"""Cells on Ray: two actors against one, and what an empty cell costs. ``python -m benchmarks.bench_ray`` prints them.

One cluster on this machine, one torch thread an actor; starting actors and loading models is left out. Cells take about
half a second (real ones take minutes): short ones would measure the way to the store, which the last row shows alone.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._ratio import Ratio, ratio, seconds
from lnbench._cluster import Pool
from lnbench.studies import Progress, Store, Study
from lnbench.studies._ray import _Board
from lnbench.studies._ray_worker import Opened, Returned, StudyWorker

#: The original and 7 random controls, on two languages.
CONDITIONS, LANGUAGES = 8, ("en", "zh")
CELLS = CONDITIONS * len(LANGUAGES)


@dataclass
class Empty:
    """A worker whose cells are done already: it hands back what a real one computed."""

    opened: Opened
    found: dict[int, Returned]

    def open(self) -> Opened:
        """The cells."""
        return self.opened

    def run(self, number: int, _: str) -> Returned:
        """A finished cell."""
        return self.found[number]


def run(*, quick: bool) -> list[Ratio]:
    """Both rows on one cluster."""
    runs = 1 if quick else 2
    with TemporaryDirectory(prefix="lnbench-bench-") as folder, _cluster():
        plan = _study(limit=2 if quick else 80).plan()
        worker = StudyWorker(plan, str(Path.cwd()))
        with Pool(worker, 2) as two, Pool(worker, 1) as one:
            opened, _ = _warm(one), _warm(two)
            found: dict[int, Returned] = {}
            for pool in (one, two):  # what is imported and made at the first cells; a whole round would take a minute
                _cells(pool, range(4 * (pool.number or 1)), opened, found)
            board = _Boards(Path(folder), opened)
            rows = [_two_against_one(two, one, board, runs)]
            _cells(two, range(CELLS), opened, found)
        with Pool(Empty(opened, found), 1) as pool:
            return [*rows, _empty(pool, board, runs)]


@contextmanager
def _cluster() -> Iterator[None]:
    """A cluster of its own on this machine with places for the actors of both sides, of which one works at a time."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def _two_against_one(two: Pool, one: Pool, board: _Boards, runs: int) -> Ratio:
    return ratio(
        f"{CELLS} cells on 2 Ray actors of one thread", "on 1 actor", "<= 0.6", lambda median, _: median <= 0.6,
        a=lambda: board.all(two), b=lambda: board.all(one), runs=runs, warm=False,
    )  # fmt: skip


def _empty(pool: Pool, board: _Boards, runs: int) -> Ratio:
    """Seconds of each cell that a worker has nothing to do for, store and all."""
    spent = [seconds(lambda: board.all(pool)) / CELLS for _ in range(runs + 1)][1:]
    median = statistics.median(spent)
    return Ratio(
        "an empty cell on Ray, written into the store", "0.3 s", "< 0.3 s", median < 0.3,
        median / 0.3, min(spent) / 0.3, max(spent) / 0.3, median, runs,
    )  # fmt: skip


@dataclass
class _Boards:
    """Runs all cells into a new store each time."""

    folder: Path
    opened: Opened
    _number: Iterator[int] = field(default_factory=count)

    def all(self, pool: Pool) -> None:
        store = Store(self.folder / str(next(self._number)))
        store.open({"name": "bench"})
        ended = _Board(store, Progress(), self.opened, "bench").all(pool)
        assert ended["ran"] == CELLS


def _warm(pool: Pool) -> Opened:
    """Have every worker load the model."""
    import ray

    assert pool.number is not None
    opened: Opened = pool.ask("open")
    while len(pool.workers) < pool.number:
        pool.hire()
    ray.wait(list(pool._calls), num_returns=len(pool._calls)) if pool._calls else None
    pool.work(range(4 * pool.number), "open", lambda _: (), lambda *_: None, lambda _, why: sys.exit(why))
    return opened


def _cells(pool: Pool, numbers: range, opened: Opened, found: dict[int, Returned]) -> None:
    """Run cells without a store."""
    names = [cell.id for _, cell, _ in opened.cells]
    pool.work(numbers, "run", lambda at: (at, names[at]), found.__setitem__, lambda _, why: sys.exit(why))


def _study(limit: int) -> Study:
    keys = {
        "name": "bench",
        "model": {"pretrained": "lnbench/demo", "batch_size": 16, "device": "cpu", "threads": 1},
        "neurons": "demo_langs_ffn.safetensors",
        "languages": list(LANGUAGES),
        "ablate": ["zh"],
        "tasks": ["demo_summ"],
        "conditions": {"original": {}, "random": {"control": "random", "seeds": CONDITIONS - 1}},
        "repeat_original": False,
        "limit": limit,
    }
    return Study.model_validate(keys)


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(run(quick="--quick" in sys.argv)))
