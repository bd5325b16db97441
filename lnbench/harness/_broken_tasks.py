"""Task files that cannot be read, which lm-eval leaves out without a word."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lnbench.errors import TaskError
from lnbench.harness import _versions

_NOT_TASKS = {"__pycache__", ".ipynb_checkpoints"}  # lm-eval passes these folders over
_log = logging.getLogger("lnbench")


@dataclass(frozen=True)
class BrokenTask:
    """A task file that lm-eval could not read: where, and why."""

    path: Path
    line: int | None
    problem: str

    def __str__(self) -> str:
        return f"{self.path}{f', line {self.line}' if self.line else ''}: {self.problem}"


def watch(manager: Any, folders: Sequence[Path]) -> None:
    """Warn of the broken files in ``folders``; have ``manager.match_tasks`` name them when a task is not found."""
    broken = broken_tasks(manager, folders)
    for task in broken:
        _log.warning("lnbench: a task file cannot be read and its task is left out: %s", task)
    if broken:
        manager.match_tasks = _Matcher(manager, broken)


def broken_tasks(manager: Any, folders: Sequence[Path]) -> list[BrokenTask]:
    """The YAML files below ``folders`` that are missing from the manager's index because they do not parse."""
    indexed = {
        entry.yaml_path for entry in _versions.task_index(manager).values()
    }  # thousands, so none of them is resolved
    files = [file for folder in folders for file in sorted(folder.glob("**/*.yaml"))]
    problems = [_problem(file.resolve()) for file in files if file not in indexed and not _NOT_TASKS & {*file.parts}]
    return [problem for problem in problems if problem]


def _problem(file: Path) -> BrokenTask | None:
    from lm_eval.tasks._yaml_loader import load_yaml

    try:
        load_yaml(file, resolve_func=False)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        included = Path(mark.name).resolve() if mark else file  # the error may lie in a file that this one includes
        where = included if included.is_file() else file
        return BrokenTask(where, mark.line + 1 if mark else None, error.problem or "it is not YAML")
    except Exception as error:
        return BrokenTask(file, None, str(error))
    return None


class _Matcher:
    """``TaskManager.match_tasks`` that says which broken file may hold a task that nothing matches."""

    def __init__(self, manager: Any, broken: Sequence[BrokenTask]) -> None:
        self._manager, self._plain, self._broken = manager, manager.match_tasks, broken

    def __call__(self, task_list: list[str]) -> list[str]:
        found: list[str] = self._plain(task_list)
        if _versions.found_by(self._manager, found) or any(Path(name).is_dir() for name in task_list):
            return found
        others = f" (and {len(self._broken) - 1} more)" if len(self._broken) > 1 else ""
        raise TaskError(
            f"task {','.join(task_list)!r} is not found, and a task file cannot be read: {self._broken[0]}{others}; "
            "mend the file, or check the name with `lm_eval ls tasks`"
        )
