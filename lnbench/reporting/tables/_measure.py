"""The numbers of one place of a table, up to what is resampled for all places together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from lnbench.reporting.statistics import Units, against_random, documents, mean_of_draws
from lnbench.reporting.statistics._against_random import AgainstRandom
from lnbench.reporting.statistics._intervals import Interval, full_range
from lnbench.reporting.tables._grid import Line
from lnbench.reporting.tables._places import Place
from lnbench.reporting.tables._table import TableCell

__all__ = ["Measured", "beside_random", "measure", "of_control"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measured:
    """A cell without its interval and p, and what those are computed from.

    Attributes:
        cell: everything else.
        units, scale: of the interval; empty units where there is none.
        tested: whether a p of no change belongs to it.
        proportion: for the original: its interval, where scores are right or wrong.
    """

    cell: TableCell
    units: Units
    scale: float
    tested: bool
    proportion: Interval | None = None

    def finished(self, interval: Interval, p: float) -> TableCell:
        """The cell, with what was resampled."""
        return replace(self.cell, interval=self.proportion or interval, p=p)


_NO_UNITS = Units(math.nan, np.empty(0), np.empty(0))


def measure(place: Place, line: Line | None, *, higher_is_better: bool) -> Measured:
    """The numbers of one place.

    Args:
        place: its scores.
        line: its condition; None for the original.
        higher_is_better: of the metric of this column.
    """
    if line is None:
        return _original(place)
    changes = [[c - o for o, c in zip(place.original, draw, strict=True)] for draw in place.draws]
    pairs = [_paired(place.original, draw) for draw in place.draws]
    values = [_value(pair, aggregates) for pair, aggregates in zip(pairs, place.values, strict=True)]
    units = [documents(change, parallel=place.parallel) for change in changes]
    cell = TableCell(
        value=_mean(values),
        n=units[0].n,
        coverage=_mean([pair.coverage for pair in pairs]),
        base=_mean([pair.base for pair in pairs]),
        difference=_mean([unit.mean for unit in units]),
        reason=None if math.isfinite(units[0].mean) else "no document is scored in both conditions",
    )
    if line.control:
        return of_control(cell, values)
    scale = full_range([*place.original, *place.draws[0]])
    shown = documents(mean_of_draws(changes), parallel=place.parallel)
    return Measured(_compared(cell, place, changes, scale, higher_is_better), shown, scale, tested=True)


def of_control(cell: TableCell, draws: Sequence[float]) -> Measured:
    """A random control's cell: the spread of its draws stands where others have an interval and a p."""
    sd = float(np.std(draws, ddof=1)) if len(draws) > 1 else math.nan
    return Measured(replace(cell, sd=sd, K=len(draws)), _NO_UNITS, math.nan, tested=False)


def _compared(
    cell: TableCell, place: Place, changes: Sequence[Sequence[FloatArray]], scale: float, higher_is_better: bool
) -> TableCell:
    sign = -1.0 if higher_is_better else 1.0
    harms = [[sign * (c - o) for o, c in zip(place.original, one, strict=True)] for one in place.controls]
    own = [[sign * c for c in change] for change in changes]
    return beside_random(cell, against_random(own, harms, scale=scale, parallel=place.parallel))


def beside_random(cell: TableCell, found: AgainstRandom) -> TableCell:
    """The cell with what it is beside random sets."""
    return replace(
        cell,
        against_random=found.difference,
        against_random_interval=found.interval,
        against_random_p=found.p,
        rank_p=found.rank_p,
        K=len(found.harms),
        reason=cell.reason or found.reason,
    )


def _original(place: Place) -> Measured:
    scores = place.original
    pair = _paired(scores, scores)
    value = _value(pair, place.values[0])
    units = documents(scores, parallel=place.parallel)
    cell = TableCell(value=value, n=units.n, coverage=pair.coverage, base=pair.base)
    if units.n < 2 or abs(value - units.mean) > 1e-6 * max(1.0, abs(value)):
        return Measured(cell, _NO_UNITS, math.nan, tested=False)  # lm-eval's aggregate is no mean over documents
    return Measured(cell, units, full_range(scores), tested=False, proportion=_proportion(np.round(units.values, 12)))


def _proportion(values: FloatArray) -> Interval | None:
    """Wilson's interval, where every document is right or wrong."""
    if not np.isin(values, (0.0, 1.0)).all():
        return None
    found = binomtest(int(values.sum()), values.size).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


@dataclass(frozen=True)
class _Pair:
    """Means over languages of what is scored in both conditions."""

    value: float
    base: float
    coverage: float
    whole: bool


def _paired(original: Sequence[FloatArray], condition: Sequence[FloatArray]) -> _Pair:
    both = [np.isfinite(o) & np.isfinite(c) for o, c in zip(original, condition, strict=True)]
    return _Pair(
        _mean([_mean(c[b]) for c, b in zip(condition, both, strict=True)]),
        _mean([_mean(o[b]) for o, b in zip(original, both, strict=True)]),
        _mean([_mean(b.astype(np.float64)) for b in both]),
        all(bool(b.all()) for b in both),
    )


def _value(pair: _Pair, aggregates: Sequence[float]) -> float:
    """lm-eval's own aggregate where every document is scored, else the mean over those scored in both."""
    return _mean(aggregates) if pair.whole else pair.value


def _mean(numbers: Sequence[float] | FloatArray) -> float:
    return float(np.mean(numbers)) if len(numbers) else math.nan
