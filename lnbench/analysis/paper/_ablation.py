"""The main table of both papers: what is lost without a language's neurons, in that language and in the others."""

from __future__ import annotations

from collections.abc import Sequence

from lnbench.analysis._section import Section, ShownTable
from lnbench.analysis.paper._words import average, number, value_of
from lnbench.reporting.reading import Results
from lnbench.reporting.tables import Table, TableCell, TableRow, standard_tables

_ASKED = (
    "Every language's neurons are set to zero, and as many random ones in the same layers. Each column is one language "
    "with its own neurons ablated (`specific`), under its random controls, and untouched; `others` is the mean over "
    "the languages whose neurons were not ablated. `*` marks more harm than one more random set would do, corrected "
    "for the number of comparisons of the whole table."
)


def ablation_section(results: Results, published: Sequence[ShownTable] = ()) -> Section:
    """The table of every dataset, in the layout of PLND's Table 1.

    Args:
        results: conditions ``original``, ``random`` and ``specific``.
        published: tables that are set beside ours.
    """
    tables = standard_tables(results)
    told = "\n\n".join(_told(table) for table in tables)
    data = {"tables": [table.as_json() for table in tables]}
    shown = [*map(_shown, tables), *published]
    return Section("ablation", "Deactivating a language's neurons", f"{_ASKED}\n\n{told}", shown, data=data)


def _shown(table: Table) -> ShownTable:
    header = ["condition", *table.languages, "mean", "others"]
    original = table.row("original")
    first = ["original", *(_value(original.cells.get(code), table) for code in table.languages)]
    rows = [[*first, _mean([value_of(original.cells.get(code)) for code in table.languages], table), ""]]
    rows += [_line(table, condition) for condition in ("random", "specific")]
    unit = "percent" if table.percent else "as measured"
    return ShownTable(f"{table.model} on {table.dataset}: {table.metric}, {unit}.", header, rows)


def _line(table: Table, condition: str) -> list[str]:
    own = [_own(table, condition, code) for code in table.languages]
    others = [_others(table, row) for row in table.rows if row.condition == condition]
    cells = [_value(cell, table) for cell in own]
    return [condition, *cells, _mean([value_of(cell) for cell in own], table), _mean(others, table)]


def _own(table: Table, condition: str, code: str) -> TableCell | None:
    rows = [row for row in table.rows if row.condition == condition and row.ablated == code]
    return rows[0].cells.get(code) if rows else None


def _others(table: Table, row: TableRow) -> float:
    values = [value_of(row.cells.get(code)) for code in table.languages if code != row.ablated]
    return average(values)


def _mean(values: Sequence[float], table: Table) -> str:
    return number(average(values), table)


def _value(cell: TableCell | None, table: Table) -> str:
    return "" if cell is None else f"{number(cell.value, table)}{cell.mark}"


def _told(table: Table) -> str:
    """Where the effect is, and where there is none."""
    marked = [code for code in table.languages if (cell := _own(table, "specific", code)) and cell.mark == "*"]
    absent = [code for code in table.languages if (cell := _own(table, "specific", code)) and cell.mark != "*"]
    harm = f"own neurons harm {', '.join(marked)} more than random sets do" if marked else ""
    none = f"no more harm than random sets can be told for {', '.join(absent)}" if absent else ""
    return f"{table.dataset}: {'; '.join(filter(None, [harm, none]))}."
