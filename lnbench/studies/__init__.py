"""Studies: which conditions are run, on which tasks, and the runner that evaluates them on one loaded model."""

from lnbench.languages import DEMO_LANGUAGES
from lnbench.studies._conditions import Condition, conditions
from lnbench.studies._demo import DEMO_KINDS, demo_tasks, run_demo
from lnbench.studies._runner import TaskScores, evaluate_conditions

__all__ = [
    "DEMO_KINDS",
    "DEMO_LANGUAGES",
    "Condition",
    "TaskScores",
    "conditions",
    "demo_tasks",
    "evaluate_conditions",
    "run_demo",
]
