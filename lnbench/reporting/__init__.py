"""Reporting: rows, statistics, tables and pictures made from scores; it does not know how a cell was run."""

from lnbench.reporting._heat import empty_figure, heat_panel, new_figure, png_bytes
from lnbench.reporting._heatmap import plot_matrix
from lnbench.reporting._look import LINE_COLOURS, LINE_MARKERS, caption
from lnbench.reporting._matrix import Matrix, change_table, changes, matrix, matrix_table, summary_table
from lnbench.reporting._overlap import overlap_table, pair_table, plot_overlap
from lnbench.reporting._rows import Row, rows_from_scores, write_rows
from lnbench.reporting._set_picture import set_picture
from lnbench.reporting._truth import grid_table, plot_truth, truth_table
from lnbench.reporting.reading import Results, Scores, read_results
from lnbench.reporting.statistics import (
    Difference,
    Effect,
    Selectivity,
    compare,
    compare_average,
    diagonal_share,
    english_gap,
    harms,
    holm,
    langspec_f1,
    paired_difference,
    selectivity,
)
from lnbench.reporting.tables import FORMATS, Table, TableCell, TableRow, render, standard_table, standard_tables

__all__ = [
    "FORMATS",
    "LINE_COLOURS",
    "LINE_MARKERS",
    "Difference",
    "Effect",
    "Matrix",
    "Results",
    "Row",
    "Scores",
    "Selectivity",
    "Table",
    "TableCell",
    "TableRow",
    "caption",
    "change_table",
    "changes",
    "compare",
    "compare_average",
    "diagonal_share",
    "empty_figure",
    "english_gap",
    "grid_table",
    "harms",
    "heat_panel",
    "holm",
    "langspec_f1",
    "matrix",
    "matrix_table",
    "new_figure",
    "overlap_table",
    "pair_table",
    "paired_difference",
    "plot_matrix",
    "plot_overlap",
    "plot_truth",
    "png_bytes",
    "read_results",
    "render",
    "rows_from_scores",
    "selectivity",
    "set_picture",
    "standard_table",
    "standard_tables",
    "summary_table",
    "truth_table",
    "write_rows",
]
