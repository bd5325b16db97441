"""CSV tables of neurons: columns ``layer`` and ``unit``, and where there are ``language``, ``site`` and ``score``."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench.errors import NeuronFileError, NeuronSetError
from lnbench.neurons._rows import Rows
from lnbench.neurons.foreign._facts import FileFacts
from lnbench.neurons.foreign._names import column_of, delimiter_of, number_of
from lnbench.neurons.foreign._records import Records
from lnbench.neurons.foreign._table import Table, brief, text_of

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet


def read(path: Path, facts: FileFacts) -> Table:
    """The rows of a table; columns that mean nothing to us are left aside, and a note says so.

    Raises:
        NeuronFileError: it is no table of text.
        NeuronSetError: a line has a wrong number of cells or a value of the wrong kind; its number is told.
    """
    text = text_of(path)
    delimiter = delimiter_of(text.split("\n", 1)[0].lstrip()) or ","
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = next(lines, [])
        meant = [column_of(name.strip("\"'")) for name in names]
        if twice := [name for name in meant if name is not None and meant.count(name) > 1]:
            raise NeuronSetError(f"two of its columns mean {twice[0]}: {', '.join(names)[:200]}")
        records = Records(facts, frozenset(name for name in meant if name))
        records.ignored.update({brief(name): None for name, means in zip(names, meant, strict=True) if means is None})
        for cells in lines:
            if cells:
                records.add(_values(cells, meant))
    except csv.Error as error:
        raise NeuronFileError(f"{path} is no table after line {lines.line_num} ({error}): write it again") from error
    except NeuronSetError as error:
        raise NeuronSetError(f"line {lines.line_num}: {error}") from error
    return records.table()


def _values(cells: list[str], meant: list[str | None]) -> dict[str, Any]:
    if len(cells) != len(meant):
        raise NeuronSetError(f"it has {len(cells)} cells, and the table has {len(meant)} columns")
    return {name: _READ.get(name, str.strip)(cell) for name, cell in zip(meant, cells, strict=True) if name is not None}


def _whole(cell: str) -> Any:
    number = number_of(cell)
    return cell if number is None else number


def _score(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell


_READ: dict[str, Any] = {"layer": _whole, "index": _whole, "score": _score}


def to_bytes(neurons: NeuronSet) -> bytes:
    """The file's content: ``language,site,layer,unit`` and, where there are, ``score``."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    scores = [] if neurons.scores is None else [neurons.scores.astype(float).tolist()]
    writer.writerow(["language", "site", "layer", "unit", *(["score"] if scores else [])])
    writer.writerows(zip(*named_columns(neurons, neurons.rows()), *scores, strict=True))
    return buffer.getvalue().encode()


def named_columns(neurons: NeuronSet, rows: Rows) -> list[list[Any]]:
    """The four columns with names in place of numbers."""
    return [
        [neurons.languages[i] for i in rows.language_id],
        [neurons.sites[i] for i in rows.site_id],
        rows.layer.tolist(),
        rows.index.tolist(),
    ]
