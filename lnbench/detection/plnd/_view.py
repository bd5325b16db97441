"""One layer's attention on one document, put together again from what its projections gave.

The model runs as it always does, with whatever attention kernel it uses. From the outputs of its query, key and value
projections, the rotary cosines and sines (or the alibi bias) that its attention was called with, and the attributes of
the attention module, the attention weights are computed a second time. Whether that is what the model computed is
checked on the input of the output projection, for every layer and document, before a score is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lnbench.detection.plnd._norms import HeadNorm
from lnbench.detection.plnd._pairs import Pairs
from lnbench.detection.plnd._weights import to_compute
from lnbench.models import Heads


@dataclass(frozen=True)
class Side:
    """Queries or keys of one layer: ``[groups, heads of the group, tokens, size]`` (one head for keys)."""

    own: torch.Tensor
    """What removing dimension j takes from dimension j after rotation."""
    other: torch.Tensor | None
    """What it takes from j's partner; None without rotation."""
    turned: torch.Tensor
    """The rotated values that logits are made of."""
    tilt: torch.Tensor | None
    """``rms / rms without dimension j`` where queries and keys are normalised, else None."""


@dataclass(frozen=True)
class View:
    """Everything that scores of query and key rows need of some groups of heads of one layer."""

    query: Side
    """The layer's own scaling of logits is part of it."""
    key: Side
    value: torch.Tensor
    """``[groups, tokens, size]``."""
    pairs: Pairs | None
    bias: torch.Tensor | None
    """Alibi, ``[groups, heads of the group, 1, keys]``."""
    scaling: float
    """Of the logits."""
    focus: torch.Tensor
    """Where the last queries look: each group's mean weights, ``[groups, 1, keys]``; uniform until they are known."""
    window: int | None
    """A query sees itself and the ``window - 1`` tokens before it; None: everything before it."""

    @property
    def tokens(self) -> int:
        """Length of the document."""
        return self.value.shape[1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Groups, heads of a group, size of a head."""
        groups, heads, _, size = self.query.own.shape
        return groups, heads, size

    def first_key(self, start: int) -> int:
        """The first key that a tile of queries from ``start`` on can see."""
        return 0 if self.window is None else max(0, start - self.window + 1)

    def logits(self, groups: slice, start: int, stop: int) -> torch.Tensor:
        """``[groups, heads * queries, keys]`` for queries ``start`` to ``stop``, without the mask and the bias."""
        query = self.query.turned[groups, :, start:stop].flatten(1, 2)
        return query @ self.key.turned[groups, 0, self.first_key(start) : stop].transpose(1, 2)

    def masked_(self, logits: torch.Tensor, groups: slice, start: int, stop: int) -> torch.Tensor:
        """The logits of a tile with bias and mask, in place."""
        first, heads = self.first_key(start), self.query.own.shape[1]
        parted = logits.view(logits.shape[0], heads, stop - start, stop - first)
        if self.bias is not None:
            parted += self.bias[groups, :, :, first:stop]
        later = torch.ones(stop - start, stop - start, dtype=torch.bool, device=logits.device).triu_(1)
        parted[..., start - first :].masked_fill_(later, -torch.inf)
        if self.window is not None and first + self.window < stop:
            at = torch.arange(start, stop, device=logits.device)[:, None] - self.window
            parted.masked_fill_(torch.arange(first, stop, device=logits.device) <= at, -torch.inf)
        return logits


@dataclass(frozen=True)
class Form:
    """What the attributes of an attention module say of how it computes."""

    scaling: float
    window: int | None
    query_norm: HeadNorm | None
    key_norm: HeadNorm | None

    @classmethod
    def of(cls, attention: nn.Module, config: Any, heads: Heads) -> Form:
        """Read an attention module of transformers; a wrong reading shows when the output is compared."""
        scaling = getattr(attention, "scaling", None) or getattr(attention, "inv_norm_factor", None)
        window = getattr(attention, "sliding_window", getattr(config, "sliding_window", None)) or None
        if not getattr(attention, "is_sliding", True):  # Exaone 4 keeps the size where it does not use it
            window = None
        norms = (HeadNorm.of(getattr(attention, name, None), heads.size) for name in ("q_norm", "k_norm"))
        return cls(float(scaling or heads.size**-0.5), window, *norms)


def view(
    heads: Heads,
    form: Form,
    query_key_value: Sequence[torch.Tensor],
    called_with: Mapping[str, Any],
    groups: slice,
    *,
    adjacent: bool = False,
) -> View:
    """Some groups of heads of a layer's attention, from what its projections gave.

    Args:
        heads: of the model.
        form: of the layer.
        query_key_value: outputs of the three projections, before norm and rotation, ``[tokens, width]``.
        called_with: what counts of the attention module's keyword arguments, for this document (`_parts`).
        groups: which.
        adjacent: which dimensions rotation pairs (see :class:`~lnbench.detection.plnd._pairs.Pairs`).
    """
    turns, pairs = _turns(called_with.get("position_embeddings"), heads.size, adjacent, query_key_value[0].device)
    queries, keys, values = (headed_by_group(x, heads, groups) for x in query_key_value)
    tokens = values.shape[2]
    return View(
        query=_side(queries, form.query_norm, turns, pairs, form.scaling),
        key=_side(keys, form.key_norm, turns, pairs, 1.0),
        value=values[:, 0],
        pairs=pairs,
        bias=_bias(called_with.get("alibi"), heads, groups, values.device),
        scaling=form.scaling,
        focus=values.new_full((values.shape[0], 1, tokens), 1 / tokens),
        window=form.window if form.window is not None and form.window < tokens else None,
    )


_Turns = tuple[torch.Tensor, torch.Tensor] | None


def _turns(rotary: Any, size: int, adjacent: bool, device: torch.device) -> tuple[_Turns, Pairs | None]:
    if rotary is None:
        return None, None
    cos, sin = (to_compute(part).to(device) for part in rotary)
    pairs = Pairs(cos.shape[-1], size, adjacent)
    return pairs.coefficients(cos, sin), pairs


def headed_by_group(x: torch.Tensor, heads: Heads, groups: slice) -> torch.Tensor:
    """Some groups of ``[tokens, width]``, as ``[groups, heads of the group, tokens, size]``."""
    parted = x.reshape(x.shape[0], heads.keys, -1, heads.size)[:, groups].permute(1, 2, 0, 3)
    return to_compute(parted).contiguous()


def _bias(alibi: torch.Tensor | None, heads: Heads, groups: slice, device: torch.device) -> torch.Tensor | None:
    return None if alibi is None else to_compute(alibi).to(device).reshape(heads.keys, -1, 1, alibi.shape[-1])[groups]


def _side(x: torch.Tensor, norm: HeadNorm | None, turns: _Turns, pairs: Pairs | None, scaling: float) -> Side:
    tilt = None
    if norm is not None:
        x, tilt = norm.apply(x)
    if turns is None or pairs is None:
        own = (x * scaling).contiguous()
        return Side(own, None, own, tilt)
    own, other = (x * (part * scaling) for part in turns)
    return Side(own, other, pairs.swap(other).add_(own), tilt)
