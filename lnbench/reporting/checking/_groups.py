"""Claims about several languages at once: the non-English mean, and the English / non-English gap.

Every language is asked with its own neurons off. So is English for the gap; where a condition does not ablate English,
its documents are asked with the other languages' neurons off in turn (Zhao et al. 2024, arXiv 2402.18815).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lnbench.reporting.checking._against import greater_by
from lnbench.reporting.checking._cells import Cell, FloatArray
from lnbench.reporting.checking._grammar import Condition, Expectation
from lnbench.reporting.checking._lines import (
    TINY,
    Judged,
    Line,
    Unjudged,
    amount_of,
    compared,
    harm_of,
    is_share_of,
    main_of,
    original_of,
    shown,
    unjudged,
)
from lnbench.reporting.checking._report import Finding
from lnbench.reporting.statistics import documents, full_range, gap_parts

__all__ = ["judged_groups"]

_ENGLISH = "en"


@dataclass(frozen=True, eq=False)
class _Group:
    """All languages of one condition on one dataset, for one metric.

    Attributes:
        label, control: the condition, and whether it is a random control.
        cells: (ablated, evaluated) -> seed -> cell.
        lines: everything that was read, to find the originals.
    """

    label: str
    control: bool
    cells: dict[tuple[str, str], dict[int | None, Cell]]
    lines: Sequence[Line]

    def languages(self) -> list[str]:
        """Languages other than English that are asked with their own neurons off."""
        return sorted(evaluated for ablated, evaluated in self.cells if ablated == evaluated != _ENGLISH)

    def english(self, others: Sequence[str]) -> list[tuple[str, str]]:
        """Whose neurons are off while English is asked."""
        own = (_ENGLISH, _ENGLISH)
        return [own] if own in self.cells else [(code, _ENGLISH) for code in others if (code, _ENGLISH) in self.cells]

    def draws(self, others: Sequence[str], *, gap: bool) -> list[list[FloatArray]]:
        """Per draw the arrays whose mean of means is the mean harm, or the gap."""
        english = self.english(others) if gap else []
        if gap and not english:
            raise Unjudged(f"{self.label} has no English documents")
        needed = [(code, code) for code in others] + english
        seeds = [seed for seed in self.cells[needed[0]] if all(seed in self.cells[pair] for pair in needed)]
        return [self._draw(others, english, seed) for seed in seeds]

    def _draw(self, others: Sequence[str], english: Sequence[tuple[str, str]], seed: int | None) -> list[FloatArray]:
        harms = [self._harm((code, code), seed) for code in others]
        if not english:
            return harms
        mean: FloatArray = np.mean([self._harm(pair, seed) for pair in english], axis=0)
        return gap_parts(mean, harms)

    def _harm(self, pair: tuple[str, str], seed: int | None) -> FloatArray:
        return harm_of(self.cells[pair][seed], self.lines)

    def originals(self, others: Sequence[str]) -> list[Cell]:
        """The originals of the other languages."""
        return [original_of(next(iter(self.cells[code, code].values())), self.lines) for code in others]


def judged_groups(expectation: Expectation, lines: Sequence[Line]) -> list[Judged]:
    """One finding for each dataset and metric that the sentence speaks of."""
    places = dict.fromkeys(
        (line.first.dataset, line.first.metric) for line in lines if _is_meant(expectation, line, lines)
    )
    if not places:
        return [unjudged(expectation.text, "these results have nothing that it speaks of")]
    found = []
    for dataset, metric in places:
        where = f"{expectation.text} ({dataset}: {metric})"
        try:
            groups = [_group(lines, dataset, metric, one.label) for one in _named(expectation)]
            found.append(_judged(expectation, groups, where))
        except Unjudged as error:
            found.append(unjudged(where, str(error)))
    return found


def _is_meant(expectation: Expectation, line: Line, lines: Sequence[Line]) -> bool:
    cell = line.first
    if expectation.tasks and not {cell.dataset, cell.place.task} & expectation.tasks:
        return False
    assert expectation.condition is not None  # the grammar sees to it
    right = cell.metric in (expectation.metrics or {main_of(cell, lines)})
    return right and cell.place.condition == expectation.condition.label


def _named(expectation: Expectation) -> list[Condition]:
    return [one for one in (expectation.condition, expectation.other) if one is not None]


def _group(lines: Sequence[Line], dataset: str, metric: str, label: str) -> _Group:
    cells: dict[tuple[str, str], dict[int | None, Cell]] = {}
    chosen = [line for line in lines if (line.first.dataset, line.first.metric) == (dataset, metric)]
    chosen = [line for line in chosen if line.first.place.condition == label]
    for line in chosen:
        place = line.first.place
        if place.ablated is not None:
            cells[place.ablated, place.language] = {cell.place.seed: cell for cell in line.cells}
    if not cells:
        raise Unjudged(f"there is no {label} that ablates a language")
    return _Group(label, any(line.first.control for line in chosen), cells, lines)


def _judged(expectation: Expectation, groups: Sequence[_Group], where: str) -> Judged:
    gap = expectation.claim in ("gap", "gaps")
    others = [code for code in groups[0].languages() if all(code in group.languages() for group in groups)]
    if not others:
        raise Unjudged("no language but English is asked with its own neurons off")
    originals = groups[0].originals(others)
    share = is_share_of(originals[0], groups[0].lines)
    draws = [group.draws(others, gap=gap) for group in groups]
    if not all(draws):
        raise Unjudged("no draw has every language")
    parallel = len({cell.keys.positions for cell in originals}) == 1 and bool(originals[0].keys.positions)
    if len(groups) == 1:
        measured = float(np.mean([documents(draw, parallel=parallel).mean for draw in draws[0]]))
        if math.isnan(measured):
            raise Unjudged("no document is scored in both conditions")
        amount = amount_of(expectation.amount, float(np.mean([cell.value for cell in originals])), share)
        return Judged(_finding(expectation, where, compared(expectation, measured, amount), measured, share, others))
    difference, p = _difference(expectation, groups, draws, parallel, full_range([cell.scores for cell in originals]))
    return Judged(_finding(expectation, where, difference > TINY, difference, share, others), p)


def _difference(
    expectation: Expectation,
    groups: Sequence[_Group],
    draws: Sequence[list[list[FloatArray]]],
    parallel: bool,
    scale: float,
) -> tuple[float, float]:
    """How much greater the first is than the second (or, for ``<``, the second than the first), and its p."""
    order = (0, 1) if expectation.compare == ">" else (1, 0)
    (greater, more), (smaller, less) = ((groups[at], draws[at]) for at in order)
    controls = greater.control, smaller.control
    return greater_by(more, less, controls=controls, scale=2 * scale, parallel=parallel)


def _finding(
    expectation: Expectation, where: str, holds: bool, measured: float, share: bool, others: Sequence[str]
) -> Finding:
    what = "a gap of" if expectation.claim == "gap" else "a drop of" if expectation.claim == "drop" else ""
    tail = "" if what else (" more" if measured > 0 else " not more")
    said = f"{what} {shown(measured, share)}{tail}, mean of {', '.join(others)}".strip()
    numbers = {"expectation": expectation.text, "measured": measured, "languages": list(others)}
    return Finding("expectation", "passed" if holds else "failed", where, said, numbers)
