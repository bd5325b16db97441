"""How long cells take: seconds a forward token, a generated token and a cell, measured or given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from lnbench.errors import SpecError, StudyError
from lnbench.studies._conditions import ORIGINAL, Condition
from lnbench.studies._cost import Cost

if TYPE_CHECKING:
    from lnbench.neurons import NeuronSet
    from lnbench.studies._plan import StudyPlan

#: Documents of a task that are run to measure, where the batch size does not say.
_DOCUMENTS = 8
_HOUR = 3600


@dataclass(frozen=True)
class Observation:
    """An evaluation that was timed.

    Attributes:
        cost: its tokens, generated ones as they were allowed.
        seconds: wall-clock time on one device.
    """

    cost: Cost
    seconds: float


@dataclass(frozen=True)
class Rates:
    """What work costs on one device.

    Generated tokens are those that a task allows, as in :class:`Cost`; where answers end earlier, one takes fewer
    seconds. Loading the model is not in it.

    Attributes:
        forward, generated: seconds a token; None where nothing says.
        cell: seconds a cell, whatever is in it.
        source: where this is from, in words.
    """

    forward: float | None
    generated: float | None
    cell: float = 0.0
    source: str = "given"

    def seconds(self, cost: Cost, cells: int) -> float | None:
        """Seconds that so many cells with so many tokens together take on one device; None where nothing says."""
        parts = ((cost.forward, self.forward), (cost.generated, self.generated))
        if any(tokens and rate is None for tokens, rate in parts):
            return None
        return cells * self.cell + sum(tokens * (rate or 0.0) for tokens, rate in parts)

    def __str__(self) -> str:
        return (
            f"{_speed(self.forward, 'forward')}, {_speed(self.generated, 'generated')}, {self.cell:.2f} s a cell "
            f"({self.source})"
        )


def given_rates(text: str) -> Rates:
    """The rates that ``F,G`` says: forward and generated tokens a second.

    Raises:
        SpecError: it does not hold two positive numbers.
    """
    numbers = re.fullmatch(r"\s*(\d+\.?\d*)\s*,\s*(\d+\.?\d*)\s*", text)
    if numbers is None or not all(float(number) > 0 for number in numbers.groups()):
        raise SpecError(
            f"--tokens-per-second {text!r} is not F,G; write forward and generated tokens a second, as in 5000,400"
        )
    return Rates(1 / float(numbers[1]), 1 / float(numbers[2]))


def fitted(observed: Sequence[Observation], source: str) -> Rates | None:
    """The rates that explain what was timed, by least squares, none of them negative; None for nothing timed.

    Seconds of an evaluation = ``cell + forward tokens * forward + generated tokens * generated``. A rate is None where
    no evaluation had such tokens.
    """
    if not observed:
        return None
    work = np.array([[1, one.cost.forward, one.cost.generated] for one in observed], dtype=np.float64)
    seconds = np.array([one.seconds for one in observed], dtype=np.float64)
    cell, forward, generated = _not_negative(work, seconds)
    had = work.sum(axis=0) > 0
    return Rates(forward if had[1] else None, generated if had[2] else None, cell, source)


def measured_rates(plan: StudyPlan, neurons: NeuronSet | None) -> Rates:
    """Load the model and run small cells of the original: one task of each dataset, on a batch and on two.

    They are timed as cells of a run are, with all that is written.

    Raises:
        LnbenchError: the model cannot be loaded, a task not be built, or a cell fails.
    """
    from lnbench.studies._evaluation import quiet
    from lnbench.studies._model import load_model

    lm = load_model(plan.study, neurons)
    batch = lm.batch_size if isinstance(lm.batch_size, int) else _DOCUMENTS
    with quiet(lm):
        list(_small_cells(plan, lm, 1))  # to warm up
        observed = [one for documents in (batch, 2 * batch) for one in _small_cells(plan, lm, documents)]
    rates = fitted(observed, f"measured on {sum(one.cost.documents for one in observed)} documents on {lm.device}")
    if rates is None:
        raise StudyError("no task of the study is left to measure; change languages or tasks")
    return rates


def _small_cells(plan: StudyPlan, lm: Any, documents: int) -> Iterator[Observation]:
    from lnbench.studies._cell_runner import CellRunner
    from lnbench.studies._session import Session

    study = plan.study.model_copy(update={"limit": min(documents, plan.study.limit or documents)})
    tasks = tuple({task.dataset: task for task in reversed(plan.tasks)}.values())
    session = Session.open(replace(plan, study=study, tasks=tasks, conditions=(Condition(ORIGINAL),)), lm, None)
    runner = CellRunner(session)
    for role, cell in session.cells:
        with TemporaryDirectory(prefix="lnbench-measure-") as folder:
            record = runner.run(role, cell, Path(folder)).record
        if "error" in record:
            raise StudyError(f"{role.task.name} cannot be measured: {record['error']}")
        yield Observation(session.tasks[role.task.name].cost, record["recorded"]["seconds"])


def hours(seconds: float) -> str:
    """Seconds as device-hours for a reader, who can tell small ones apart."""
    return f"{seconds / _HOUR:,.1f} device-hours" if seconds >= _HOUR else f"{seconds / _HOUR:.2g} device-hours"


def _not_negative(work: np.ndarray, seconds: np.ndarray) -> list[float]:
    """Least squares with coefficients of 0 or more: the best of all ways to leave some out, as there are but three."""
    scale = np.maximum(np.abs(work).max(axis=0), 1)
    best, least = np.zeros(work.shape[1]), float(np.inf)
    for kept in product((True, False), repeat=work.shape[1]):
        at = np.flatnonzero(kept)
        found = np.zeros(work.shape[1])
        found[at] = np.linalg.lstsq(work[:, at] / scale[at], seconds, rcond=None)[0] / scale[at]
        error = float(np.square(work @ found - seconds).sum())
        if (found >= 0).all() and error < least * (1 - 1e-12):
            best, least = found, error
    return [float(one) for one in best]


def _speed(seconds: float | None, kind: str) -> str:
    """In words; at 0 the time of these tokens cannot be told from that of the others."""
    if not seconds:
        return f"{kind} tokens {'unknown' if seconds is None else 'in no time of their own'}"
    return f"{1 / seconds:,.0f} {kind} tokens a second"
