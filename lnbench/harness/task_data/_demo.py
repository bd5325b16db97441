"""The documents of the demo tasks, which come with lnbench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench._data import packaged
from lnbench.errors import DataError
from lnbench.harness.task_data import _reading, _record

if TYPE_CHECKING:
    from datasets import Dataset

_FIELDS = ("id", "lang", "prompt", "target")
_OPTIONAL = ("choices", "gold")


def demo(
    *, lnbench_file: str, lnbench_kind: str, lnbench_data: dict[str, Any] | None = None, **_ignored: Any
) -> dict[str, Dataset]:
    """Documents of a demo task: one JSON object a line, fields ``id lang prompt target`` (and ``choices gold``).

    Args:
        lnbench_file: path below the packaged folder ``tasks``.
        lnbench_kind: ``summ``, ``mc``, ``qa`` or ``arith``; written into each document for the scorer.
        lnbench_data: filled with the number of rows, their checksum and the file, for the results.

    Raises:
        DataError: the file is missing, empty or malformed; file and line are named.
        LnbenchError: its responses could not be scored (``LNBENCH_LID``, ``LNBENCH_SEGMENT``).
    """
    path = packaged("tasks") / lnbench_file
    _record.refuse_without_scorers(lnbench_kind, path.stem.rpartition("_")[2])
    rows = [_document(row, where) for where, row in _rows(path)]
    task = f"lnbench_demo_{path.stem}"
    return _split(task, [{**row, "kind": lnbench_kind} for row in rows], rows, str(path), lnbench_data)


def demo_text(*, lnbench_file: str, lnbench_data: dict[str, Any] | None = None, **_ignored: Any) -> dict[str, Dataset]:
    """Documents of a text task: one JSON object a line with a field ``text``; the path is below ``neuron_sets``.

    Raises:
        DataError: as for :func:`demo`.
    """
    rows, source = text_rows(lnbench_file)
    return _split(f"lnbench_demo_ppl_{Path(source).stem}", rows, rows, source, lnbench_data)


def text_rows(file: str) -> tuple[list[dict[str, Any]], str]:
    """The texts of a file below ``neuron_sets`` (field ``text``), and its path.

    Raises:
        DataError: as for :func:`demo`.
    """
    path = packaged("neuron_sets") / file
    rows = []
    for where, row in _rows(path):
        if not isinstance(row.get("text"), str):
            raise DataError(f"{where}: the field 'text' is missing; restore the file from the repository")
        rows.append({"text": row["text"]})
    return rows, str(path)


def _document(row: dict[str, Any], where: str) -> dict[str, Any]:
    lacking = [name for name in _FIELDS if name not in row]
    if lacking:
        raise DataError(f"{where}: the field {lacking[0]!r} is missing; restore the file from the repository")
    return {name: row[name] for name in (*_FIELDS, *_OPTIONAL) if name in row}


def _rows(path: Path) -> list[_reading.Raw]:
    if not path.is_file():
        raise DataError(f"the task data {str(path)!r} is missing; reinstall lnbench or restore the file")
    return list(_reading.json_lines(path))


def _split(
    task: str,
    documents: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    source: str,
    record: dict[str, Any] | None,
) -> dict[str, Dataset]:
    from datasets import Dataset

    _record.keep(task, _record.of(rows, source), record)
    return {"test": Dataset.from_list(documents)}
