"""The numbers behind every picture, from tables: the page and matplotlib draw the same ones.

Values are in points (percent) where the table is in percent, else in the metric's own unit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lnbench.reporting.tables import Table, TableCell, TableRow

__all__ = ["Bar", "Bars", "Dose", "Heat", "Point", "bars_of", "dose_of", "doses_from_labels", "heats_of"]


@dataclass(frozen=True)
class Heat:
    """Change against the original, one panel.

    Attributes:
        condition: which.
        ablated: rows.
        languages: columns.
        values: ``[row][column]``, NaN where there is none.
        marks: ``*`` or ``+`` or nothing.
        limit: the largest absolute change of all panels of one table; the end of the scale.
        worse: the sign of a change for the worse.
    """

    condition: str
    ablated: Sequence[str]
    languages: Sequence[str]
    values: Sequence[Sequence[float]]
    marks: Sequence[Sequence[str]]
    limit: float
    worse: int = -1


@dataclass(frozen=True)
class Bar:
    """A value with its interval; NaN where it is not known."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Bars:
    """The score of each ablated language on itself: label of the condition -> one bar for each language."""

    languages: Sequence[str]
    groups: Mapping[str, Sequence[Bar]]


@dataclass(frozen=True)
class Point:
    """One dose of one language."""

    dose: float
    bar: Bar


@dataclass(frozen=True)
class Dose:
    """The score of each ablated language on itself, by dose.

    Attributes:
        label: what the dose is.
        lines: language -> points by rising dose.
    """

    label: str
    lines: Mapping[str, Sequence[Point]]


def heats_of(table: Table) -> list[Heat]:
    """One panel for each condition that ablates two languages or more; random controls first."""
    kept = _panels(table)
    changes = {label: [_changes(table, row) for row in rows] for label, rows in kept.items()}
    limit = max((abs(v) for c in changes.values() for row in c for v in row if math.isfinite(v)), default=0.0)
    return [
        Heat(
            condition=label,
            ablated=[str(row.ablated) for row in rows],
            languages=table.languages,
            values=changes[label],
            marks=[[_mark(row, code) for code in table.languages] for row in rows],
            limit=100.0 if table.percent else limit or 1.0,
            worse=-1 if table.higher_is_better else 1,
        )
        for label, rows in kept.items()
    ]


def _panels(table: Table) -> dict[str, list[TableRow]]:
    single = [row for row in table.rows if row.ablated in table.languages]
    panels = {
        label: [r for r in single if r.condition == label] for label in dict.fromkeys(r.condition for r in single)
    }
    return {label: rows for label, rows in panels.items() if len(rows) > 1}


def bars_of(table: Table, conditions: Sequence[str] = ("specific",)) -> Bars | None:
    """Original, random control and some conditions on the ablated language itself; None where nothing is ablated."""
    rows = {(row.condition, row.ablated): row for row in table.rows if row.ablated in table.languages}
    shown = [row for row in rows.values() if row.condition in conditions]
    languages = [code for code in table.languages if any(row.ablated == code for row in shown)]
    if not languages:
        return None
    controls = [row.condition for row in rows.values() if row.control]
    labels = dict.fromkeys([*(c for c in controls if c == "random"), *conditions])
    groups = {"original": [_bar(table, table.row("original"), code) for code in languages]}
    groups |= {label: [_bar(table, rows.get((label, code)), code) for code in languages] for label in labels}
    return Bars(languages, groups)


def dose_of(table: Table, doses: Mapping[str, float]) -> Dose | None:
    """The dose-response of a table; None where there are fewer than two doses beside the original.

    Args:
        table: with a row for each dose and ablated language.
        doses: condition -> what activations are multiplied with (1: untouched); see :func:`doses_from_labels` for
            others.
    """
    named = {row.condition for row in table.rows if not row.control}
    known, label = {c: dose for c, dose in doses.items() if c in named}, "share of the activation that is kept"
    untouched: float | None = 1.0
    if len(known) < 2:
        (known, label), untouched = doses_from_labels(sorted(named)), None
    if len(known) < 2:
        return None
    lines = {code: _points(table, code, known, untouched) for code in table.languages}
    return Dose(label, {code: points for code, points in lines.items() if len(points) > 1})


def doses_from_labels(labels: Sequence[str]) -> tuple[dict[str, float], str]:
    """Conditions that differ in a number alone (``top20``, ``top100``): their numbers, and what they share."""
    groups: dict[str, dict[str, float]] = {}
    for label in labels:
        match = re.fullmatch(r"(\D+?)[-_: ]*(\d+(?:\.\d+)?)", label)
        if match:
            groups.setdefault(match[1], {})[label] = float(match[2])
    largest = max(groups, key=lambda name: len(groups[name]), default="")
    return groups.get(largest, {}), largest


def _points(table: Table, code: str, doses: Mapping[str, float], untouched: float | None) -> list[Point]:
    rows = {row.condition: row for row in table.rows if row.ablated == code and not row.control}
    points = [
        Point(dose, _bar(table, rows[c], code)) for c, dose in doses.items() if c in rows and code in rows[c].cells
    ]
    if untouched is not None and points:
        points.append(Point(untouched, _bar(table, table.row("original"), code)))
    return sorted(points, key=lambda point: point.dose)


def _scale(table: Table) -> float:
    return 100.0 if table.percent else 1.0


def _changes(table: Table, row: TableRow) -> list[float]:
    cells = [row.cells.get(code) for code in table.languages]
    return [math.nan if cell is None else _scale(table) * cell.difference for cell in cells]


def _mark(row: TableRow, code: str) -> str:
    cell = row.cells.get(code)
    return "" if cell is None else cell.mark


def _bar(table: Table, row: TableRow | None, code: str) -> Bar:
    """The value, with the interval of the value, of the change added to the original, or one sd each way."""
    cell = None if row is None else row.cells.get(code)
    if row is None or cell is None or not math.isfinite(cell.value):
        return Bar(math.nan)
    low, high = _ends(row, cell)
    if table.percent:  # an interval of the change may reach past what a score can be
        low, high = (min(max(end, 0.0), 1.0) if math.isfinite(end) else end for end in (low, high))
    return Bar(*(_scale(table) * number for number in (cell.value, low, high)))


def _ends(row: TableRow, cell: TableCell) -> tuple[float, float]:
    if row.control:
        return cell.value - cell.sd, cell.value + cell.sd
    if row.condition == "original":
        return cell.interval
    return cell.base + cell.interval[0], cell.base + cell.interval[1]
