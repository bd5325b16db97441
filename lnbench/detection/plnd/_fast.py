"""First order of the attention-weight form, for all query and key rows of some heads at once, in matrix products alone.

To first order, logits lowered by D move the weights A of a query by ``A * (m - D)``, with ``m = sum_u A D``. So with
``B = A * A`` the score of a row is ``sqrt(sum_tu B (D - m)^2)``, and D is of rank two (`_exact`). Sums over u of B and
A with the two factors of D are matrix products that all rows of a head share:

- query rows, ``D = al[t] x[u] + be[t] x'[u]`` with x, x' the keys' dimension j and its partner: the covariance of x and
  x' under B, for each t and pair of dimensions, from ``A x``, ``B x``, ``B x^2``, ``B x x'``;
- key rows, ``D = al[u] y[t] + be[u] y'[t]`` with y, y' the queries' dimensions: ``sum_tu B D^2`` from ``B^T y^2`` and
  ``B^T y y'``, the rest from ``A al``, ``A be``, ``B al``, ``B be``. The rotated key is ``x = al + swap(be)``, so these
  serve the query rows too.

A softmax ignores what is added to all logits of a query, so x, al and be are centred first, at the mean key as the last
queries see it: squares of what would cancel are not formed, also where most attention goes to one token. With normed
queries and keys D gains the term ``(1 - rho) r`` (`_exact`), a third factor.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lnbench.detection.plnd._factors import KeyFactors, QueryFactors
from lnbench.detection.plnd._tiles import Tile, headed, tiles
from lnbench.detection.plnd._tilt import Tilt
from lnbench.detection.plnd._view import View

Parts = list[torch.Tensor]


def fast(view: View, sites: Sequence[str], chunk: int) -> dict[str, torch.Tensor]:
    """Scores of every row of ``attn.q`` and ``attn.k``: ``[groups, heads of the group or 1, size]`` for each site.

    Args:
        view: some groups of heads of a layer.
        sites: one or both.
        chunk: most values of one intermediate tensor of queries x keys.
    """
    sums = _Sums(view, sites)
    for part in tiles(view, slice(0, view.shape[0]), chunk):
        sums.add(part)
    return {site: sums.squared(site).clamp_min(0).sqrt() for site in sites}


class _Sums:
    """The sums over tiles."""

    def __init__(self, view: View, sites: Sequence[str]) -> None:
        self._with_query, self._with_key = "attn.q" in sites, "attn.k" in sites
        self._key = KeyFactors(view, for_query=self._with_query, for_key=self._with_key)
        self._view, self._pairs = view, view.pairs
        count, self._heads, self._size = view.shape
        self._query_total = self._key.x.new_zeros(count, self._heads, self._size, dtype=torch.float64)
        self._key_total = self._key.x.new_zeros(count, self._size, dtype=torch.float64)
        columns = self._size if view.pairs is None else self._size + view.pairs.rotated // 2
        self._squares = self._key.x.new_zeros(count, view.tokens, columns)  # B^T y^2, B^T y y'
        self._tilt = None if view.key.tilt is None else Tilt(self._key, self._heads)

    def add(self, part: Tile) -> None:
        """Add one tile to every sum."""
        b = part.weights.square()
        if part.start == 0:  # the first token sees itself alone, so nothing moves: exactly, not up to rounding
            headed(b, self._heads)[:, :, 0] = 0.0
        query, total = QueryFactors(self._view, part), headed(b.sum(-1, keepdim=True), self._heads)
        mean, moment, squares = self._key.products(part, b, self._heads)
        if self._with_query:
            self._add_query(query, total, mean[-1], moment[-1], squares)
            if self._tilt is not None:
                self._query_total += self._tilt.query(part, query, b, total, mean[-1], moment[-1])
        if self._with_key:
            self._add_key(part, query, b, total, mean, moment)

    def squared(self, site: str) -> torch.Tensor:
        """The squared scores."""
        if site == "attn.q":
            return self._query_total
        own, size = self._key.rows[0], self._size
        found = self._key_total + (own.square() * self._squares[..., :size]).sum(1, dtype=torch.float64)
        if self._pairs is not None:
            other = self._key.rows[1]
            found += (other.square() * self._pairs.swap(self._squares[..., :size])).sum(1, dtype=torch.float64)
            found += (2 * own * other * self._pairs.spread(self._squares[..., size:])).sum(1, dtype=torch.float64)
        return (found if self._tilt is None else found + self._tilt.squared())[:, None]

    def _add_query(
        self, query: QueryFactors, total: torch.Tensor, mean: torch.Tensor, moment: torch.Tensor, squares: torch.Tensor
    ) -> None:
        """``sum_t (al, be) C (al, be)^T`` with C the covariance of x and x' under B."""
        slope = torch.addcmul(moment, mean, total, value=-0.5)
        own = torch.addcmul(squares[..., : self._size], mean, slope, value=-2)
        found = query.own * own
        if self._pairs is not None and query.other is not None:
            low, high = self._pairs.low, self._pairs.high
            crossed = torch.addcmul(squares[..., self._size :], low(mean), high(slope), value=-1)
            crossed.addcmul_(high(mean), low(slope), value=-1)
            found.addcmul_(query.other, self._pairs.spread(crossed), value=2).mul_(query.own)
            found.addcmul_(query.other, self._pairs.swap(own).mul_(query.other))
        else:
            found.mul_(query.own)
        self._query_total += found.sum(2)

    def _add_key(
        self, part: Tile, query: QueryFactors, b: torch.Tensor, total: torch.Tensor, mean: Parts, moment: Parts
    ) -> None:
        """``sum_t m^2 B - 2 m sum_u B D``, and the squares of what key rows meet, seen from the keys."""
        y = query.both()
        middle, tied = y[0] * mean[0], y[0] * moment[0]
        for each, by_a, by_b in zip(y[1:], mean[1 : len(y)], moment[1 : len(y)], strict=True):
            middle.addcmul_(each, by_a)
            tied.addcmul_(each, by_b)
        if self._tilt is not None:
            more = self._tilt.key(part, query, b)
            middle, tied = middle + more[0], tied + more[1]
        self._key_total -= 2 * (tied.addcmul_(middle, total, value=-0.5).mul_(middle)).sum((1, 2))
        self._squares[:, part.keys].baddbmm_(b.transpose(1, 2), query.squares())
