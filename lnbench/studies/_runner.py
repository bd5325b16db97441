"""Run a study: every unfinished cell of its plan, each written to the store before the next begins."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lnbench.errors import SpecError
from lnbench.studies._cell import Cell, Role
from lnbench.studies._cell_runner import CellRunner
from lnbench.studies._detect import neurons_of
from lnbench.studies._evaluation import quiet
from lnbench.studies._model import load_model
from lnbench.studies._progress import Progress
from lnbench.studies._reconcile import reconcile
from lnbench.studies._record import about_study
from lnbench.studies._session import Session, put

if TYPE_CHECKING:
    from lnbench.studies._store import Store
    from lnbench.studies._study import Study

_Cells = Sequence[tuple[Role, Cell]]


@dataclass(frozen=True)
class RunReport:
    """How a run ended.

    Attributes:
        cells: cells that were this run's to do (all of the plan, or one shard of it).
        finished: of these, finished before.
        ran: finished now.
        failed: failed now; the store has each one's error.
        elsewhere: being run by another process.
        seconds: wall-clock time.
    """

    cells: int
    finished: int
    ran: int
    failed: int
    elsewhere: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every cell is finished."""
        return self.finished + self.ran == self.cells


def run(study: Study, store: Store, *, shard: tuple[int, int] = (1, 1), progress: Progress | None = None) -> RunReport:
    """Run what is unfinished of a study.

    All refusals come before the store is touched. Then a cell that fails is recorded with its error and the others go
    on. A run that is killed at any point goes on where it stopped when it is started again.

    Args:
        study: the study.
        store: where finished cells are kept.
        shard: (i, n): do the i-th of n shares of the cells, counted from 1.
        progress: told of every cell.

    Raises:
        LnbenchError: the study cannot be run as it stands, the store holds another study, or a result cannot be
            written.
    """
    started = time.monotonic()
    check_shard(shard)
    plan, shown = study.plan(), progress or Progress()
    store.check(study.name)
    shown.loading(len(plan.cells))
    lm = load_model(study, plan.neurons)
    neurons = neurons_of(plan, lm, store)
    session = Session.open(plan.of(neurons), lm, neurons)
    relabelled = reconcile(store, session.cells, study.name, lm.model_name)
    store.open(about_study(session.plan))
    for name, role in relabelled.items():
        store.relabel(name, role)
    share = shares(session, shard[1])[shard[0] - 1]
    with shown, quiet(lm):
        ended = _Run(session, store, shown).all(share)
    ends = {end: ended[end] for end in ("finished", "ran", "failed", "elsewhere")}
    return RunReport(cells=len(share), **ends, seconds=time.monotonic() - started)


def check_shard(shard: tuple[int, int]) -> None:
    """Refuse a share that does not exist.

    Raises:
        SpecError: i is not in 1..n.
    """
    if not 1 <= shard[0] <= shard[1]:
        raise SpecError(f"shard {shard[0]}/{shard[1]} does not exist; i/n counts from 1/n to n/n")


def shares(session: Session, number: int) -> list[_Cells]:
    """The cells in ``number`` shares of about the same work, the same in every process."""
    heap: list[tuple[int, int, list[int]]] = [(0, at, []) for at in range(number)]
    weights = [session.tasks[role.task.name].cost.weight for role, _ in session.cells]
    for cell in sorted(range(len(weights)), key=lambda at: -weights[at]):
        load, at, members = heapq.heappop(heap)
        members.append(cell)
        heapq.heappush(heap, (load + weights[cell], at, members))
    by_place = [members for _, _, members in sorted(heap, key=lambda share: share[1])]
    return [[session.cells[at] for at in sorted(members)] for members in by_place]


class _Run:
    """The loop over cells, in the process that has the model."""

    def __init__(self, session: Session, store: Store, progress: Progress) -> None:
        self._session, self._store, self._progress = session, store, progress
        self._runner = CellRunner(session)

    def all(self, cells: _Cells) -> Counter[str]:
        """Run the unfinished ones; how many ended how. The model is left as the original."""
        done = set(self._store.finished_names())  # they were read just before, and each is again when it is its turn
        todo = [(role, cell) for role, cell in cells if cell.id not in done]
        weights = {role.task.name: self._session.tasks[role.task.name].cost.weight for role, _ in todo}
        self._progress.start(len(todo), sum(weights[role.task.name] for role, _ in todo))
        ended: Counter[str] = Counter({"finished": len(cells) - len(todo)})
        try:
            for role, cell in todo:
                self._progress.begin(role)
                ended[self._one(role, cell)] += 1
                self._progress.done(role, weights[role.task.name])
        finally:
            put(self._session.lm, None, None)
        return ended

    def _one(self, role: Role, cell: Cell) -> str:
        with self._store.lock(cell.id) as mine:
            if not mine:
                return "elsewhere"
            if self._store.manifest(cell.id) is not None:
                return "finished"
            outcome = self._runner.run(role, cell, self._store.clear(cell.id))
            if outcome.files is None:
                self._store.fail(cell.id, outcome.record)
                return "failed"
            self._store.finish(cell.id, outcome.record, outcome.files)
            return "ran"
