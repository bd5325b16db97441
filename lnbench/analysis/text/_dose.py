"""Dose and response: how strong must an intervention be, and how many neurons does it take?

Steering: the share answered in the language steered to, in the language asked in, and bits per byte of text of the
former. Ablation: the usual metric of the ablated language's own task.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lnbench.analysis._finite import finite
from lnbench.analysis.text._doses import Dose, dose_of
from lnbench.analysis.text._steering import Measure, Steering, steerings
from lnbench.errors import DataError
from lnbench.reporting import Results, Table, TableCell, standard_table
from lnbench.reporting.tables import grid

__all__ = ["Curve", "Point", "curves"]

#: What is plotted of steering -> what it is called.
_STEERED = {
    "target": "share answered in {target}",
    "source": "share answered in {source}",
    "text": "bits per byte of {target} text",
}


@dataclass(frozen=True)
class Point:
    """One dose.

    Attributes:
        dose: strength, or number of neurons of each language.
        value, low, high: the response, and the original's with the ends of the 95 % interval of the change added: how
            far the change, over documents, could be another. Where steering is right or wrong, Wilson's of the value.
        random, random_low, random_high: mean, least and most of the random sets where steered, one standard deviation
            each way where ablated; NaN without any.
        K: random sets.
    """

    dose: float
    value: float
    low: float
    high: float
    random: float
    random_low: float
    random_high: float
    K: int


@dataclass(frozen=True)
class Curve:
    """The response of one model to one kind of dose.

    Attributes:
        over: ``strength`` or ``top``.
        name: ``zh to fr``, or the ablated language.
        response: what is measured: ``target``, ``source``, ``text`` or a metric.
        words: the same in words.
        original: without any intervention.
        points: by dose, ascending.
    """

    over: str
    name: str
    response: str
    words: str
    original: float
    points: tuple[Point, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, None for what is not known."""
        points = [{key: finite(value) for key, value in vars(point).items()} for point in self.points]
        return {**vars(self), "original": finite(self.original), "points": points}


def curves(results: Results, *, dataset: str | None = None) -> list[Curve]:
    """The curves with at least two doses: of steering where there is some, else of ablation.

    Raises:
        DataError: several models, or no condition was run with two doses.
    """
    steered = any('"expect"' in (s.role.what or "") for s in results)
    found = _of_steering(steerings(results, dataset=dataset)) if steered else _of_ablation(results, dataset)
    if not found:
        raise DataError(
            "no condition was run with two doses or more; run the preset steering-dose, or dose-response for ablation"
        )
    return found


def _of_steering(found: Sequence[Steering]) -> list[Curve]:
    groups: dict[tuple[str, str, str, str], list[Steering]] = {}
    for one in found:
        for over in _kinds(one.dose):
            groups.setdefault((one.dataset, over, one.dose.source, one.target), []).append(one)
    made = []
    for (_, over, source, target), members in groups.items():
        measured = {name: [_response(one, name) for one in members] for name in _STEERED}
        for name, responses in measured.items():
            told = _STEERED[name].format(source=source, target=target)
            pairs = [(one.dose, found) for one, found in zip(members, responses, strict=True) if found is not None]
            made += _curve(over, f"{source} to {target}", name, told, pairs)
    return made


def _response(one: Steering, name: str) -> Measure | None:
    return one.shares.get(name) or one.kept.get(name)


def _curve(over: str, name: str, response: str, words: str, pairs: Sequence[tuple[Dose, Measure]]) -> list[Curve]:
    points = sorted((_point(_x(dose, over), found) for dose, found in pairs), key=lambda point: point.dose)
    if len({point.dose for point in points}) < 2:
        return []
    return [Curve(over, name, response, words, pairs[0][1].original, tuple(points))]


def _kinds(dose: Dose) -> list[str]:
    """Strengths of all neurons, and numbers of neurons at full strength."""
    return ["strength"] if dose.top is None else ["top"] if dose.strength in (0.0, 1.0) else []


def _x(dose: Dose, over: str) -> float:
    return float(dose.strength if over == "strength" else dose.top or 0)


def _point(x: float, found: Measure) -> Point:
    low, high = (min(found.randoms), max(found.randoms)) if found.randoms else (math.nan, math.nan)
    return Point(x, found.steered, *found.interval, found.random, low, high, len(found.randoms))


def _of_ablation(results: Results, dataset: str | None) -> list[Curve]:
    chosen = results if dataset is None else results.where(dataset=dataset)
    return [curve for name in chosen.datasets for curve in _of_table(standard_table(chosen, dataset=name), chosen)]


def _of_table(table: Table, results: Results) -> list[Curve]:
    found = grid(results.where(dataset=table.dataset), table.metric)
    cells = {(row.condition, row.ablated): row.cells for row in table.rows}
    groups: dict[tuple[str, str], list[Point]] = {}
    for line in found.lines:
        dose = None if line.control else dose_of(line)
        cell = None if dose is None else cells[line.condition, line.ablated].get(dose.source)
        if dose is not None and cell is not None:
            controls = [cells[control.condition, control.ablated] for control in found.controls(line)]
            random = next((row[dose.source] for row in controls if dose.source in row), TableCell())
            for over in _kinds(dose):
                groups.setdefault((over, dose.source), []).append(_ablated(_x(dose, over), cell, random))
    return [
        _of_own_task(table, over, code, points)
        for (over, code), points in groups.items()
        if len({point.dose for point in points}) > 1
    ]


def _of_own_task(table: Table, over: str, code: str, points: Sequence[Point]) -> Curve:
    original = table.rows[0].cells[code].value
    ordered = tuple(sorted(points, key=lambda point: point.dose))
    return Curve(over, code, table.metric, f"{table.metric} of {code}", original, ordered)


def _ablated(x: float, cell: TableCell, random: TableCell) -> Point:
    low, high = (cell.base + end for end in cell.interval)
    spread = random.sd if math.isfinite(random.sd) else 0.0
    return Point(x, cell.value, low, high, random.value, random.value - spread, random.value + spread, random.K)
