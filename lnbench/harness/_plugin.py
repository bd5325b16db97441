"""What lnbench adds to lm-eval: its models by name, its task folder, a look at the output folder.

Called by the start-up hook after lm-eval's own modules have executed, or by :func:`register`. It never imports lm-eval
at module level and adds each thing once, so that it may run at any time and in any order.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from lnbench._data import packaged
from lnbench._paths import at_home
from lnbench.harness import _broken_tasks, _output, _refusals, _versions

MODEL_NAME = "lnbench"
MODEL_TARGET = "lnbench.harness.lm:LnbenchLM"
#: Every model of ours by its name, where lm-eval finds it when it is asked for.
MODELS = {MODEL_NAME: MODEL_TARGET, "lnbench-vllm": "lnbench.harness.vllm.lm:LnbenchVLLM"}

_log = logging.getLogger("lnbench")


def imported(name: str, module: ModuleType) -> None:
    """Add to lm-eval's ``module``, just executed, what lnbench has for it."""
    _refusals.say_in_one_sentence()
    _ADDITIONS[name](module)


def register() -> None:
    """Register our models and the task folder in this process, with or without the start-up hook."""
    for name in ("lm_eval.models", "lm_eval.tasks"):
        _ADDITIONS[name](importlib.import_module(name))


def register_output_check() -> None:
    """Have the model refuse an ``--output_path`` that takes no file (imports lm-eval's loggers, about a second)."""
    watch_output(importlib.import_module("lm_eval.loggers.evaluation_tracker"))


def add_model(_module: ModuleType | None = None) -> None:
    """Register the models' lazy names, unless lm-eval reads the entry point itself (from its next release on)."""
    from lm_eval.api import registry

    if _versions.reads_entry_points(registry):
        return
    for name, target in MODELS.items():
        if name not in registry.model_registry:
            registry.model_registry.register(name, target=target)


def add_tasks(module: ModuleType) -> None:
    """Wrap ``TaskManager.__init__`` so that it reads built-in tasks, then ours, then the user's own."""
    plain = module.TaskManager.__init__
    if not hasattr(plain, "adds_lnbench"):
        module.TaskManager.__init__ = _with_our_tasks(plain)


def watch_output(module: ModuleType) -> None:
    """Wrap ``EvaluationTracker.__init__`` so that the model can refuse an output folder that takes no file."""
    plain = module.EvaluationTracker.__init__
    if not hasattr(plain, "adds_lnbench"):
        module.EvaluationTracker.__init__ = _remembering_output(plain)


_ADDITIONS: dict[str, Callable[[ModuleType], None]] = {
    "lm_eval.models": add_model,
    "lm_eval.tasks": add_tasks,
    "lm_eval.loggers.evaluation_tracker": watch_output,
}


def _with_our_tasks(plain: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(plain)

    @functools.wraps(plain)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments["include_path"]
        folders = [*_our_folder(bound.arguments, given), *_as_paths(given)]
        bound.arguments["include_path"] = folders or given
        plain(*bound.args, **bound.kwargs)
        self.include_path = given
        _name_broken_tasks(self, folders)

    __init__.adds_lnbench = True  # type: ignore[attr-defined]
    return __init__


def _name_broken_tasks(manager: Any, folders: list[Path]) -> None:
    try:
        _broken_tasks.watch(manager, folders)
    except Exception:  # another lm-eval may keep its index elsewhere; its tasks are there all the same
        _log.warning("lnbench did not look for broken task files", exc_info=True)


def _our_folder(arguments: dict[str, Any], given: Any) -> list[Path]:
    """Our task folder, where it is wanted: not beside ``include_defaults=False``, not a second time."""
    if not arguments["include_defaults"]:
        return []
    try:
        folder = packaged("tasks")
    except Exception:
        _log.warning("lnbench's tasks are not listed", exc_info=True)
        return []
    return [] if folder in [at_home(path).resolve() for path in _as_paths(given)] else [folder]


def _as_paths(given: Any) -> list[Path]:
    if not given:
        return []
    return [Path(path) for path in (given if isinstance(given, list | tuple) else [given])]


def _remembering_output(plain: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(plain)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        _output.remember(self)

    __init__.adds_lnbench = True  # type: ignore[attr-defined]
    return __init__
