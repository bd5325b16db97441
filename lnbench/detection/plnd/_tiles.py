"""How a layer's queries are cut into tiles, so that nothing of size tokens x tokens x width ever exists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from lnbench.detection.plnd._view import View
from lnbench.models import Heads

#: Queries of a tile: on a CPU few, so that what causality leaves out is not computed, but enough for a product of all
#: heads of a group to be worth its call; elsewhere many, for few launches.
_FEWEST, _ROWS, _ELSEWHERE = 32, 64, 256


@dataclass(frozen=True)
class Tile:
    """Attention weights of some queries of one group's heads (or several groups') over the keys that they see."""

    groups: slice
    start: int
    stop: int
    first: int
    """The first key."""
    raw: torch.Tensor | None
    """Logits before bias and mask, 0 where masked, ``[groups, heads * queries, keys]``; kept where there are norms."""
    logits: torch.Tensor
    """The same with bias and mask, ``-inf`` where masked."""
    weights: torch.Tensor
    """Their softmax, A."""

    def whole(self, x: torch.Tensor, tokens: int) -> torch.Tensor:
        """Logits or weights of the tile's one group over all keys of the document; ``-inf``, or 0, beyond its own."""
        fill = -torch.inf if x is self.logits else 0.0
        return torch.nn.functional.pad(x[0], (self.first, tokens - self.stop), value=fill)

    @property
    def keys(self) -> slice:
        """The keys, as a slice of the document."""
        return slice(self.first, self.stop)

    @property
    def queries(self) -> slice:
        """The queries, as a slice of the document."""
        return slice(self.start, self.stop)


def headed(x: torch.Tensor, heads: int) -> torch.Tensor:
    """``[groups, heads * queries, columns]`` as ``[groups, heads, queries, columns]``, not copied."""
    return x.reshape(x.shape[0], heads, -1, x.shape[-1])


def tile(view: View, groups: slice, start: int, stop: int) -> Tile:
    """Compute one tile."""
    logits, raw = view.logits(groups, start, stop), None
    if view.query.tilt is not None or view.key.tilt is not None:
        raw = logits.clone()
    view.masked_(logits, groups, start, stop)
    if raw is not None:
        raw.masked_fill_(logits.isinf(), 0.0)
    return Tile(groups, start, stop, view.first_key(start), raw, logits, torch.softmax(logits, -1))


def tiles(view: View, groups: slice, chunk: int) -> Iterator[Tile]:
    """The tiles of some groups, each of at most ``chunk`` weights (but one query at least)."""
    heads = view.shape[1] * (groups.stop - groups.start)
    most = _queries(view.shape[1], view.value.device.type)
    queries = max(1, min(most, chunk // (heads * view.tokens)))
    for start in range(0, view.tokens, queries):
        yield tile(view, groups, start, min(start + queries, view.tokens))


def group_blocks(heads: Heads, tokens: int, chunk: int, device_type: str) -> list[slice]:
    """Groups that are computed together: as many as fit a chunk with full tiles."""
    of_group = heads.queries // heads.keys
    queries = min(_queries(of_group, device_type), tokens)
    block = max(1, min(heads.keys, chunk // (of_group * queries * tokens)))
    return [slice(at, min(at + block, heads.keys)) for at in range(0, heads.keys, block)]


def _queries(heads: int, device_type: str) -> int:
    """Queries of a full tile of groups of so many heads."""
    return max(_FEWEST, _ROWS // heads) if device_type == "cpu" else _ELSEWHERE
