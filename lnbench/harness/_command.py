"""``lnbench eval``: lm-eval's own command line, with lnbench registered in the open instead of by the start-up hook."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from lnbench._paths import at_home
from lnbench.errors import TaskError
from lnbench.harness import _lm_eval, _output, _plugin

_MOST = 10**12


def run_eval(argv: Sequence[str]) -> int:
    """Run ``lm_eval`` with ``argv``; the model is ``lnbench`` unless ``--model`` or ``--config`` names another.

    Returns:
        The exit code, 0.

    Raises:
        LnbenchError: what lnbench or lm-eval refuses, a task that is not found or cannot be read, and results that were
            asked for (``--output_path``, or ``output_path`` in the configuration) and are not there at the end.
        SystemExit: lm-eval's argument parser has printed help or an error.
    """
    _plugin.register()
    _plugin.register_output_check()
    with _command_line(argv), _lm_eval.one_sentence():
        args = _parse()
        _check(args)
        output = (args.output_path or _config(args).get("output_path")) if args.command == "run" else None
        before = _output.results_files(output) if output else set()
        args.func(args)
    if output and _writes_results():
        _output.check_written(output, before, samples=_logs_samples(args))
    return 0


def _check(args: Any) -> None:
    """Refuse values that lm-eval would take and make nothing of, or too much."""
    limit, examples, folder = (getattr(args, name, None) for name in ("limit", "num_fewshot", "include_path"))
    if limit is not None and not 0 < limit <= _MOST:
        raise TaskError(f"--limit {limit:g} counts no documents; give how many, at most {_MOST}, or a share below 1")
    if examples is not None and examples < 0:
        raise TaskError(f"--num_fewshot {examples} cannot be; give 0 or more")
    if isinstance(folder, str) and not at_home(folder).exists():
        raise TaskError(f"--include_path {folder!r} does not exist; name a folder with task files")


def _logs_samples(args: Any) -> bool:
    return bool(getattr(args, "log_samples", None) or _config(args).get("log_samples"))


def _writes_results() -> bool:
    """Whether this is the one process of an `accelerate launch` that lm-eval lets write; the others end before it."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK"))


def _parse() -> Any:
    from lm_eval._cli import HarnessCLI

    command_line = HarnessCLI()
    _lm_eval.usage_in_one_sentence(command_line)
    args = command_line.parse_args()
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
