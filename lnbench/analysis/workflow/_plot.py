"""Pictures of the layer blocks: change by block and structure, and the grid of gaps of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lnbench.analysis.workflow._sweep import Sweep
from lnbench.analysis.workflow._table import COLUMNS, WorkflowTable
from lnbench.reporting import caption, heat_panel, new_figure, png_bytes
from lnbench.reporting.tables import TableRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["sweep_png", "workflow_png"]

_Marks = Sequence[Sequence[str]]


def workflow_png(tables: Sequence[WorkflowTable]) -> bytes:
    """Heat maps, one panel for each table: conditions down; English change, non-English change and gap across."""
    tall = max(sum(not row.control for row in table.rows) for table in tables)
    figure, axes = new_figure(1, len(tables), 4.9, 1.3 + 0.42 * tall)
    for axis, table in zip(axes, tables, strict=True):
        _of_table(axis, table)
    figure.suptitle(f"{tables[0].model}: neurons off by block and structure", fontsize=11)
    caption(figure, _mark_words([row for table in tables for row in table.rows if not row.control]))
    return png_bytes(figure)


def _of_table(axis: Axes, table: WorkflowTable) -> None:
    rows = [row for row in table.rows[1:] if not row.control]
    cells = [[row.cells.get(column) for column in COLUMNS[2:5]] for row in rows]
    values = np.array([[math.nan if c is None else c.value for c in line] for line in cells])
    values = values.reshape(len(rows), 3) * (100.0 if table.percent else 1.0)
    marks = [["" if c is None else c.mark for c in line] for line in cells]
    most = 100.0 if table.percent else _most(values)  # one scale for all panels and runs
    heat_panel(
        *(axis, values, [row.condition.replace(" (", "\n(") for row in rows]),
        ["English\nchange", "non-English\nchange", "gap"],
        title=f"{table.dataset}: {_unit(table.metric, table.percent)}",
        shown=_words(values, marks, most),
        most=most,
        worse=-1 if table.higher_is_better else 1,
    )


def sweep_png(found: Sequence[Sweep]) -> bytes:
    """Heat maps of the gap, one panel for each sweep: n1 down, n2 across; a star at the pick."""
    wide, tall = max(len(one.n2s) for one in found), max(len(one.n1s) for one in found)
    figure, axes = new_figure(1, len(found), 2.8 + 0.75 * wide, 1.9 + 0.5 * tall)
    for axis, one in zip(axes, found, strict=True):
        _of_sweep(axis, one)
    figure.suptitle(f"{found[0].model}   (*: picked on half of the documents)", fontsize=11)
    return png_bytes(figure)


def _mark_words(rows: Sequence[TableRow]) -> str:
    marks = {row.cells[column].mark for row in rows for column in COLUMNS[2:5] if column in row.cells}
    words = {"*": "more harm, or a wider gap, than one more random set would give", "+": "less, or a narrower one"}
    return "; ".join(f"{mark}: {text}" for mark, text in words.items() if mark in marks)


def _of_sweep(axis: Axes, one: Sweep) -> None:
    cells = [[one.at(n1, n2) for n2 in one.n2s] for n1 in one.n1s]
    values = np.array([[math.nan if cell is None else cell.gap for cell in line] for line in cells])
    values = values * (100.0 if one.percent else 1.0)
    marks = [["*" if cell is one.pick else "" for cell in line] for line in cells]
    most = 100.0 if one.percent else _most(values)
    heat_panel(
        *(axis, values, [str(n) for n in one.n1s], [str(n) for n in one.n2s]),
        title=f"{one.dataset}, block {one.block}\ngap, {_unit(one.metric, one.percent)}",
        shown=_words(values, marks, most),
        most=most,
        worse=-1,
    )
    axis.set_xlabel("n2, layers of the last block")
    axis.set_ylabel("n1, layers of the first block")


def _unit(metric: str, percent: bool) -> str:
    return f"{metric}, points" if percent else metric


def _most(values: npt.NDArray[np.float64]) -> float:
    return max(float(np.nanmax(np.abs(values), initial=0.0)), 1e-9)


def _words(values: npt.NDArray[np.float64], marks: _Marks, most: float) -> list[list[str]]:
    lines = zip(values, marks, strict=True)
    return [[f"{_signed(value, most)}{mark}" for value, mark in zip(*line, strict=True)] for line in lines]


def _signed(value: float, most: float) -> str:
    if math.isnan(value):
        return "-"
    text = f"{value:+.0f}" if most >= 10 else f"{value:+.2f}"
    return "0" if float(text) == 0 else text
