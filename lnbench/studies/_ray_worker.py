"""What a study has in each process of a Ray cluster: the model, on which it measures documents and runs cells."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench.errors import StudyError
from lnbench.neurons import NeuronSet
from lnbench.studies._cell import Cell, Role
from lnbench.studies._cell_runner import CellRunner
from lnbench.studies._detect import neuron_file, revision_of
from lnbench.studies._model import load_model
from lnbench.studies._session import Session

if TYPE_CHECKING:
    from lnbench.detection import Loaded, ShardMeter
    from lnbench.studies._plan import StudyPlan


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
class Detecting:
    """What a worker says of the model that neurons are to be found on.

    Attributes:
        file: the name of the file that a store keeps them in.
        name, revision: of the model.
        loaded: what other workers must have loaded too.
    """

    file: str
    name: str
    revision: str | None
    loaded: Loaded


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
    """

    plan: StudyPlan
    folder: str
    _lm: Any = None
    _meter: ShardMeter | None = None
    _session: Session | None = None
    _runner: CellRunner | None = None

    def detecting(self) -> Detecting:
        """Load the model that neurons are to be found on."""
        assert self.plan.study.detect is not None
        lm = self._model()
        file = neuron_file(self.plan.study.detect, lm)
        return Detecting(file, lm.model_name, revision_of(lm), self._measuring().told)

    def measure(self, measure: Any, shard: Any, like: Loaded) -> Any:
        """Measure a shard of documents, see :meth:`lnbench.detection.ShardMeter.run`."""
        return self._measuring().run(measure, shard, like)

    def open(self, neurons: NeuronSet | None = None) -> Opened:
        """Load the model and name the cells.

        Args:
            neurons: the set, for a study that detects one.

        Raises:
            LnbenchError: the study cannot be run as it stands.
        """
        session = self._opened(neurons)
        weights = {name: task.cost.weight for name, task in session.tasks.items()}
        cells = [(role, cell, weights[role.task.name]) for role, cell in session.cells]
        return Opened(session.lm.model_name, cells)

    def run(self, number: int, name: str, neurons: NeuronSet | None = None) -> Returned:
        """Run the cell at a place of the plan.

        Args:
            number: its place.
            name: the id that it must have here too.
            neurons: the set, for a study that detects one.

        Raises:
            StudyError: the cell has another id on this machine: its model, data or settings differ.
        """
        session = self._opened(neurons)
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
            self._lm = load_model(self.plan.study, self.plan.neurons)
        return self._lm

    def _measuring(self) -> ShardMeter:
        from lnbench.detection import Loaded, ShardMeter

        if self._meter is None:
            lm = self._model()
            self._meter = ShardMeter(lm.model, Loaded.of(lm.model, json.dumps(lm.output_key(), sort_keys=True)))
        return self._meter

    def _opened(self, detected: NeuronSet | None) -> Session:
        if self._session is None:
            if self._meter is not None:
                self._meter.close()
            lm, neurons = self._model(), detected or self.plan.neurons
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
