"""``lnbench eval``: lm-eval's own command line, with lnbench registered in the open instead of by the start-up hook."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from lnbench.errors import TaskError
from lnbench.harness import _output, _plugin, _versions


def run_eval(argv: Sequence[str]) -> int:
    """Run ``lm_eval`` with ``argv``; the model is ``lnbench`` unless ``--model`` or ``--config`` names another.

    Returns:
        The exit code, 0.

    Raises:
        LnbenchError: what lnbench refuses, a task that lm-eval does not find or cannot read, and results that were
            asked for (``--output_path``, or ``output_path`` in the configuration) and are not there at the end.
        SystemExit: lm-eval's argument parser has printed help or an error.
    """
    _plugin.register()
    _plugin.register_output_check()
    with _command_line(argv), _task_errors_as_sentences():
        args = _parse()
        _check_limit(getattr(args, "limit", None))
        output = (args.output_path or _config(args).get("output_path")) if args.command == "run" else None
        before = _output.results_files(output) if output else set()
        args.func(args)
    if output and _writes_results():
        _output.check_written(output, before, samples=_logs_samples(args))
    return 0


def _check_limit(limit: float | None) -> None:
    if limit is not None and not limit > 0:
        raise TaskError(f"--limit {limit:g} leaves no document; give a number of documents, or a share below 1")


def _logs_samples(args: Any) -> bool:
    return bool(getattr(args, "log_samples", None) or _config(args).get("log_samples"))


def _writes_results() -> bool:
    """Whether this is the one process of an `accelerate launch` that lm-eval lets write; the others end before it."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK"))


def _parse() -> Any:
    from lm_eval._cli import HarnessCLI

    args = HarnessCLI().parse_args()
    if args.command == "run" and args.model is None and "model" not in _config(args):
        args.model = _plugin.MODEL_NAME
    return args


def _config(args: Any) -> dict[str, Any]:
    """What ``--config FILE`` says; the command line goes before it."""
    if args.config is None:
        return {}
    from lm_eval.config.evaluate_config import EvaluatorConfig

    found: dict[str, Any] = EvaluatorConfig.load_yaml_config(args.config)
    return found


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
    except (KeyError, ValueError) as error:
        names = _versions.tasks_not_found(error)
        if names is None:
            raise
        raise TaskError(
            f"task {names!r} is not found; `lnbench eval ls tasks` lists the names, --include_path adds a folder"
        ) from error
