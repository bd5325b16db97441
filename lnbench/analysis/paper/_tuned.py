"""The tasks before and after tuning, in the tuned language and in the others."""

from __future__ import annotations

from collections.abc import Iterator

from lnbench.analysis._section import ShownTable
from lnbench.analysis.paper._words import average, number, value_of
from lnbench.reporting.reading import Results
from lnbench.reporting.tables import Table, TableRow, standard_tables


def tasks_table(results: Results, language: str) -> ShownTable:
    """Every dataset's score of the original and of each tuned condition.

    Args:
        results: of the preset ``plnd-tuning``.
        language: that was tuned.
    """
    tables = standard_tables(results)
    header = ["dataset", "condition", language, "others"]
    metrics = ", ".join(f"{table.dataset} {table.metric}" for table in tables)
    caption = (
        f"Tasks before and after tuning on {language}, mean over the seeds of tuning; others: mean over the other "
        f"languages ({metrics}, in percent where they are shares). *: more harm than tuning random neurons does."
    )
    return ShownTable(caption, header, [line for table in tables for line in _lines(table, language)])


def _lines(table: Table, language: str) -> Iterator[list[str]]:
    for row in table.rows:
        if row.ablated in (None, language):
            yield [table.dataset, row.condition, *_cells(table, row, language)]


def _cells(table: Table, row: TableRow, language: str) -> list[str]:
    own = row.cells.get(language)
    others = [value_of(row.cells.get(code)) for code in table.languages if code != language]
    return [f"{number(value_of(own), table)}{own.mark if own else ''}", number(average(others), table)]
