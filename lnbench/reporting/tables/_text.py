"""The table for a terminal: each row on two lines, the numbers and below them their uncertainty."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from tabulate import tabulate

from lnbench.reporting.tables._answer import QUESTION, answer_words
from lnbench.reporting.tables._format import (
    MISSING,
    Style,
    describe,
    draws_of,
    header_of,
    label_of,
    scored_of,
    selectivity_rows,
    shown_rows,
)
from lnbench.reporting.tables._table import Table, TableCell

__all__ = ["as_text"]

#: A column: its header, then one cell a row; a cell may have two lines.
_Column = list[str]


def as_text(table: Table, *, width: int = 100) -> str:
    """The table as plain text.

    Args:
        table: what to show.
        width: characters a line; columns that do not fit stand in further blocks below.
    """
    first, *columns = _columns(table)
    blocks = _blocks(columns, width - _width(first))
    parts = [f"{table.model}: {table.dataset}"]
    answered = answer_words(table)
    if answered:
        parts.append(_wrapped([QUESTION, *(f"- {line}" for line in answered)], width))
    parts += [_tabulated(list(zip(first, *block, strict=True))) for block in blocks]
    selective = selectivity_rows(table)
    if selective:
        parts.append(_tabulated(selective))
    return "\n\n".join([*parts, _wrapped(describe(table), width)])


def _wrapped(sentences: Sequence[str], width: int) -> str:
    return "\n".join(line for one in sentences for line in textwrap.wrap(one, width, subsequent_indent="  "))


def _tabulated(rows: Sequence[Sequence[str]]) -> str:
    """Without tabulate's own headers, which it sets two spaces wider than their columns."""
    rule = ["-" * max(len(line) for cell in column for line in cell.split("\n")) for column in zip(*rows, strict=True)]
    align = ["left", *["right"] * (len(rows[0]) - 1)]
    return tabulate([rows[0], rule, *rows[1:]], tablefmt="plain", colalign=align, disable_numparse=True)


def _columns(table: Table) -> list[_Column]:
    style = Style(table)
    lines = [header_of(table)]
    for row, cells in shown_rows(table):
        named = f"{label_of(row)}\n  {draws_of(row)}".rstrip()
        shown = [_cell(style, column, cell) for column, cell in cells]
        lines.append([named, *shown, *([scored_of(row)] if table.fidelity_metric else [])])
    return [list(column) for column in zip(*lines, strict=True)]


def _cell(style: Style, column: str, cell: TableCell | None) -> str:
    # A blank where others have their mark keeps the digits in line.
    return MISSING if cell is None else f"{style.value(cell, column)}{cell.mark or ' '}\n{style.spread(cell, column)}"


def _blocks(columns: Sequence[_Column], room: int) -> list[list[_Column]]:
    blocks: list[list[_Column]] = [[]]
    for column in columns:
        if blocks[-1] and sum(map(_width, [*blocks[-1], column])) > room:
            blocks.append([])
        blocks[-1].append(column)
    return blocks


def _width(column: _Column) -> int:
    """With the two spaces that part it from the next."""
    return 2 + max(len(line) for cell in column for line in cell.split("\n"))
