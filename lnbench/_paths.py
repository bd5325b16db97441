"""Paths as people type them, and files that are read to their end."""

from __future__ import annotations

import os
from pathlib import Path


def at_home(path: str | Path) -> Path:
    """The path with ``~`` and ``~name`` resolved; as it stands where there is no such user, unlike pathlib's own."""
    return Path(os.path.expanduser(path))  # noqa: PTH111


def is_endless(path: Path) -> bool:
    """Whether something is there that may never end: a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()
