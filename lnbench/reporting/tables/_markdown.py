"""The table as GitHub Markdown. Names that come from files are escaped: a model may be called anything."""

from __future__ import annotations

import re
from collections.abc import Sequence

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

__all__ = ["as_markdown", "words"]


def as_markdown(table: Table) -> str:
    """The table with its uncertainty in each cell, the selectivity below it, then what a reader must know."""
    parts = [f"**{_escaped(table.model)}: {_escaped(table.dataset)}**", _answered(table), _table(words(table))]
    selective = selectivity_rows(table)
    if selective:
        parts.append(_table(selective))
    parts.append("\n".join(f"- {_escaped(sentence)}" for sentence in describe(table)))
    return "\n\n".join(filter(None, parts)) + "\n"


def _answered(table: Table) -> str:
    told = answer_words(table)
    return "\n".join([f"{QUESTION}\n", *(f"- {_escaped(line)}" for line in told)]) if told else ""


def words(table: Table) -> list[list[str]]:
    """Header and rows, each number with its uncertainty behind it; names are not escaped."""
    style = Style(table)
    rows = [header_of(table)]
    for row, cells in shown_rows(table):
        named = f"{label_of(row)} ({draws_of(row)})" if row.control else label_of(row)
        shown = [_cell(style, column, cell) for column, cell in cells]
        rows.append([named, *shown, *([scored_of(row)] if table.fidelity_metric else [])])
    return rows


def _cell(style: Style, column: str, cell: TableCell | None) -> str:
    return MISSING if cell is None else f"{style.value(cell, column)}{cell.mark} {style.spread(cell, column)}".strip()


def _table(rows: Sequence[Sequence[str]]) -> str:
    ruler = ["---", *["---:"] * (len(rows[0]) - 1)]
    escaped = [[_escaped(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [escaped[0], ruler, *escaped[1:]])


def _escaped(text: str) -> str:
    """Characters that Markdown or HTML would act on, made harmless; line breaks as spaces."""
    plain = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~!#])", r"\\\1", plain)
