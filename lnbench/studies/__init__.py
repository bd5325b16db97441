"""Studies: a study file becomes cells, the runner fills them on one loaded model, a store keeps them.

Every name is loaded on first use; reading a study file needs neither torch nor lm-eval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy
from lnbench.languages import DEMO_LANGUAGES

if TYPE_CHECKING:
    from lnbench.studies._cell import Cell, Role
    from lnbench.studies._conditions import Condition, conditions
    from lnbench.studies._cost import Cost
    from lnbench.studies._demo import DEMO_KINDS, demo_tasks, run_demo
    from lnbench.studies._evaluation import TaskScores, evaluate_conditions
    from lnbench.studies._plan import StudyPlan
    from lnbench.studies._progress import Bar, Progress
    from lnbench.studies._rates import Observation, Rates, fitted, given_rates, measured_rates
    from lnbench.studies._ray import run_on_ray
    from lnbench.studies._runner import RunReport, run
    from lnbench.studies._show import plan_text, report_text, status_text
    from lnbench.studies._status import Forecast, Status, forecast, status
    from lnbench.studies._store import Store
    from lnbench.studies._study import Study
    from lnbench.studies._tasks import Missing, StudyTask
    from lnbench.studies.presets import PRESETS

_LAZY = {
    "Bar": "lnbench.studies._progress",
    "Cell": "lnbench.studies._cell",
    "Condition": "lnbench.studies._conditions",
    "Cost": "lnbench.studies._cost",
    "DEMO_KINDS": "lnbench.studies._demo",
    "Forecast": "lnbench.studies._status",
    "Missing": "lnbench.studies._tasks",
    "Observation": "lnbench.studies._rates",
    "PRESETS": "lnbench.studies.presets",
    "Progress": "lnbench.studies._progress",
    "Rates": "lnbench.studies._rates",
    "Role": "lnbench.studies._cell",
    "RunReport": "lnbench.studies._runner",
    "Status": "lnbench.studies._status",
    "Store": "lnbench.studies._store",
    "Study": "lnbench.studies._study",
    "StudyPlan": "lnbench.studies._plan",
    "StudyTask": "lnbench.studies._tasks",
    "TaskScores": "lnbench.studies._evaluation",
    "plan_text": "lnbench.studies._show",
    "report_text": "lnbench.studies._show",
    "status_text": "lnbench.studies._show",
    "conditions": "lnbench.studies._conditions",
    "demo_tasks": "lnbench.studies._demo",
    "evaluate_conditions": "lnbench.studies._evaluation",
    "fitted": "lnbench.studies._rates",
    "forecast": "lnbench.studies._status",
    "given_rates": "lnbench.studies._rates",
    "measured_rates": "lnbench.studies._rates",
    "run": "lnbench.studies._runner",
    "run_on_ray": "lnbench.studies._ray",
    "run_demo": "lnbench.studies._demo",
    "status": "lnbench.studies._status",
}

__all__ = [
    "DEMO_KINDS",
    "DEMO_LANGUAGES",
    "PRESETS",
    "Bar",
    "Cell",
    "Condition",
    "Cost",
    "Forecast",
    "Missing",
    "Observation",
    "Progress",
    "Rates",
    "Role",
    "RunReport",
    "Status",
    "Store",
    "Study",
    "StudyPlan",
    "StudyTask",
    "TaskScores",
    "conditions",
    "demo_tasks",
    "evaluate_conditions",
    "fitted",
    "forecast",
    "given_rates",
    "measured_rates",
    "plan_text",
    "report_text",
    "run",
    "run_demo",
    "run_on_ray",
    "status",
    "status_text",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
