"""The layer blocks of the multilingual workflow: which block and structure costs English, and which the others.

Zhao et al. 2024 (arXiv 2402.18815). Everything is read from finished results.
"""

from lnbench.analysis.workflow._groups import READINGS
from lnbench.analysis.workflow._plot import sweep_png, workflow_png
from lnbench.analysis.workflow._section import sweep_section, without_english_section, workflow_section
from lnbench.analysis.workflow._show import render_sweep
from lnbench.analysis.workflow._sweep import Sweep, SweepCell, sweep, sweeps
from lnbench.analysis.workflow._table import COLUMNS, WorkflowTable, workflow_table, workflow_tables

__all__ = [
    "COLUMNS",
    "READINGS",
    "Sweep",
    "SweepCell",
    "WorkflowTable",
    "render_sweep",
    "sweep",
    "sweep_png",
    "sweep_section",
    "sweeps",
    "without_english_section",
    "workflow_png",
    "workflow_section",
    "workflow_table",
    "workflow_tables",
]
