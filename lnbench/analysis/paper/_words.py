"""Numbers of tables as words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lnbench.reporting.tables import Table, TableCell


def value_of(cell: TableCell | None) -> float:
    """The value in a place of a table; NaN where there is none."""
    return math.nan if cell is None else cell.value


def average(values: Sequence[float]) -> float:
    """The mean of the values that are known; NaN where none is."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def number(value: float, table: Table) -> str:
    """A value of a table's metric, in percent where that is usual; empty for NaN."""
    return "" if math.isnan(value) else f"{100 * value:.1f}" if table.percent else f"{value:.3f}"
