"""Attention put together again, and the comparison with what the model computed that lets a score be made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from lnbench.detection.plnd._tiles import headed, tile
from lnbench.detection.plnd._view import Form, View, headed_by_group, view
from lnbench.errors import DataError, UnsupportedArchitectureError
from lnbench.models import SiteMap

#: How far the output may be off: what rounding does in the model's precision, far below what a wrong formula does.
TOLERANCE = {torch.float64: 1e-4, torch.float32: 5e-3, torch.float16: 2e-2, torch.bfloat16: 6e-2}
#: Ways in which attention uses the cosines and sines that it is called with: for pairs of distant or of neighbouring
#: dimensions, for neighbouring ones with the first half of them doubled (GLM), or not at all (layers without positions,
#: as some of Cohere 2).
_TURNINGS = ("half", "adjacent", "doubled", "none")
_COMPARED = 16  # last queries, which see the most keys


class Rebuilder:
    """One layer's attention, document by document.

    Raises:
        UnsupportedArchitectureError: the attention caps its logits, or norms queries and keys over several heads.
    """

    def __init__(self, sites: SiteMap, number: int) -> None:
        self._heads, self._number = sites.heads, number
        attention = sites.layers[number].get_submodule(sites.sites[number].query.path.rpartition(".")[0])
        self._name = f"{type(attention).__name__} (model_type {sites.model_type!r})"
        if getattr(attention, "attn_logit_softcapping", None) is not None:
            raise self._refusal("caps its logits, for which there is no closed form here")
        self._form = Form.of(attention, getattr(sites.decoder, "config", None), sites.heads)
        if getattr(attention, "q_norm", None) is not None and self._form.query_norm is None:
            raise self._refusal(
                "normalises queries and keys otherwise than head by head, for which there is no closed form here"
            )
        self._turning = _TURNINGS[0]

    def view(
        self,
        query_key_value: Sequence[torch.Tensor],
        called_with: Mapping[str, Any],
        groups: slice,
        output: torch.Tensor,
    ) -> View:
        """Some groups of one document, when they give the output ``[tokens, heads * size]`` that the model computed.

        Raises:
            DataError: the output is not finite.
            UnsupportedArchitectureError: it is off by more than rounding.
        """
        off, rotary = 0.0, called_with.get("position_embeddings")
        for turning in sorted(_possible(rotary), key=lambda each: each != self._turning):  # first what was right before
            given = {**called_with, "position_embeddings": _turned(rotary, turning)}
            adjacent = turning in ("adjacent", "doubled")
            made = view(self._heads, self._form, query_key_value, given, groups, adjacent=adjacent)
            off, focus = _distance(made, headed_by_group(output[-_COMPARED:], self._heads, groups))
            if off <= TOLERANCE.get(output.dtype, 5e-3):
                self._turning = turning
                return replace(made, focus=focus)
        if not bool(output.isfinite().all()):
            raise DataError(
                f"the model's attention gives values that are not finite in layer {self._number} on a document; load "
                "it in float32 or bfloat16"
            )
        raise self._refusal(
            "computes something else than its projections, rotation and mask say (layer "
            f"{self._number} is off by {off:.2g})"
        )

    def _refusal(self, what: str) -> UnsupportedArchitectureError:
        return UnsupportedArchitectureError(
            f"{self._name} {what}; leave out attn.q and attn.k and score ffn.hidden, attn.v and attn.o"
        )


def _possible(rotary: Any) -> Sequence[str]:
    """Turnings that tables of this width can mean: those of an odd one have no pairs (GPT-J gives one of each pair)."""
    return _TURNINGS if rotary is None or all(part.shape[-1] % 2 == 0 for part in rotary) else ("none",)


def _turned(rotary: Any, turning: str) -> Any:
    """Cosines and sines as they are used."""
    if rotary is None or turning == "none":
        return None
    if turning == "doubled":
        return tuple(part[..., : part.shape[-1] // 2].repeat_interleave(2, dim=-1) for part in rotary)
    return rotary


def _distance(made: View, theirs: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Relative distance of the output of the last queries, ``[groups, heads, queries, size]``, and where they look."""
    groups, heads, _ = made.shape
    part = tile(made, slice(0, groups), made.tokens - theirs.shape[2], made.tokens)
    ours = headed(part.weights @ made.value[:, part.keys], heads)
    off = (ours - theirs).norm() / theirs.norm().clamp_min(torch.finfo(ours.dtype).tiny)
    focus = torch.nn.functional.pad(part.weights.mean(1, keepdim=True), (part.first, 0))
    return float(off), focus
