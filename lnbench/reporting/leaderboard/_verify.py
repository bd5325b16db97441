"""Whether the built files of a leaderboard are those of its bundles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lnbench.errors import DataError
from lnbench.reporting.leaderboard._board import Leaderboard, read_leaderboard, stale
from lnbench.reporting.leaderboard._files import read_json
from lnbench.reporting.tables import Table

__all__ = ["verify"]

#: Another processor or numpy may round the last digits differently.
_RELATIVE, _ABSOLUTE = 1e-6, 1e-9


def verify(folder: Path) -> list[str]:
    """Build the tables again and say what differs; empty where nothing does.

    The numbers (JSON) may differ in the last digits, as another processor rounds them; every other file must be what
    those numbers give, to the last character.

    Raises:
        DataError: a bundle is damaged, or its values do not recompute.
    """
    if not (folder / "bundles").is_dir():
        raise DataError(f"{str(folder)!r} is no leaderboard: it has no folder bundles; give one that has")
    board = read_leaderboard([folder])
    differences = list(_numbers(board, folder))
    if differences:
        return differences
    committed = Leaderboard(board.sources, _committed(board, folder), board.references)
    return list(_texts(committed, folder))


def _numbers(board: Leaderboard, folder: Path) -> Iterator[str]:
    for name, table in board.named:
        path = folder / "tables" / f"{name}.json"
        if not path.is_file():
            yield f"{path} is missing"
            continue
        for place, one, other in _differing(table.as_json(), read_json(path)):
            yield f"{path} at {place}: {other!r} is committed, and the bundles give {one!r}"
            break


def _committed(board: Leaderboard, folder: Path) -> list[Sequence[Table]]:
    names = iter(board.named)
    return [[read_table(folder / "tables" / f"{next(names)[0]}.json") for _ in tables] for tables in board.tables]


def read_table(path: Path) -> Table:
    """The table in a JSON file.

    Raises:
        DataError: it is damaged, or no table.
    """
    content = read_json(path)
    try:
        return Table.from_json(content)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _texts(board: Leaderboard, folder: Path) -> Iterator[str]:
    names = set()
    for name, text in board.files():
        names.add(name)
        path = folder / name
        if not path.is_file():
            yield f"{path} is missing"
        elif path.read_bytes() != text.encode("utf-8", "replace"):
            yield f"{path} is not what the bundles give"
    yield from (f"{path} belongs to no bundle" for path in stale(folder, names))


def _differing(one: Any, other: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two JSON values differ by more than rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from _differing(one.get(key), other.get(key), f"{place}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _differing(a, b, f"{place}[{at}]")
    elif not _same(one, other):
        yield place, one, other


def _same(one: Any, other: Any) -> bool:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (one, other))
    if numbers:
        return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return type(one) is type(other) and bool(one == other)
