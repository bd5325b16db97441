"""Which neurons of a document count, and how documents and languages are put together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from lnbench._near import hint
from lnbench.detection.plnd._settings import plnd_sites
from lnbench.errors import SpecError

#: A number for all sites, ``{"ffn.hidden": 2000, "attn": 1000}``, or the same as text: ``ffn=2000,attn=1000``.
Amount: TypeAlias = "float | str | Mapping[str, float]"
REMOVALS = ("none", "english", "shared")
#: The released code's numbers for each layer and document.
REFERENCE_TOP_K = {"ffn": 2000, "attn": 1000}
_EXACT = ("output", "weights")


@dataclass(frozen=True)
class Rule:
    """A checked rule of selection for some sites.

    Raises:
        SpecError: more than one of the first three, an impossible number, or ``epsilon`` with scores that are no norms.
    """

    top_k: Mapping[str, int]
    epsilon: Mapping[str, float]
    consistency: float
    remove: str
    parameters: Mapping[str, Any]
    """What was asked for, plain JSON."""

    @classmethod
    def of(
        cls,
        shapes: Mapping[str, Sequence[int]],
        form: str,
        *,
        top_k: Amount | None = None,
        top_rate: Amount | None = None,
        epsilon: Amount | None = None,
        consistency: float = 1.0,
        remove: str = "none",
    ) -> Rule:
        """The rule for sites of these shapes ``(layers, width)`` and scores of this form; see :func:`plnd_select`."""
        given = {"top_k": top_k, "top_rate": top_rate, "epsilon": epsilon}
        asked = [name for name, value in given.items() if value is not None]
        if len(asked) > 1:
            raise SpecError(f"{asked[0]} and {asked[1]} are two rules for the same documents; give one of them")
        name = asked[0] if asked else "top_k"
        amounts = _by_site(name, given[name] if asked else _reference(shapes), tuple(shapes))
        _check(consistency, remove, name, form)
        widths = {site: int(shape[1]) for site, shape in shapes.items()}
        stated = {"consistency": consistency, "remove": remove}
        if name == "epsilon":
            return cls({}, _positive(amounts), consistency, remove, {name: amounts, **stated})
        counts = _counts(name, amounts, widths)
        return cls(counts, {}, consistency, remove, {name: counts if name == "top_k" else amounts, **stated})

    def kept(self, site: str, scores: torch.Tensor) -> torch.Tensor:
        """Which neurons count in each document and layer: bool, shaped as ``scores [documents, layers, width]``."""
        if site in self.epsilon:
            return scores >= self.epsilon[site]
        return _strongest(scores, self.top_k[site])

    def least(self, documents: int) -> int:
        """In how many of so many documents a neuron must count."""
        return max(1, math.ceil(self.consistency * documents - 1e-9))


def _strongest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """The ``count`` largest along the last dimension, ties by index."""
    bar = scores.topk(count, dim=-1).values[..., -1:]
    above, level = scores > bar, scores == bar
    room = count - above.sum(-1, keepdim=True)
    return above | (level & (level.cumsum(-1) <= room))


def _reference(shapes: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return {site: REFERENCE_TOP_K[site.partition(".")[0]] for site in shapes}


def _by_site(name: str, amount: Amount | None, sites: Sequence[str]) -> dict[str, float]:
    """One number for each site."""
    if isinstance(amount, (int, float)):
        return dict.fromkeys(sites, amount)
    listed = _parsed(name, amount) if isinstance(amount, str) else dict(amount or {})
    found = {site: value for key, value in listed.items() for site in plnd_sites(key)}
    for site in sites:
        if site not in found:
            raise SpecError(f"{name} says nothing of {site}; give one number, or one for each of {', '.join(sites)}")
    return {site: found[site] for site in sites}


def _parsed(name: str, text: str) -> dict[str, float]:
    """``ffn=2000,attn=1000``."""
    parts = [part.partition("=") for part in text.split(",")]
    try:
        return {site.strip(): float(value) for site, _, value in parts}
    except ValueError:
        raise SpecError(
            f"{name} cannot be {text!r}; give a number, or one for each site as in ffn=20,attn=10"
        ) from None


def _counts(name: str, amounts: Mapping[str, float], widths: Mapping[str, int]) -> dict[str, int]:
    counts = {}
    for site, amount in amounts.items():
        width = widths[site]
        if name == "top_rate" and not 0 < amount < 1:
            raise SpecError(f"top_rate must lie between 0 and 1, not {amount}; it is a share of a layer's neurons")
        if name == "top_k" and (not math.isfinite(amount) or amount < 1 or amount != int(amount)):
            raise SpecError(f"top_k must be a whole number above 0, not {amount}; it counts neurons of a layer")
        counts[site] = int(amount) if name == "top_k" else max(1, round(amount * width))
        if counts[site] >= width:
            raise SpecError(
                f"the {counts[site]} strongest are all {width} neurons of a layer at {site}; give a smaller top_k, or "
                "top_rate"
            )
    return counts


def _positive(amounts: dict[str, float]) -> dict[str, float]:
    for site, amount in amounts.items():
        if not 0 < amount < math.inf:
            raise SpecError(
                f"epsilon must be a number above 0, not {amount} ({site}); it is the least norm that counts"
            )
    return amounts


def _check(consistency: float, remove: str, name: str, form: str) -> None:
    if isinstance(consistency, str) or not 0 < consistency <= 1:
        raise SpecError(
            f"consistency must lie in (0, 1], not {consistency}; it is the share of documents in which a neuron must "
            "be among the kept (the paper: 1)"
        )
    if remove not in REMOVALS:
        raise SpecError(f"unknown removal {remove!r}; {hint(remove, REMOVALS)}choose one of {', '.join(REMOVALS)}")
    if name == "epsilon" and form not in _EXACT:
        raise SpecError(
            f"epsilon is a bound on the exact norm, and these scores have the form {form!r}; use top_k or top_rate, or "
            f"measure with one of {', '.join(_EXACT)}"
        )
