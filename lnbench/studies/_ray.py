"""A study on a Ray cluster: workers run cells, and this process writes each into the store when it comes in.

Workers need no shared folder: what a cell wrote travels back. They need the model, the task data and lnbench itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench._cluster import Pool
from lnbench._write import remedy
from lnbench.errors import OutputError
from lnbench.neurons import NeuronSet
from lnbench.studies._detect import Subject, keep
from lnbench.studies._model import shell
from lnbench.studies._progress import Progress
from lnbench.studies._ray_worker import Detecting, Opened, Returned, StudyWorker
from lnbench.studies._reconcile import reconcile
from lnbench.studies._record import Started, about_study, recorded
from lnbench.studies._runner import RunReport
from lnbench.studies._store import Store

if TYPE_CHECKING:
    from lnbench.studies._plan import StudyPlan
    from lnbench.studies._study import Study


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise OutputError(
            f"the results in {str(folder)!r} could not be written ({error.strerror}); {remedy(error, 'free space')}, "
            "then run the study again"
        ) from error


def run_on_ray(
    study: Study,
    store: Store,
    *,
    address: str | None = None,
    workers: int | None = None,
    gpus: int | None = None,
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
        gpus: that each reserves, over which ``device_map: auto`` spreads its model; when left out none for
            ``device: cpu``, else one where the cluster has any.
        progress: told of every cell.

    Raises:
        ClusterError: there is no such cluster, or no worker lives on it.
        LnbenchError: as :func:`lnbench.studies.run`.
    """
    started = time.monotonic()
    plan, shown = study.plan(), progress or Progress()
    store.check(study.name)
    shown.loading(len(plan.cells))
    gpus = 0 if gpus is None and str(study.model.device) == "cpu" else gpus
    worker = StudyWorker(plan, str(Path.cwd()))
    with Pool(worker, workers, study.model.threads or 1, address, gpus) as pool:
        shared = () if study.detect is None else (pool.put(_neurons(pool, plan, store)),)
        opened: Opened = pool.ask("open", *shared)
        relabelled = reconcile(store, [(role, cell) for role, cell, _ in opened.cells], study.name, opened.model)
        store.open(about_study(plan))
        for name, role in relabelled.items():
            store.relabel(name, role)
        with shown:
            ended = _Board(store, shown, opened, study.name, shared).all(pool)
    ends = {end: ended[end] for end in ("finished", "ran", "failed", "elsewhere")}
    return RunReport(cells=len(opened.cells), **ends, seconds=time.monotonic() - started)


def _neurons(pool: Pool, plan: StudyPlan, store: Store) -> NeuronSet:
    """What the store keeps of an earlier run, or what the workers find now, each in some of the documents."""
    told: Detecting = pool.ask("detecting")
    file = store.folder / told.file
    if not file.is_file():
        import torch

        from lnbench.detection import PoolRunner

        here, runner = shell(plan.study, None), PoolRunner(pool, told.loaded, "measure")
        model = here.model.to(getattr(torch, told.loaded.dtype))  # as the workers have it
        keep(plan, store, file, Subject(model, here.tokenizer, told.name, told.revision, runner))
    return NeuronSet.load(file)


@dataclass(eq=False)
class _Board:
    """Which cells are to be done, under way and done, on the side of the store."""

    store: Store
    shown: Progress
    opened: Opened
    study: str
    shared: tuple[Any, ...] = ()
    """What every call is given besides."""
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

    def _arguments(self, at: int) -> tuple[Any, ...]:
        return at, self.opened.cells[at][1].id, *self.shared

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
                "recorded": recorded(Started()),
                "error": f"the workers that had this cell were lost ({why})",
            },
        )
        self._end(at, "failed")
        self.shown.done(role, work)

    def _end(self, at: int, how: str) -> None:
        self.ended[how] += 1
        self.locks.pop(at).close()
