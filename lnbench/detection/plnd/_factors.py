"""The two factors of ``D[t, u]`` for query and key rows, and their squares (`_fast`)."""

from __future__ import annotations

import torch

from lnbench.detection.plnd._tiles import Tile, headed
from lnbench.detection.plnd._view import View

Parts = list[torch.Tensor]


class KeyFactors:
    """Functions of the keys, ``[groups, tokens, columns]``."""

    def __init__(self, view: View, *, for_query: bool, for_key: bool) -> None:
        self.pairs, self.size = view.pairs, view.shape[2]
        #: x: the rotated keys.
        self.x = _centred(view.key.turned[:, 0], view)
        tilt = None if view.key.tilt is None else view.key.tilt[:, 0]
        parts = [part[:, 0] for part in (view.key.own, view.key.other) if part is not None] if for_key else []
        #: al and, with rotation, be of the key rows.
        self.rows = [_centred(part if tilt is None else part * tilt, view) for part in parts]
        #: 1 - rho of the key rows; None without norms.
        self.lean = None if tilt is None else 1 - tilt
        #: Whether products with ``rows`` give those with x.
        self.gives_x = for_key and tilt is None
        linear = self.rows if self.gives_x or not for_query else [*self.rows, self.x]
        squares = [with_products(self.x, view)] if for_query else []
        self.linear = len(linear)
        self._columns = torch.cat([*linear, *squares], -1)

    def products(self, part: Tile, b: torch.Tensor, heads: int) -> tuple[Parts, Parts, torch.Tensor]:
        """A and B with each of ``rows`` and, last, with x (where asked for); B with ``x^2`` and ``x x'``.

        Each ``[groups, heads, queries, size]``.
        """
        columns, width = self._columns[:, part.keys], self.linear * self.size
        by_a, by_b = headed(part.weights @ columns[..., :width], heads), headed(b @ columns, heads)
        mean, moment = (list(torch.split(found[..., :width], self.size, -1)) for found in (by_a, by_b))
        squares = by_b[..., width:]
        if self.gives_x and squares.shape[-1]:
            mean.append(self._turned(mean))
            moment.append(self._turned(moment))
        return mean, moment, squares

    def _turned(self, products: Parts) -> torch.Tensor:
        """The product with x, from those with al and be: ``x = al + swap(be)``."""
        return products[0] if self.pairs is None else self.pairs.swap(products[1]).add_(products[0])


class QueryFactors:
    """Functions of one tile's queries, ``[groups, heads, queries, columns]``; a tile's at a time stay in the cache."""

    def __init__(self, view: View, part: Tile) -> None:
        def here(x: torch.Tensor) -> torch.Tensor:
            return x[:, :, part.queries]

        side, self._view = view.query, view
        #: 1 - rho of the query rows; None without norms.
        self.lean = None if side.tilt is None else 1 - here(side.tilt)
        #: al and, with rotation, be.
        self.own, self.other = here(side.own), None if side.other is None else here(side.other)
        if side.tilt is not None:
            self.own = self.own * here(side.tilt)
            self.other = None if self.other is None else self.other * here(side.tilt)
        #: y, what key rows meet.
        self.y = here(side.turned)

    def both(self) -> Parts:
        """y and, with rotation, y' of the partner."""
        return [self.y] if self._view.pairs is None else [self.y, self._view.pairs.swap(self.y)]

    def squares(self) -> torch.Tensor:
        """``y^2`` and, with rotation, ``y y'``, all heads and queries in one dimension."""
        return with_products(self.y, self._view).flatten(1, 2)


def with_products(x: torch.Tensor, view: View) -> torch.Tensor:
    """Squares and, with rotation, products of pairs: ``[..., size]`` to ``[..., size + rotated/2]``."""
    if view.pairs is None:
        return x.square()
    return torch.cat((x.square(), view.pairs.low(x) * view.pairs.high(x)), -1)


def _centred(x: torch.Tensor, view: View) -> torch.Tensor:
    """Without the mean key as the last queries see it; a token that draws most attention is then nearly 0."""
    return x - view.focus @ x
