"""Files that several commands write: refused before any work, written whole."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from lnbench._paths import at_home
from lnbench._write import check_writable, whole
from lnbench.errors import DataError, OutputError


def quiet_libraries() -> None:
    """One bar for the whole command: lm-eval and transformers show theirs for every condition otherwise."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported; our own bar says disable=False
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.getLogger("lm_eval").setLevel(logging.ERROR)


def check_outputs(json: Path | None, plot: Path | None) -> None:
    """Refuse files that could not be written, before minutes of work.

    Raises:
        OutputError: a folder is missing or read-only, both are one file, or the picture is no PNG.
    """
    for path in (json, plot):
        if path is not None:
            check_writable(path)
    if plot is not None and json is not None and plot.resolve() == json.resolve():
        raise OutputError(f"the numbers and the picture are two files, not both {str(plot)!r}; rename one")
    if plot is not None and plot.suffix.lower() != ".png":
        raise OutputError(f"the picture is a PNG, and {str(plot)!r} has another suffix; call it {plot.stem}.png")


def check_results(folder: Path) -> None:
    """Refuse a folder that is not there or holds nothing, before what reads results is imported.

    Raises:
        DataError: there is no such folder, or neither a study nor lm-eval wrote to it.
    """
    path = at_home(folder)
    if not path.is_dir():
        raise DataError(f"there is no folder {str(folder)!r}; give a study's store or lm-eval's --output_path")
    if next((file for name in ("manifest.json", "results*.json") for file in path.rglob(name)), None) is None:
        raise DataError(
            f"{str(folder)!r} holds no results; fill it with `lnbench study run STUDY.yaml --out {folder}`, or with "
            f"lm_eval --log_samples --output_path {folder}"
        )


def write_json(value: Any, path: Path) -> None:
    """Write plain values as JSON (NaN is not plain).

    Raises:
        OutputError: the path cannot be written.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    with whole(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def write_picture(png: bytes, path: Path) -> None:
    """Write a picture, and say so on stderr, away from the tables.

    Raises:
        OutputError: the path cannot be written.
    """
    with whole(path) as part:
        part.write_bytes(png)
    print(f"picture: {path}", file=sys.stderr)
