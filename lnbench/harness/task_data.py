"""Where the documents of lnbench's tasks come from; named in task YAML as ``custom_dataset``.

lm-eval calls a loader with the task's ``dataset_kwargs`` and with everything in its metadata, the user's
``--metadata`` and all model arguments among it. So our own keys begin with ``lnbench_`` and all others are ignored.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench._data import packaged
from lnbench.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["demo", "demo_text"]

_FIELDS = ("id", "lang", "prompt", "target")
_OPTIONAL = ("choices", "gold")


def demo(*, lnbench_file: str, lnbench_kind: str, **_ignored: Any) -> dict[str, Dataset]:
    """Documents of a demo task: one JSON object a line, fields ``id lang prompt target`` (and ``choices gold``).

    Args:
        lnbench_file: path below the packaged folder ``tasks``.
        lnbench_kind: ``summ``, ``mc``, ``qa`` or ``arith``; written into each document for the scorer.

    Raises:
        DataError: the file is missing, empty or malformed; file and line are named.
    """
    path = packaged("tasks") / lnbench_file
    rows = [_document(row, path, at) for at, row in enumerate(_json_lines(path), start=1)]
    return _split([{**row, "kind": lnbench_kind} for row in rows])


def demo_text(*, lnbench_file: str, **_ignored: Any) -> dict[str, Dataset]:
    """Documents of a text task: one JSON object a line with a field ``text``; the path is below ``neuron_sets``.

    Raises:
        DataError: as for :func:`demo`.
    """
    path = packaged("neuron_sets") / lnbench_file
    rows = _json_lines(path)
    for at, row in enumerate(rows, start=1):
        if not isinstance(row.get("text"), str):
            raise DataError(f"{path}, line {at}: the field 'text' is missing; restore the file from the repository")
    return _split([{"text": row["text"]} for row in rows])


def _document(row: dict[str, Any], path: Path, at: int) -> dict[str, Any]:
    lacking = [name for name in _FIELDS if name not in row]
    if lacking:
        raise DataError(f"{path}, line {at}: the field {lacking[0]!r} is missing; restore the file from the repository")
    return {name: row[name] for name in (*_FIELDS, *_OPTIONAL) if name in row}


def _json_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise DataError(f"the task data {str(path)!r} is missing; reinstall lnbench or restore the file")
    rows = []
    for at, line in enumerate(_text(path).splitlines(), start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {at}: not JSON ({error.msg}); restore the file") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {at}: not a JSON object; restore the file")
        rows.append(row)
    if not rows:
        raise DataError(f"the task data {str(path)!r} is empty; restore the file")
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}); restore the file") from error


def _split(rows: list[dict[str, Any]]) -> dict[str, Dataset]:
    from datasets import Dataset

    return {"test": Dataset.from_list(rows)}


class _Expected(logging.Filter):
    """Drops what lm-eval warns of and is so by design: tasks with a loader, and a group over unlike tasks."""

    _MESSAGES = (
        re.compile(r"lnbench_\w+: Custom kwargs can be passed"),
        re.compile(r"Group 'lnbench_demo': metric '\S+' is missing in"),
    )

    def filter(self, record: logging.LogRecord) -> bool:
        return not any(pattern.match(str(record.msg)) for pattern in self._MESSAGES)


for _name in ("lm_eval.api.task", "lm_eval.api.group"):
    logging.getLogger(_name).addFilter(_Expected())
