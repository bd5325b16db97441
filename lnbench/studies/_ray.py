"""A study on a Ray cluster: workers run cells, and this process writes each into the store when it comes in.

Workers need no shared folder: what a cell wrote travels back. They need the model, the task data and lnbench itself.
"""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench._cluster import Pool
from lnbench.errors import OutputError, StudyError
from lnbench.neurons import NeuronSet
from lnbench.studies._cell import Cell, Role
from lnbench.studies._cell_runner import CellRunner
from lnbench.studies._detect import detected, neuron_file
from lnbench.studies._model import load_model
from lnbench.studies._progress import Progress
from lnbench.studies._reconcile import reconcile
from lnbench.studies._record import about_study, recorded
from lnbench.studies._runner import RunReport
from lnbench.studies._session import Session
from lnbench.studies._store import Store

if TYPE_CHECKING:
    from lnbench.studies._plan import StudyPlan
    from lnbench.studies._study import Study


@dataclass(frozen=True)
class Opened:
    """What a worker says of the study when its model is loaded.

    Attributes:
        model: the model's name.
        cells: in the order of the plan, each with its work in tokens.
    """

    model: str
    cells: Sequence[tuple[Role, Cell, int]]


@dataclass(frozen=True)
class Returned:
    """A cell that a worker has run.

    Attributes:
        record: as :class:`Outcome` has it, and the ``host``.
        files: name -> bytes, empty where the cell failed.
        named: ``{"results": name, "samples": {task: name}}``, None where it failed.
    """

    record: Mapping[str, Any]
    files: Mapping[str, bytes]
    named: Mapping[str, Any] | None


@dataclass(eq=False)
class StudyWorker:
    """A study in a process of its own. The model is loaded when something is first asked of it.

    Attributes:
        plan: the study's plan.
        folder: the command's working directory, for relative paths.
        neurons: the neuron set, for a study that detects one; None until it has.
    """

    plan: StudyPlan
    folder: str
    neurons: NeuronSet | None = None
    _lm: Any = None
    _session: Session | None = None
    _runner: CellRunner | None = None

    def neuron_file(self) -> str:
        """The name of the file that a store keeps the detected neurons in."""
        assert self.plan.study.detect is not None
        return neuron_file(self.plan.study.detect, self._model())

    def detect(self) -> NeuronSet:
        """Find the neurons."""
        self.neurons = detected(self.plan, self._model())
        return self.neurons

    def open(self) -> Opened:
        """Load the model and name the cells.

        Raises:
            LnbenchError: the study cannot be run as it stands.
        """
        session = self._opened()
        weights = {name: task.cost.weight for name, task in session.tasks.items()}
        cells = [(role, cell, weights[role.task.name]) for role, cell in session.cells]
        return Opened(session.lm.model_name, cells)

    def run(self, number: int, name: str) -> Returned:
        """Run the cell at a place of the plan.

        Args:
            number: its place.
            name: the id that it must have here too.

        Raises:
            StudyError: the cell has another id on this machine: its model, data or settings differ.
        """
        session = self._opened()
        role, cell = session.cells[number]
        if cell.id != name:
            raise StudyError(
                f"on {socket.gethostname()} the cell {role.condition} on {role.task.name} is another one than on the "
                "machine that was asked first: give all of them the same files of the model and of the tasks"
            )
        with tempfile.TemporaryDirectory(prefix="lnbench-cell-") as folder:
            if self._runner is None:
                self._runner = CellRunner(session)
            outcome = self._runner.run(role, cell, Path(folder))
            return _returned(outcome.record, outcome.files)

    def _model(self) -> Any:
        if self._lm is None:
            _prepare(self.folder)
            self._lm = load_model(self.plan.study, self.neurons or self.plan.neurons)
        return self._lm

    def _opened(self) -> Session:
        if self._session is None:
            lm, neurons = self._model(), self.neurons or self.plan.neurons
            lm.neurons = neurons
            self._session = Session.open(self.plan, lm, neurons)
        return self._session


def _prepare(folder: str) -> None:
    """Be where the command was, and silent as it is."""
    with suppress(OSError):
        os.chdir(folder)
    os.environ.setdefault("TQDM_DISABLE", "1")


def _returned(record: Mapping[str, Any], files: Mapping[str, Any] | None) -> Returned:
    told = {**record, "recorded": {**record["recorded"], "host": socket.gethostname()}}
    if files is None:
        return Returned(told, {}, None)
    paths = [files["results"], *files["samples"].values()]
    named = {"results": files["results"].name, "samples": {task: path.name for task, path in files["samples"].items()}}
    return Returned(told, {path.name: path.read_bytes() for path in paths}, named)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise OutputError(f"the results in {str(folder)!r} could not be written ({error.strerror}); free space, then "
                          "run the study again") from error  # fmt: skip


def run_on_ray(
    study: Study,
    store: Store,
    *,
    address: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Run what is unfinished of a study on a Ray cluster, as :func:`lnbench.studies.run` does in one process.

    A worker that dies with its machine loses nothing but the cell that it had in hand, which another worker takes. A
    cell that loses three workers is recorded as failed.

    Args:
        study: the study.
        store: where finished cells are kept; this process alone writes to it.
        address: of the cluster, see :class:`Pool`.
        workers: how many hold a model each.
        progress: told of every cell.

    Raises:
        ClusterError: there is no such cluster, or no worker lives on it.
        LnbenchError: as :func:`lnbench.studies.run`.
    """
    started = time.monotonic()
    plan, shown = study.plan(), progress or Progress()
    store.check(study.name)
    shown.loading(len(plan.cells))
    worker = StudyWorker(plan, str(Path.cwd()))
    with Pool(worker, workers, study.model.threads or 1, address) as pool:
        if study.detect is not None:
            pool.worker = replace(worker, neurons=_neurons(pool, plan, store))
        opened: Opened = pool.ask("open")
        relabelled = reconcile(store, [(role, cell) for role, cell, _ in opened.cells], study.name, opened.model)
        store.open(about_study(plan))
        for name, role in relabelled.items():
            store.relabel(name, role)
        with shown:
            ended = _Board(store, shown, opened, study.name).all(pool)
    ends = {end: ended[end] for end in ("finished", "ran", "failed", "elsewhere")}
    return RunReport(cells=len(opened.cells), **ends, seconds=time.monotonic() - started)


def _neurons(pool: Pool, plan: StudyPlan, store: Store) -> NeuronSet:
    """What the store keeps of an earlier run, or what a worker finds now."""
    file = store.folder / pool.ask("neuron_file")
    if not file.is_file():
        found: NeuronSet = pool.ask("detect")
        store.open({"name": plan.study.name})
        with store.lock(file.stem, wait=True):
            if not file.is_file():
                found.save(file)
    return NeuronSet.load(file)


@dataclass(eq=False)
class _Board:
    """Which cells are to be done, under way and done, on the side of the store."""

    store: Store
    shown: Progress
    opened: Opened
    study: str
    ended: Counter[str] = field(default_factory=Counter)
    locks: dict[int, ExitStack] = field(default_factory=dict)

    def all(self, pool: Pool) -> Counter[str]:
        """Run the unfinished cells; how many ended how."""
        done = set(self.store.finished_names())
        todo = [at for at, (_, cell, _) in enumerate(self.opened.cells) if cell.id not in done]
        self.ended["finished"] = len(self.opened.cells) - len(todo)
        self.shown.start(len(todo), sum(self.opened.cells[at][2] for at in todo))
        try:
            pool.work(todo, "run", self._arguments, self._done, self._given_up, begin=self._begin)
        finally:
            for lock in self.locks.values():
                lock.close()
        return self.ended

    def _arguments(self, at: int) -> tuple[int, str]:
        return at, self.opened.cells[at][1].id

    def _begin(self, at: int) -> bool:
        """Take the lock of a cell; False where another process has it, or has finished it."""
        role, cell, work = self.opened.cells[at]
        lock = ExitStack()
        mine = lock.enter_context(self.store.lock(cell.id))
        end = "elsewhere" if not mine else "finished" if self.store.manifest(cell.id) is not None else None
        if end is not None:
            lock.close()
            self.ended[end] += 1
            self.shown.done(role, work)
            return False
        self.locks[at] = lock
        self.shown.begin(role)
        return True

    def _done(self, at: int, found: Returned) -> None:
        role, cell, work = self.opened.cells[at]
        folder = self.store.clear(cell.id)
        if found.named is None:
            self.store.fail(cell.id, found.record)
        else:
            _write(folder, found.files)
            samples = {task: folder / name for task, name in found.named["samples"].items()}
            self.store.finish(cell.id, found.record, {"results": folder / found.named["results"], "samples": samples})
        self._end(at, "failed" if found.named is None else "ran")
        self.shown.done(role, work)

    def _given_up(self, at: int, why: str) -> None:
        role, cell, work = self.opened.cells[at]
        self.store.fail(
            cell.id,
            {
                "cell": cell.as_json(),
                "role": role.as_json(self.study, self.opened.model),
                "recorded": recorded(time.time()),
                "error": f"the workers that had this cell were lost ({why})",
            },
        )
        self._end(at, "failed")
        self.shown.done(role, work)

    def _end(self, at: int, how: str) -> None:
        self.ended[how] += 1
        self.locks.pop(at).close()
