"""The sweep over block sizes: the English / non-English gap for every n1 and n2, and a pick not made by noise.

The largest of many measured gaps is too large: it was picked for its noise too. So the pick is made on every second
document and its gap is measured on the others, which had no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.analysis._finite import finite
from lnbench.analysis.workflow._groups import ENGLISH, Group, Sources, groups, sources
from lnbench.analysis.workflow._table import gap_of
from lnbench.errors import DataError
from lnbench.reporting import Results
from lnbench.reporting.statistics import documents, full_range, gap_parts, mean_interval
from lnbench.reporting.tables import Grid, Place, choose_metric, direction, grid, in_percent, resampled

__all__ = ["Sweep", "SweepCell", "sweep", "sweeps"]

FloatArray = npt.NDArray[np.float64]
_Interval = tuple[float, float]
_NONE: _Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class SweepCell:
    """One pair of block sizes.

    Attributes:
        n1, n2: layers of the first and of the last block.
        gap, interval: on all documents, with its 95 % interval; NaN where no neuron is edited.
        random: mean gap of the random sets; NaN without any.
        first, second, second_interval: the gap on every second document from the first on, and on the others.
        apart: whether the gap on those others differs from the pick's (95 % interval of the difference, uncorrected).
    """

    n1: int
    n2: int
    gap: float
    interval: _Interval
    random: float
    first: float
    second: float
    second_interval: _Interval
    apart: bool = False


@dataclass(frozen=True)
class Sweep:
    """All pairs of one block on one dataset.

    Attributes:
        model, dataset, metric, percent, english, others: as in the workflow table.
        block: ``understanding``, ``solving`` or ``generation``.
        documents: documents a language.
        cells: by n1, then n2.
        pick: the cell with the largest gap on the first half; of equal ones that of the smallest n1, then n2.
        largest: the cell with the largest gap on all documents, which is biased upwards.
    """

    model: str
    dataset: str
    metric: str
    percent: bool
    english: str
    others: tuple[str, ...]
    block: str
    documents: int
    cells: tuple[SweepCell, ...]
    pick: SweepCell
    largest: SweepCell

    @property
    def n1s(self) -> tuple[int, ...]:
        """Sizes of the first block, ascending."""
        return tuple(sorted({cell.n1 for cell in self.cells}))

    @property
    def n2s(self) -> tuple[int, ...]:
        """Sizes of the last block, ascending."""
        return tuple(sorted({cell.n2 for cell in self.cells}))

    def at(self, n1: int, n2: int) -> SweepCell | None:
        """The cell of a pair, None where it was not run."""
        return next((cell for cell in self.cells if (cell.n1, cell.n2) == (n1, n2)), None)

    def as_json(self) -> dict[str, Any]:
        """Plain values, NaN as None."""
        made: dict[str, Any] = finite(asdict(self))
        return made


def sweeps(results: Results, *, english: str | None = None, seed: int = 0) -> list[Sweep]:
    """One sweep for each model, dataset and block.

    Raises:
        DataError: see :func:`sweep`.
    """
    found = []
    for model, dataset in dict.fromkeys((s.model, s.dataset) for s in results):
        chosen = results.where(model=model, dataset=dataset)
        name = choose_metric(chosen, dataset, None)
        blocks = dict.fromkeys(group.block.layers for group in _swept(groups(grid(chosen, name))))
        found += [sweep(chosen, block, english=english, seed=seed) for block in blocks]
    if not found:
        raise DataError("the results have no conditions with n1 and n2 that act on a whole block; run plnd-sweep")
    return found


def sweep(
    results: Results, block: str, *, metric: str | None = None, english: str | None = None, seed: int = 0
) -> Sweep:
    """The sweep of one block, of one model on one dataset.

    Args:
        results: with conditions that act on ``block`` with several ``n1`` or ``n2``, at all sites.
        block: ``understanding``, ``solving`` or ``generation``.
        metric: the usual one of the dataset when None.
        english: see :func:`workflow_table`.
        seed: of the bootstrap.

    Raises:
        DataError: there is no such condition, or none edits a neuron; see also :func:`workflow_table`.
    """
    name = choose_metric(results, results.datasets[0], metric)
    whole, higher = grid(results, name), direction(results, name)
    found = [group for group in _swept(groups(whole)) if group.block.layers == block]
    if not found:
        raise DataError(f"no condition acts on the block {block!r} with n1 and n2; run a study of plnd-sweep")
    chosen = sources(whole, found, english)
    cells, pick = _held_to_pick(found, [_places(whole, group, chosen) for group in found], higher, seed)
    return Sweep(
        model=results.models[0],
        dataset=results.datasets[0],
        metric=name,
        percent=in_percent([s for s in results if s.metric == name], name),
        english=chosen.english,
        others=chosen.others,
        block=block,
        documents=len(whole.original[ENGLISH].documents),
        cells=tuple(cells),
        pick=pick,
        largest=_best(cells, "gap"),
    )


def _held_to_pick(
    found: Sequence[Group], places: Sequence[tuple[Place, Place]], higher: bool, seed: int
) -> tuple[list[SweepCell], SweepCell]:
    """Every cell, with whether it differs from the pick, and that pick."""
    cells = [_cell(group, *both, higher, seed) for group, both in zip(found, places, strict=True)]
    at = cells.index(_best(cells, "first"))
    apart = [_apart(places[at], both, higher, seed) for both in places]
    cells = [replace(cell, apart=far) for cell, far in zip(cells, apart, strict=True)]
    return cells, cells[at]


def _swept(found: Sequence[Group]) -> list[Group]:
    whole = [group for group in found if not group.control and not group.block.sites]
    return [group for group in whole if group.block.n1 is not None and group.block.n2 is not None]


def _places(whole: Grid, group: Group, chosen: Sources) -> tuple[Place, Place]:
    return chosen.place(whole, group, ENGLISH, (ENGLISH,)), chosen.place(whole, group, "others", chosen.others)


def _best(cells: Sequence[SweepCell], key: str) -> SweepCell:
    known = [cell for cell in cells if math.isfinite(getattr(cell, key))]
    if not known:
        raise DataError("no pair of block sizes has documents in both conditions, so there is nothing to pick")
    return min(known, key=lambda cell: (-round(getattr(cell, key), 9), cell.n1, cell.n2))


def _cell(group: Group, english: Place, others: Place, higher: bool, seed: int) -> SweepCell:
    n1, n2 = int(group.block.n1 or 0), int(group.block.n2 or 0)
    counts = group.neurons()
    if not english.draws or not others.draws or (counts and not any(counts.values())):
        return SweepCell(n1, n2, math.nan, _NONE, math.nan, math.nan, math.nan, _NONE)
    measured = [
        gap_of(*(_half(place, half) for place in (english, others)), control=False, higher_is_better=higher)
        for half in (None, 0, 1)
    ]
    gap, first, second = (cell for cell in resampled(measured, seed, 10_000))
    random = gap.value - gap.against_random
    return SweepCell(n1, n2, gap.value, gap.interval, random, first.value, second.value, second.interval)


def _half(place: Place, half: int | None) -> Place:
    """Every second document; the same documents of every language where these are parallel."""
    if half is None:
        return place
    cut = slice(half, None, 2)
    return replace(
        place,
        original=[scores[cut] for scores in place.original],
        draws=[[scores[cut] for scores in draw] for draw in place.draws],
        controls=[[scores[cut] for scores in draw] for draw in place.controls],
    )


def _apart(pick: tuple[Place, Place], other: tuple[Place, Place], higher: bool, seed: int) -> bool:
    """Whether two gaps differ on the second half: the interval of their difference, paired over documents."""
    if pick is other or not (other[0].draws and other[1].draws):
        return pick is not other
    sign = -1.0 if higher else 1.0
    halves = [[_half(place, 1) for place in both] for both in (pick, other)]
    english, *others = (
        [sign * (a - b) for a, b in zip(one.draws[0], two.draws[0], strict=True)]
        for one, two in zip(*halves, strict=True)
    )
    units = documents(gap_parts(english[0], others[0]), parallel=pick[0].parallel)
    scale = 2 * full_range([scores for both in halves for place in both for scores in place.draws[0]])
    low, high = mean_interval(units.values, scale, seed=seed) if units.n > 1 else _NONE
    return low > 0 or high < 0
