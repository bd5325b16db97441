"""The third factor of D where queries and keys are normed: removing a dimension scales the others by rho (`_exact`).

It adds ``(1 - rho) r`` to D, with r the logits themselves. For query rows ``1 - rho`` is a function of the query, for
key rows of the key. The sums that it needs beside those of `_fast` are products with ``A r``, ``B r`` and ``B r^2``.
"""

from __future__ import annotations

import torch

from lnbench.detection.plnd._factors import KeyFactors, QueryFactors
from lnbench.detection.plnd._tiles import Tile, headed


class Tilt:
    """What tiles add to the sums of some groups of heads because of norms."""

    def __init__(self, key: KeyFactors, heads: int) -> None:
        self._key, self._heads = key, heads
        self._squares = torch.zeros_like(key.x[..., :1])  # sum_t B r^2
        self._crossed = torch.zeros_like(key.x)  # sum_t B r y

    def query(
        self,
        part: Tile,
        query: QueryFactors,
        b: torch.Tensor,
        total: torch.Tensor,
        mean: torch.Tensor,
        moment: torch.Tensor,
    ) -> torch.Tensor:
        """``sum_t`` of lean^2 var(r) + 2 lean (al cov(r, x) + be cov(r, x')) under B, ``[groups, heads, size]``."""
        raw, key, lean = _there(part.raw), self._key, _there(query.lean)
        middle = self._headed((part.weights * raw).sum(-1, keepdim=True))
        tied = self._headed((b * raw).sum(-1, keepdim=True))
        spread = self._headed((b * raw.square()).sum(-1, keepdim=True)) - middle * (2 * tied - middle * total)
        joint = self._headed((b * raw) @ key.x[:, part.keys]) - middle * moment - mean * (tied - middle * total)
        own = query.own * joint
        if query.other is not None and key.pairs is not None:
            own = own + query.other * key.pairs.swap(joint)
        found: torch.Tensor = (lean.square() * spread + 2 * lean * own).sum(2)
        return found

    def key(self, part: Tile, query: QueryFactors, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What A and B with ``(1 - rho) r`` are; keeps what key rows need at the end."""
        raw, lean = _there(part.raw), _there(self._key.lean)[:, part.keys]
        by_b = b * raw
        self._squares[:, part.keys] += (by_b * raw).sum(1)[..., None]
        self._crossed[:, part.keys] += by_b.transpose(1, 2) @ query.y.flatten(1, 2)
        return self._headed((part.weights * raw) @ lean), self._headed(by_b @ lean)

    def squared(self) -> torch.Tensor:
        """``sum_u`` of lean^2 sum B r^2 + 2 lean (al sum B r y + be sum B r y'), ``[groups, size]``."""
        key, lean = self._key, _there(self._key.lean)
        joint = key.rows[0] * self._crossed
        if key.pairs is not None:
            joint = joint + key.rows[1] * key.pairs.swap(self._crossed)
        found: torch.Tensor = (lean.square() * self._squares + 2 * lean * joint).sum(1, dtype=torch.float64)
        return found

    def _headed(self, x: torch.Tensor) -> torch.Tensor:
        return headed(x, self._heads)


def _there(kept: torch.Tensor | None) -> torch.Tensor:
    """What tiles and factors keep where there are norms."""
    assert kept is not None
    return kept
