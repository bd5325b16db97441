"""Whether the results can be written, asked before the evaluation: lm-eval only logs it afterwards."""

from __future__ import annotations

import glob
import json
import weakref
from pathlib import Path
from typing import Any

from lnbench._paths import at_home
from lnbench._write import check_takes_files
from lnbench.errors import OutputError

_last_tracker: weakref.ref[Any] | None = None


def remember(tracker: Any) -> None:
    """Note lm-eval's ``EvaluationTracker``, which alone knows ``--output_path``, for :func:`refuse_unwritable`."""
    global _last_tracker  # noqa: PLW0603  # lm-eval has one tracker per run and hands it to no model
    _last_tracker = weakref.ref(tracker)


def refuse_unwritable() -> None:
    """Check the output path of the evaluation that is being set up, if it has one.

    Raises:
        OutputError: no file can be written there.
    """
    tracker = _last_tracker() if _last_tracker is not None else None
    if tracker is not None and tracker.output_path:
        check_writable(tracker.output_path)


def check_writable(output_path: str | Path) -> None:
    """Try, leaving nothing behind, whether lm-eval could write results to ``output_path`` (a folder or ``x.json``).

    Raises:
        OutputError: the path, or the nearest folder above it that exists, takes no file.
    """
    path = at_home(output_path)
    folder = path.parent if path.suffix == ".json" else path
    check_takes_files(folder, str(output_path), "--output_path")


def results_files(output_path: str | Path) -> set[tuple[str, int]]:
    """Name and time of the results files at ``output_path``; what a run adds to them is its own, whatever the clock."""
    path = at_home(output_path)
    name = f"{glob.escape(path.stem)}_*.json"
    files = path.parent.glob(name) if path.suffix == ".json" else path.glob("*/results_*.json")
    return {(str(file), file.stat().st_mtime_ns) for file in files}


def check_written(output_path: str | Path, before: set[tuple[str, int]], *, samples: bool = False) -> None:
    """See that a run has written its results, to the end.

    Args:
        output_path: as it was given to lm-eval.
        before: what :func:`results_files` said when the run began.
        samples: whether the samples of every task were to be written too.

    Raises:
        OutputError: lm-eval could not write it, which it only logs.
    """
    new = [Path(name) for name, _ in results_files(output_path) - before]
    if not new or not all(_is_whole(file, samples) for file in new):
        raise OutputError(
            f"the results of this run are not all in {str(output_path)!r}: lm-eval could not save them (its log says "
            "why); free some space or name another folder with --output_path"
        )


def _is_whole(results: Path, samples: bool) -> bool:
    """Whether a results file can be read and, where they are asked for, the samples of its tasks end with a line."""
    try:
        tasks = json.loads(results.read_text(encoding="utf-8")).get("configs", {})
    except (ValueError, AttributeError):
        return False
    date = results.stem.rpartition("_")[2]
    return not samples or all(_ends_with_a_line(results.with_name(f"samples_{task}_{date}.jsonl")) for task in tasks)


def _ends_with_a_line(file: Path) -> bool:
    return file.is_file() and file.read_bytes().endswith(b"\n")
