"""One section of the page for each table: its cells as text, with what sorting and filtering need beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lnbench.languages import LANGUAGES
from lnbench.reporting.page._scene import number
from lnbench.reporting.page._shown import Board, Shown
from lnbench.reporting.tables import Table, TableCell, TableRow, answers, change_words, verdict_words
from lnbench.reporting.tables._format import (
    MISSING,
    Style,
    describe,
    draws_of,
    legend_of,
    scored_of,
    selectivity_rows,
)
from lnbench.reporting.tables._table import AVERAGE, FIDELITY

__all__ = ["Cell", "Line", "Section", "sections_of"]


@dataclass(frozen=True)
class Cell:
    """One place: what is shown, what it is sorted by, and more for a pointer."""

    column: str
    text: str
    mark: str = ""
    spread: str = ""
    sort: str = ""
    own: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Line:
    """One row; ``first``: of its ablated language."""

    condition: str
    ablated: str
    draws: str
    control: bool
    first: bool
    cells: Sequence[Cell]


@dataclass(frozen=True, eq=False)
class Section:
    """One table of one model.

    Attributes:
        id: of the HTML element.
        answers: condition, what it answers, and its mean changes.
        names: of the columns that are languages of the language table, in English.
        legend: what stands right below the table, for its marks.
        told: what else a reader must know; its first sentence is the caption.
        against: header and rows of the comparison with random sets: the ablated language, the average, fidelity, and
            every other place that is marked; empty where nothing could be compared.
        unit, absolute: of changes, and of values.
    """

    id: str
    shown: Shown
    table: Table
    columns: Sequence[str]
    lines: Sequence[Line]
    answers: Sequence[tuple[str, str, str]]
    names: Mapping[str, str]
    legend: Sequence[str]
    told: Sequence[str]
    selectivity: Sequence[Sequence[str]]
    against: Sequence[Sequence[str]]
    unit: str
    absolute: str


def sections_of(board: Board) -> Iterator[Section]:
    """The sections in the order of the page."""
    pairs = [(shown, table) for shown in board.shown for table in shown.tables]
    for at, (shown, table) in enumerate(pairs, 1):
        columns = [*table.columns, *(["scored"] if table.fidelity_metric else [])]
        yield Section(
            id=f"table-{at}",
            shown=shown,
            table=table,
            columns=columns,
            lines=list(_lines(table)),
            answers=[(one.condition, verdict_words(one), change_words(table, one)) for one in answers(table)],
            names={code: LANGUAGES[code].english for code in table.languages if code in LANGUAGES},
            legend=legend_of(table),
            told=[sentence for sentence in describe(table) if sentence not in legend_of(table)],
            selectivity=selectivity_rows(table),
            against=_against(table),
            unit="points" if table.percent else table.metric,
            absolute="percent" if table.percent else table.metric,
        )


def _lines(table: Table) -> Iterator[Line]:
    before = None
    for row in table.rows:
        yield _line(table, row, row.ablated != before)
        before = row.ablated


def _line(table: Table, row: TableRow, first: bool) -> Line:
    style = Style(table)
    cells = [_cell(style, row, column) for column in table.columns]
    if table.fidelity_metric:
        share = scored_of(row)
        cells.append(Cell("scored", share, sort="" if share == MISSING else share))
    return Line(row.condition, row.ablated or "", draws_of(row), row.control, first, cells)


def _cell(style: Style, row: TableRow, column: str) -> Cell:
    cell = row.cells.get(column)
    if cell is None:
        return Cell(column, MISSING, tip="no number: not run, or not asked of this row")
    return Cell(
        column,
        style.value(cell, column),
        cell.mark,
        style.spread(cell, column),
        f"{cell.value:.9g}" if math.isfinite(cell.value) else "",
        row.ablated is not None and column in row.ablated.split("+"),
        _tip(cell),
    )


def _against(table: Table) -> list[list[str]]:
    rows = list(_compared(table))
    header = ["condition", "column", "harm beyond random", "95 % prediction interval", "Holm p", "rank p", "sets"]
    return [header, *(_comparison(table, *found) for found in rows)] if rows else []


def _compared(table: Table) -> Iterator[tuple[TableRow, str, TableCell]]:
    for row in table.rows:
        usual = {*(row.ablated or "").split("+"), AVERAGE, FIDELITY}
        for column, cell in row.cells.items():
            if math.isfinite(cell.against_random) and (column in usual or cell.mark):
                yield row, column, cell


def _comparison(table: Table, row: TableRow, column: str, cell: TableCell) -> list[str]:
    points = 100.0 if table.percent or column == FIDELITY else 1.0
    digits = 1 if points > 1 else 3
    low, high = (number(points * end, digits, "+") for end in cell.against_random_interval)
    return [
        f"{row.condition} {row.ablated}",
        column,
        number(points * cell.against_random, digits, "+") + cell.mark,
        MISSING if low == MISSING else f"[{low}, {high}]",
        number(cell.corrected_p, 4),
        number(cell.rank_p, 3),
        str(cell.K),
    ]


def _tip(cell: TableCell) -> str:
    """What stands in no other place of the cell: documents, corrected p, rank p."""
    parts = [f"{cell.n} documents"]
    if math.isfinite(cell.corrected_p):
        parts.append(f"against {cell.K} random sets p = {cell.corrected_p:.3g} (Holm)")
    if math.isfinite(cell.rank_p):
        parts.append(f"rank p = {cell.rank_p:.3g} (uncorrected)")
    if cell.reason:
        parts.append(cell.reason)
    return "; ".join(parts)
