"""What claims are held to: the cells of one condition on one task, their harm, and findings that wait for their p."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lnbench.reporting._metric import is_share, usual_metric
from lnbench.reporting.checking._cells import Cell, FloatArray
from lnbench.reporting.checking._grammar import Expectation
from lnbench.reporting.checking._report import Finding
from lnbench.reporting.checking._settings import Amount

_COMPARES: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
#: Differences that are rounding alone.
TINY = 1e-9


class Unjudged(Exception):
    """Why an expectation cannot be judged at a place."""


@dataclass(frozen=True, eq=False)
class Line:
    """All draws of one condition on one task, for one metric."""

    cells: tuple[Cell, ...]

    @property
    def first(self) -> Cell:
        return self.cells[0]

    @property
    def name(self) -> str:
        return f"{self.first.place.line}: {self.first.metric}"


@dataclass(frozen=True)
class Judged:
    """A finding that may hang on a p that is not yet corrected."""

    finding: Finding
    p: float = math.nan


def unjudged(where: str, why: str) -> Judged:
    return Judged(Finding("unjudged expectation", "incomparable", where, f"cannot be judged: {why}"))


def main_of(cell: Cell, lines: Sequence[Line]) -> str:
    """The metric that a sentence means when it names none."""
    there = [one.first for one in lines if one.first.dataset == cell.dataset]
    known = list(dict.fromkeys(one.metric for one in there))
    directed = (one.metric for one in there if one.higher_is_better is not None)
    return usual_metric(cell.dataset, known, directed) or known[0]


def compared(expectation: Expectation, measured: float, amount: float) -> bool:
    """Rounding decides nothing: 0.1 + 0.2 is 0.3."""
    return _COMPARES[expectation.compare](round(measured, 9), round(amount, 9))


def amount_of(amount: Amount | None, base: float, share: bool) -> float:
    return (amount or Amount(0)).of(base, share=share)


def value_of(cells: Sequence[Cell]) -> float:
    values = [cell.value for cell in cells]
    if not all(map(math.isfinite, values)):
        raise Unjudged("no document is scored")
    return float(np.mean(values))


def harm_of(cell: Cell, lines: Sequence[Line]) -> FloatArray:
    """``[documents]`` in the order of the original."""
    original = original_of(cell, lines)
    sign = 1.0 if direction(original) else -1.0
    harm: FloatArray = sign * (original.scores - aligned(cell, original))
    return harm


def direction(cell: Cell) -> bool:
    if cell.higher_is_better is None:
        raise Unjudged(f"the results do not say whether higher {cell.metric} is better")
    return cell.higher_is_better


def original_of(cell: Cell, lines: Sequence[Line]) -> Cell:
    for line in lines:
        if line.first.place == cell.place.original and line.first.metric == cell.metric:
            return line.first
    raise Unjudged("there is no original run of this task")


def aligned(cell: Cell, original: Cell) -> FloatArray:
    here, there = original.keys.places(cell.keys)
    if len(here) != len(original.keys.names) or len(there) != len(cell.keys.names):
        raise Unjudged(f"{cell.place} was run on other documents than the original")
    return cell.scores[there]


def is_share_of(cell: Cell, lines: Sequence[Line]) -> bool:
    """Whether its metric is a share, by the scores of the whole dataset in all conditions."""
    named = cell.dataset, cell.metric
    same = [line for line in lines if (line.first.dataset, line.first.metric) == named]
    return is_share(cell.metric, (one.scores for line in same for one in line.cells))


def shown(number: float, share: bool) -> str:
    return f"{100 * number:.3g} points" if share else f"{number:.3g}"
