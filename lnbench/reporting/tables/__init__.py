"""The standardized table, and what it looks like in a terminal, in Markdown, CSV, JSON and LaTeX.

What tables of other rows and columns are built from is public too: aligned results, places, measured cells.
"""

from lnbench.reporting.tables._answer import QUESTION, Answer, answer_words, answers, change_words, verdict_words
from lnbench.reporting.tables._build import marked, resampled, standard_table, standard_tables
from lnbench.reporting.tables._format import TOGETHER, describe
from lnbench.reporting.tables._grid import Grid, Line, aligned, grid
from lnbench.reporting.tables._markdown import words
from lnbench.reporting.tables._measure import Measured, beside_random, measure, of_control
from lnbench.reporting.tables._metrics import choose_metric, direction, in_percent
from lnbench.reporting.tables._noise import noise_floor
from lnbench.reporting.tables._places import Place
from lnbench.reporting.tables._render import FORMATS, render
from lnbench.reporting.tables._table import Table, TableCell, TableRow

__all__ = [
    "FORMATS",
    "QUESTION",
    "TOGETHER",
    "Answer",
    "Grid",
    "Line",
    "Measured",
    "Place",
    "Table",
    "TableCell",
    "TableRow",
    "aligned",
    "answer_words",
    "answers",
    "beside_random",
    "change_words",
    "choose_metric",
    "describe",
    "direction",
    "grid",
    "in_percent",
    "marked",
    "measure",
    "noise_floor",
    "of_control",
    "render",
    "resampled",
    "standard_table",
    "standard_tables",
    "verdict_words",
    "words",
]
