"""What others call the columns of a table of neurons."""

from __future__ import annotations

import re

#: Our column -> the names under which it is met, in lower case.
COLUMNS: dict[str, tuple[str, ...]] = {
    "language": ("language", "lang"),
    "site": ("site",),
    "layer": ("layer", "layer_index", "layer_idx", "layer_id"),
    "index": ("unit", "neuron", "index", "neuron_index", "neuron_idx", "neuron_id", "unit_index", "idx"),
    "score": ("score",),
}
_MEANS = {name: column for column, names in COLUMNS.items() for name in names}


def column_of(name: str) -> str | None:
    """Our name for a column, None for one that we do not know."""
    return _MEANS.get(name.strip().lower())


def delimiter_of(line: str) -> str | None:
    """What separates the names in the first line of a table, None where it has no column of layers."""
    for delimiter in (",", ";", "\t"):
        names = [name.strip().strip("\"'") for name in line.split(delimiter)]
        if len(names) > 1 and any(column_of(name) == "layer" for name in names):
            return delimiter
    return None


def number_of(text: str) -> int | None:
    """A whole number as others write it: ``5``, ``'5'``, ``5.0``, ``np.int64(5)``; None for anything else."""
    match = _NUMBER.fullmatch(text)
    return int(match[1] or match[2]) if match else None


_NUMBER = re.compile(
    r"""\s*(?:(?:np|numpy)\.u?int\d{1,2}\(\s*([0-9]{1,18})\s*\)|['"]?([0-9]{1,18})(?:\.0{1,18})?['"]?)\s*"""
)
