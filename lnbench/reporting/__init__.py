"""Reporting: rows, intervals, tables and pictures made from scores; it does not know how a cell was run."""

from lnbench.reporting._heatmap import plot_matrix
from lnbench.reporting._intervals import Difference, paired_difference
from lnbench.reporting._matrix import Matrix, change_table, changes, matrix, matrix_table, summary_table
from lnbench.reporting._rows import Row, rows_from_scores, write_rows

__all__ = [
    "Difference",
    "Matrix",
    "Row",
    "change_table",
    "changes",
    "matrix",
    "matrix_table",
    "paired_difference",
    "plot_matrix",
    "rows_from_scores",
    "summary_table",
    "write_rows",
]
