"""``lnbench eval``: lm-eval's own command line, with lnbench registered in the open instead of by the start-up hook."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from lnbench.errors import TaskError
from lnbench.harness import _output, _plugin

_NOT_FOUND = "Tasks not found: "


def run_eval(argv: Sequence[str]) -> int:
    """Run ``lm_eval`` with ``argv``; the model is ``lnbench`` unless ``--model`` or ``--config`` names another.

    Returns:
        The exit code, 0.

    Raises:
        LnbenchError: what lnbench refuses, a task that lm-eval does not find or cannot read, and results that were
            asked for with ``--output_path`` and are not there at the end.
        SystemExit: lm-eval's argument parser has printed help or an error.
    """
    _plugin.register()
    _plugin.register_output_check()
    started = time.time()
    with _command_line(argv), _task_errors_as_sentences():
        args = _parse()
        args.func(args)
    if getattr(args, "output_path", None):
        _output.check_written(args.output_path, started)
    return 0


def _parse() -> Any:
    from lm_eval._cli import HarnessCLI

    args = HarnessCLI().parse_args()
    if args.command == "run" and args.model is None and not _config_names_model(args.config):
        args.model = _plugin.MODEL_NAME
    return args


def _config_names_model(path: str | None) -> bool:
    if path is None:
        return False
    from lm_eval.config.evaluate_config import EvaluatorConfig

    return "model" in EvaluatorConfig.load_yaml_config(path)


@contextlib.contextmanager
def _command_line(argv: Sequence[str]) -> Iterator[None]:
    """lm-eval parses ``sys.argv``; a lone ``--help`` means the help of ``run``, the subcommand that it leaves out."""
    outer = sys.argv
    sys.argv = ["lm_eval", *(["run"] if list(argv) in (["--help"], ["-h"]) else []), *argv]
    try:
        yield
    finally:
        sys.argv = outer


@contextlib.contextmanager
def _task_errors_as_sentences() -> Iterator[None]:
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{mark.name}, line {mark.line + 1}" if mark else "a YAML file"
        raise TaskError(f"{where} cannot be read: {error.problem}; mend the file") from error
    except ValueError as error:
        if not str(error).startswith(_NOT_FOUND):
            raise
        names = str(error).removeprefix(_NOT_FOUND)
        raise TaskError(
            f"task {names!r} is not found; `lnbench eval ls tasks` lists the names, --include_path adds a folder"
        ) from error
