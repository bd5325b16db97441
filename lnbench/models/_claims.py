"""What lnbench promises for an architecture: site by operation by engine, export, observation, PLND.

A description states its claims; ``tests/models/test_claims.py`` holds every one to brute force on a tiny random model,
and every cell that is not claimed to a refusal. ``docs/architectures.md`` shows them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lnbench.neurons import SITES

OPERATIONS = ("zero", "scale", "set", "add")

ATTENTION = ("attn.q", "attn.k", "attn.v", "attn.o")
#: Sites for which PLND's impact has a closed form where attention is the usual one.
PLND_SITES = ("ffn.hidden", *ATTENTION)
#: What remains of them where attention caps its logits, has sinks, or norms queries and keys over several heads.
PLND_WITHOUT_QUERIES = ("ffn.hidden", "attn.v", "attn.o")

FeedForward: TypeAlias = Literal["gated", "plain", "experts"]


@dataclass(frozen=True)
class Claim:
    """One cell of the table."""

    site: str
    operation: str
    engines: tuple[str, ...]
    """Engines that carry it out; empty: refused."""
    export: bool
    """Whether an exported checkpoint can hold it, under the config's usual settings."""


@dataclass(frozen=True)
class Claims:
    """What holds for every model of an architecture.

    Attention sites take every operation with both engines. What a feed-forward site takes follows from its kind:
    ``gated`` (``act(gate) * up``: ``add`` on ``ffn.act`` changes with the input and does not fold), ``plain``
    (``ffn.act`` is ``ffn.hidden``: everything) or ``experts`` (fused in 3-D parameters: ``zero`` and ``scale``, by
    ``fold``, and nothing that needs their activations).
    """

    feed_forward: FeedForward
    constants: tuple[str, ...] = ()
    """Sites at which an exported checkpoint has a place for the bias that ``set`` and ``add`` need."""
    plnd: tuple[str, ...] = PLND_SITES
    """Sites that PLND scores."""
    layout: str = ""
    """Where it keeps its projections, in a few words."""

    def engines(self, site: str, operation: str) -> tuple[str, ...]:
        """Engines that carry out an operation on a site; none where it is refused."""
        if self.feed_forward == "experts" and site.startswith("ffn."):
            return ("fold",) if operation in ("zero", "scale") else ()
        if self.feed_forward == "gated" and (site, operation) == ("ffn.act", "add"):
            return ("hook",)
        return ("fold", "hook")

    def exports(self, site: str, operation: str) -> bool:
        """Whether ``export`` writes an operation on a site into an ordinary checkpoint."""
        if "fold" not in self.engines(site, operation):
            return False
        return operation in ("zero", "scale") or site in self.constants

    @property
    def observed(self) -> tuple[str, ...]:
        """Sites whose values can be watched, so that LAPE and AP find neurons there."""
        return ATTENTION if self.feed_forward == "experts" else SITES

    def table(self) -> Iterator[Claim]:
        """Every site with every operation."""
        for site in SITES:
            for operation in OPERATIONS:
                yield Claim(site, operation, self.engines(site, operation), self.exports(site, operation))
