"""JSON and JSON-lines files, read whole, with errors that name the file and the line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lnbench.errors import DataError

__all__ = ["mapping", "read_json", "read_lines"]

_Json = dict[str, Any]


def read_json(path: Path, sha256: str | None = None) -> _Json:
    """The object in a JSON file.

    Args:
        path: the file.
        sha256: of its bytes (hex), where it is recorded.

    Raises:
        DataError: the file is missing, changed, cut short or no JSON object.
    """
    text = _text(path, sha256)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no complete JSON ({error}); was it cut short? Run it again") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object; give the folder that lm-eval wrote")
    return found


def read_lines(path: Path, sha256: str | None = None) -> list[_Json]:
    r"""The objects of a JSON-lines file. Lines end at "\n" alone: a text may hold any other line separator.

    Raises:
        DataError: as :func:`read_json`; the line is named.
    """
    lines = _text(path, sha256).split("\n")
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path}, line {number} is no complete JSON ({error}); was it cut short? Run it again"
            ) from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number} holds no JSON object; give the folder that lm-eval wrote")
        found.append(row)
    return found


def mapping(value: Any) -> _Json:
    """A JSON object; an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def _text(path: Path, sha256: str | None) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; run it again") from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(f"{path} is not the file that its manifest signs; delete its folder and run the cell again")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text ({error.reason} at byte {error.start}); run it again") from error
