"""Where the neurons of one decoder layer are, as plain values: ports of projections, experts, heads.

An architecture's description makes them (``lnbench/models/architectures/``); both engines, observation and detection
read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from lnbench.models._plan import Edit
from lnbench.neurons import Heads

Rows: TypeAlias = npt.NDArray[np.int64]


def same_rows(neurons: Rows) -> Rows:
    """Neuron j is row j: a projection that serves one site alone."""
    return neurons


@dataclass(frozen=True)
class Experts:
    """Experts that keep their down projections in one 3-D parameter, of which a router picks some for each token.

    Neuron i of expert e is neuron ``e * width + i`` of the layer.
    """

    count: int
    width: int
    """Neurons of one expert."""
    weight: str
    """Name of the parameter in the experts' module."""
    inputs_first: bool
    """Whether it is ``[experts, inputs, outputs]``, and not ``[experts, outputs, inputs]``."""


@dataclass(frozen=True)
class Port:
    """One side of a projection, where a site's values pass."""

    path: str
    """Dotted name of the projection inside its decoder layer."""
    side: Literal["in", "out"]
    width: int
    """Number of neurons."""
    rows: Callable[[Rows], Rows] = same_rows
    """From neuron to input or output of the projection, order kept; not the identity where projections are fused."""
    experts: Experts | None = None
    """The projection is that of several experts; no module's input or output shows their values."""

    def edit(self, edit: Edit) -> Edit:
        """An edit of the site's neurons as one of the projection's inputs or outputs."""
        return edit if self.rows is same_rows else Edit(self.rows(edit.indices), edit.scale, edit.offset)


@dataclass(frozen=True)
class LayerSites:
    """The ports of one decoder layer."""

    down: Port
    """Input of the down projection: ``ffn.hidden``."""
    query: Port
    key: Port
    value: Port
    output: Port
    """Input of the attention's output projection: ``attn.o``."""
    gate: Port | None = None
    """Input of the activation function, where there is a gate: the hidden value is ``act(gate) * up``."""
    up: Port | None = None
    activation: str | None = None
    """Dotted name of the activation function inside the layer; needed with a gate only."""
    first: Port | None = None
    """Output of the first projection of a feed-forward without a gate."""
    shared: Port | None = None
    """Down projection of an expert that every token passes, beside the routed ones of ``down``; its neurons come after
    theirs."""

    @property
    def gated(self) -> bool:
        """Whether ``ffn.act`` and ``ffn.hidden`` are different neurons."""
        return self.gate is not None

    @property
    def routed(self) -> bool:
        """Whether the layer's feed-forward is a mixture of experts."""
        return self.down.experts is not None

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the layer's projections, each once."""
        forward = (self.down, self.shared, self.gate, self.up, self.first)
        every = (*forward, self.query, self.key, self.value, self.output)
        return tuple(dict.fromkeys(port.path for port in every if port is not None))

    @property
    def feed_forward(self) -> tuple[Port, ...]:
        """The ports whose neurons, one port after the other, are those of ``ffn.hidden``."""
        return (self.down,) if self.shared is None else (self.down, self.shared)

    def port(self, site: str) -> Port:
        """The port whose neurons ``site`` counts; ``ffn.act`` is counted at the down projection."""
        at = {"attn.q": self.query, "attn.k": self.key, "attn.v": self.value, "attn.o": self.output}
        return at.get(site, self.down)

    def width(self, site: str) -> int:
        """Number of neurons of a site."""
        if site.startswith("ffn."):
            return sum(port.width for port in self.feed_forward)
        return self.port(site).width


def heads_of(config: Any) -> Heads:
    """Query heads, key/value heads and head size, as a transformers config gives them."""
    queries = int(config.num_attention_heads)
    keys = getattr(config, "num_key_value_heads", None) or queries
    size = getattr(config, "head_dim", None) or config.hidden_size // queries
    return Heads(queries, int(keys), int(size))


def unshared_heads_of(config: Any) -> Heads:
    """Heads of an architecture in which each query head has a key/value head of its own."""
    queries = int(config.num_attention_heads)
    return Heads(queries, queries, config.hidden_size // queries)
