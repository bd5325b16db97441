"""What a run was made on: facts that say which runs may be compared, and how busy the machine was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_VERSIONS = ("torch", "transformers", "lm_eval", "numpy", "ray")


def machine() -> dict[str, Any]:
    """What ratios depend on: two runs of the same kind of machine have the same."""
    import torch

    return {
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": _cores(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


@contextmanager
def same_threads() -> Iterator[None]:
    """Give torch the number of threads back that it had."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def versions() -> dict[str, str]:
    """Python's version and those of what is timed; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in _VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def load() -> list[float]:
    """Processes that ran or waited, mean over the last 1, 5 and 15 minutes."""
    return [round(each, 2) for each in os.getloadavg()]


def commit() -> tuple[str | None, bool]:
    """The commit of the checkout, None where there is none, and whether tracked files differ from it."""
    found, changed = (_git(*line) for line in (("rev-parse", "HEAD"), ("status", "--porcelain", "-uno")))
    return found or None, bool(changed)


def _git(*line: str) -> str:
    try:
        done = subprocess.run(["git", *line], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
