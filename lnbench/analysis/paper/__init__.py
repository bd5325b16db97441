"""``lnbench paper``: a paper's experiments, in its order, run on one model and set as one report.

Every name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.analysis.paper._experiments import Experiment, experiments_of
    from lnbench.analysis.paper._make import make_report
    from lnbench.analysis.paper._report import Report, check_report, write_report
    from lnbench.analysis.paper._setting import KEYS, PAPERS, Setting, check_keys, demo_setting

_LAZY = {
    "Experiment": "lnbench.analysis.paper._experiments",
    "KEYS": "lnbench.analysis.paper._setting",
    "PAPERS": "lnbench.analysis.paper._setting",
    "Report": "lnbench.analysis.paper._report",
    "Setting": "lnbench.analysis.paper._setting",
    "check_keys": "lnbench.analysis.paper._setting",
    "check_report": "lnbench.analysis.paper._report",
    "demo_setting": "lnbench.analysis.paper._setting",
    "experiments_of": "lnbench.analysis.paper._experiments",
    "make_report": "lnbench.analysis.paper._make",
    "write_report": "lnbench.analysis.paper._report",
}

__all__ = [
    "KEYS",
    "PAPERS",
    "Experiment",
    "Report",
    "Setting",
    "check_keys",
    "check_report",
    "demo_setting",
    "experiments_of",
    "make_report",
    "write_report",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
