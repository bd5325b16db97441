"""Grouped queries: which key/value row serves a query row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lnbench.errors import NeuronSetError
from lnbench.neurons._architecture import MAX_WIDTH

Index = TypeVar("Index", int, npt.NDArray[np.int64])


@dataclass(frozen=True)
class Heads:
    """How the attention heads of a model share rows, for `grouped_query_index`.

    Raises:
        NeuronSetError: a count is not a positive whole number, or query heads do not divide among key/value heads.
    """

    queries: int
    """Query heads."""
    keys: int
    """Key/value heads."""
    size: int
    """Rows of one head."""

    def __post_init__(self) -> None:
        for count in (self.queries, self.keys, self.size):
            if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_WIDTH:
                raise NeuronSetError(f"heads are counted from 1 on, and one of the counts is {count!r}: correct it")
        _check_groups(self.queries, self.keys)

    @property
    def group(self) -> int:
        """Query heads that share one key/value head."""
        return self.queries // self.keys


def grouped_query_index(index: Index, heads: int, kv_heads: int, head_dim: int) -> Index:
    """Key/value row that serves a row of the query projection: ``(i // (n*d)) * d + i % d``, ``n = heads / kv_heads``.

    Query rows are laid out ``[kv_heads, n, head_dim]`` (consecutive query heads share a key/value head), key and value
    rows ``[kv_heads, head_dim]``. The map is many-to-one: ``n`` query rows share one key/value row.

    Args:
        index: Query row or rows, ``0 <= index < heads * head_dim``.

    Raises:
        NeuronSetError: an index is outside that range, or ``heads`` is no multiple of ``kv_heads``.
    """
    _check_groups(heads, kv_heads)
    given = np.asarray(index)
    wrong = given[(given < 0) | (given >= heads * head_dim)] if given.size else given
    if wrong.size:
        raise NeuronSetError(
            f"query row {wrong.flat[0]} does not exist: {heads} heads of size {head_dim} have rows 0 to "
            f"{heads * head_dim - 1}; use the set of this model"
        )
    group = heads // kv_heads * head_dim
    return (index // group) * head_dim + index % head_dim


def _check_groups(heads: int, kv_heads: int) -> None:
    if kv_heads < 1 or heads % kv_heads:
        raise NeuronSetError(f"{heads} query heads do not divide among {kv_heads} key/value heads; check both counts")


@dataclass(frozen=True, eq=False)
class GroupedRows:
    """A set of query rows seen as key/value rows."""

    indices: tuple[npt.NDArray[np.int64], ...]
    """Per layer, ascending, no duplicates (the union)."""
    given: int
    """Number of query rows."""

    @property
    def kept(self) -> int:
        """Number of distinct key/value rows."""
        return sum(rows.size for rows in self.indices)

    def __str__(self) -> str:
        """The report, in one sentence."""
        return f"{self.given} rows in query space are {self.kept} key/value rows ({self.given - self.kept} shared)"


def grouped_query_rows(indices: Sequence[npt.ArrayLike], heads: int, kv_heads: int, head_dim: int) -> GroupedRows:
    """Map a set of query rows, one array per layer, to key/value rows: the union, and the count before it.

    Raises:
        NeuronSetError: see :func:`grouped_query_index`.
    """
    layers = [np.unique(np.asarray(rows, dtype=np.int64)) for rows in indices]
    mapped = tuple(np.unique(grouped_query_index(rows, heads, kv_heads, head_dim)) for rows in layers)
    return GroupedRows(mapped, sum(rows.size for rows in layers))
