"""Holding results to expectations: one finding for each place that a sentence speaks of.

A drop is harm against the original on the same documents: positive where it is worse, whichever way the metric points.
``A drop > B drop`` must be significant: against random controls as one more draw of them (the prediction interval of
the tables), otherwise paired over documents; Holm's correction over all such claims of one run. All other claims are of
the measured numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from lnbench.reporting.checking._against import greater_by
from lnbench.reporting.checking._cells import Cell
from lnbench.reporting.checking._grammar import Condition, Expectation
from lnbench.reporting.checking._groups import judged_groups
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
    value_of,
)
from lnbench.reporting.checking._report import Finding
from lnbench.reporting.checking._settings import Amount, Settings
from lnbench.reporting.statistics import full_range, holm

__all__ = ["judge"]


def judge(expectations: Sequence[Expectation], cells: Sequence[Cell], settings: Settings) -> list[Finding]:
    """Findings in the order of the expectations."""
    lines = _lines(cells)
    judged = [one for expectation in expectations for one in _judged(expectation, lines)]
    corrected = holm([one.p for one in judged])
    return [_with_p(one, p, settings.significance) for one, p in zip(judged, corrected, strict=True)]


def _with_p(judged: Judged, p: float, significance: float) -> Finding:
    finding = judged.finding
    if math.isnan(p):
        return finding
    passed = finding.state == "passed" and p < significance
    said = f"{finding.said}, corrected p {p:.2g}"
    numbers = {**finding.numbers, "p_corrected": p}
    return replace(finding, state="passed" if passed else "failed", said=said, numbers=numbers)


def _lines(cells: Iterable[Cell]) -> list[Line]:
    found: dict[object, list[Cell]] = {}
    for cell in cells:
        found.setdefault((cell.place.line, cell.metric), []).append(cell)
    return [Line(tuple(draws)) for draws in found.values()]


def _judged(expectation: Expectation, lines: Sequence[Line]) -> list[Judged]:
    where = expectation.text
    if expectation.mean or expectation.claim in ("gap", "gaps"):
        return judged_groups(expectation, lines)
    claim = {"drops": _drops, "drop": _drop, "unchanged": _unchanged, "level": _level}[expectation.claim]
    chosen = [line for line in lines if _is_meant(expectation, line, lines)]
    if not chosen:
        return [unjudged(where, "these results have nothing that it speaks of")]
    found = []
    for line in chosen:
        try:
            found.append(claim(expectation, line, lines))
        except Unjudged as error:
            found.append(unjudged(f"{where} ({line.name})", str(error)))
    return found


def _is_meant(expectation: Expectation, line: Line, lines: Sequence[Line]) -> bool:
    """Whether the sentence speaks of this line."""
    cell = line.first
    if expectation.languages and cell.place.language not in expectation.languages:
        return False
    if expectation.tasks and not {cell.dataset, cell.place.task} & expectation.tasks:
        return False
    if cell.metric not in (expectation.metrics or {main_of(cell, lines)}):
        return False
    if expectation.claim == "unchanged" and expectation.condition is None:
        return cell.place.condition != "original" and not cell.control and not cell.place.own
    return _is(expectation.condition or Condition("original"), cell, expectation)


def _is(condition: Condition, cell: Cell, expectation: Expectation) -> bool:
    """Whether a cell has this condition; with nothing said of languages, on its own language."""
    place = cell.place
    if place.condition != condition.label:
        return False
    if condition.label == "original":
        return True
    if expectation.claim == "unchanged":
        return condition.ablated == place.ablated or (condition.ablated is None and not place.own)
    if condition.ablated is None:
        return place.own or place.ablated is None
    return place.ablated == condition.ablated and (bool(expectation.languages) or place.own)


def _drops(expectation: Expectation, line: Line, lines: Sequence[Line]) -> Judged:
    assert expectation.other is not None
    other = _other(expectation.other, line, lines)
    greater, smaller = (line, other) if expectation.compare == ">" else (other, line)
    difference, p = _against(greater, smaller, lines)
    share = is_share_of(line.first, lines)
    said = f"{shown(difference, share)} {'more' if difference > 0 else 'not more'}"
    finding = _finding(expectation, line, difference > TINY, said, difference)
    return Judged(finding, p)


def _against(greater: Line, smaller: Line, lines: Sequence[Line]) -> tuple[float, float]:
    """How much greater a drop is, and the p of it."""
    more, less = ([[harm_of(cell, lines)] for cell in line.cells] for line in (greater, smaller))
    scores = [cell.scores for line in (greater, smaller) for cell in (original_of(line.first, lines), *line.cells)]
    controls = greater.first.control, smaller.first.control
    return greater_by(more, less, controls=controls, scale=full_range(scores))


def _other(condition: Condition, line: Line, lines: Sequence[Line]) -> Line:
    """The line to compare with: on the same task, of the same ablated language unless another is named."""
    place = line.first.place
    ablated = condition.ablated or place.ablated
    for one in lines:
        there = one.first.place
        same = (there.task, one.first.metric) == (place.task, line.first.metric)
        if same and there.condition == condition.label and there.ablated in (ablated, None) and _done(one, line):
            return one
    raise Unjudged(f"there is no {condition.label} {ablated or ''}".rstrip() + " to compare with")


def _done(one: Line, two: Line) -> bool:
    """A random control is one of the same operation."""
    whats = {one.first.what, two.first.what}
    return not (one.first.control or two.first.control) or len(whats) == 1 or None in whats


def _drop(expectation: Expectation, line: Line, lines: Sequence[Line]) -> Judged:
    harm = _mean_harm(line, lines)
    share = is_share_of(line.first, lines)
    amount = amount_of(expectation.amount, value_of([original_of(line.first, lines)]), share)
    holds = compared(expectation, harm, amount)
    return Judged(_finding(expectation, line, holds, f"a drop of {shown(harm, share)}", harm))


def _unchanged(expectation: Expectation, line: Line, lines: Sequence[Line]) -> Judged:
    change = -_mean_harm(line, lines)
    share = is_share_of(line.first, lines)
    amount = amount_of(expectation.amount, value_of([original_of(line.first, lines)]), share)
    said = f"{shown(abs(change), share)} {'better' if change > 0 else 'worse'}" if abs(change) > TINY else "unchanged"
    return Judged(_finding(expectation, line, compared(expectation, abs(change), amount), said, change))


def _level(expectation: Expectation, line: Line, lines: Sequence[Line]) -> Judged:
    value = value_of(line.cells)
    share = is_share_of(line.first, lines)
    given = expectation.amount or Amount(0)
    if given.unit == "%" and not share:
        raise Unjudged(f"{line.first.metric} is no share, so {given} of what is not known; write a plain number")
    amount = given.number * (0.01 if given.unit and share else 1)
    holds = compared(expectation, value, amount)
    return Judged(_finding(expectation, line, holds, f"{value:.3g}", value))


def _mean_harm(line: Line, lines: Sequence[Line]) -> float:
    harms = [harm_of(cell, lines) for cell in line.cells]
    scored = [harm[np.isfinite(harm)] for harm in harms]
    if not all(harm.size for harm in scored):
        raise Unjudged("no document is scored in both conditions")
    return float(np.mean([harm.mean() for harm in scored]))


def _finding(expectation: Expectation, line: Line, holds: bool, said: str, measured: float) -> Finding:
    where = f"{expectation.text} ({line.name})"
    numbers = {"expectation": expectation.text, "measured": measured}
    return Finding("expectation", "passed" if holds else "failed", where, said, numbers)
