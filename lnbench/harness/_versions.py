"""Where the versions of lm-eval that lnbench runs with differ; nothing else here asks which one is installed.

0.4.12 and 0.4.13 are alike. 0.5.0.dev1 keeps its index of tasks to itself and hands on names that match no task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_NOT_FOUND = (re.compile(r"Tasks not found: (.+)"), re.compile(r"Spec '(.+)' is not a registered task"))


def reads_entry_points(registry: ModuleType) -> bool:
    """Whether lm-eval finds the models of other packages itself; ``registry`` is ``lm_eval.api.registry``."""
    return hasattr(registry, "load_plugins")


def task_index(manager: Any) -> Mapping[str, Any]:
    """The entries of a ``TaskManager`` by the name of the task, the group or the tag."""
    entries: Mapping[str, Any] = manager.task_index if hasattr(manager, "task_index") else manager._task_index
    return entries


def found_by(manager: Any, matched: Sequence[str]) -> list[str]:
    """Of what ``manager.match_tasks`` gave, what there is: 0.5 gives a name that nothing matches as it came.

    A name may go on with ``@`` or ``::`` there, and a file may stand for its task.
    """
    index = task_index(manager)
    return [name for name in matched if re.split("@|::", name)[0] in index or Path(name).is_file()]


def tasks_not_found(error: Exception) -> str | None:
    """The names in lm-eval's error that no task has them; None for any other error."""
    text = str(error.args[0]) if error.args else ""
    found = next((match for pattern in _NOT_FOUND if (match := pattern.match(text))), None)
    return found and found[1]
