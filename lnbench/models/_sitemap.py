"""Where a model keeps its neurons: for each decoder layer and site, a projection and the side of it to look at.

The types are here, and the walk from any transformers model to its decoder layers. What each architecture calls its
modules is in ``lnbench/models/architectures/``, one description per architecture; nothing else in the package knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from torch import nn

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._plan import Edit
from lnbench.models._unwrap import decoder_config, unwrap
from lnbench.neurons import SITES, Architecture, Heads

Rows: TypeAlias = npt.NDArray[np.int64]


def same_rows(neurons: Rows) -> Rows:
    """Neuron j is row j: a projection that serves one site alone."""
    return neurons


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

    @property
    def gated(self) -> bool:
        """Whether ``ffn.act`` and ``ffn.hidden`` are different neurons."""
        return self.gate is not None

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the layer's projections, each once."""
        every = (self.down, self.gate, self.up, self.query, self.key, self.value, self.output)
        return tuple(dict.fromkeys(port.path for port in every if port is not None))

    def port(self, site: str) -> Port:
        """The port whose neurons ``site`` counts; ``ffn.act`` is counted at the down projection."""
        at = {"attn.q": self.query, "attn.k": self.key, "attn.v": self.value, "attn.o": self.output}
        return at.get(site, self.down)


@dataclass(frozen=True)
class Description:
    """One architecture, in terms of its module names.

    Register one with :func:`lnbench.models.register_architecture`; see ``docs/architectures.md``.
    """

    model_types: tuple[str, ...]
    """``config.model_type`` of the (text) models that it describes."""
    layers: tuple[str, ...]
    """Dotted names under which the list of decoder layers is looked for, first match wins."""
    sites: Callable[[nn.Module, Any], LayerSites]
    """From a decoder layer and the text config to the layer's ports."""
    bias_fields: tuple[tuple[str, str], ...] = ()
    """(prefix of projection names, config field) where one field of the config gives all of them a bias."""


@dataclass(frozen=True)
class SiteMap:
    """A model seen as layers of neurons. It holds references to the model's modules and goes stale with them."""

    model_type: str
    decoder: nn.Module
    """The module that owns the list of layers and is called with the key-value cache."""
    layers: tuple[nn.Module, ...]
    sites: tuple[LayerSites, ...]
    heads: Heads
    description: Description

    def port(self, layer: int, site: str) -> Port:
        """The port of a site in one layer."""
        return self.sites[layer].port(site)

    def module(self, layer: int, port: Port) -> nn.Module:
        """The projection that a port belongs to (an adapter's wrapper, where there is one)."""
        return self.layers[layer].get_submodule(port.path)

    @property
    def architecture(self) -> Architecture:
        """Layers and site widths, a plain value."""
        widths = {site: _width([ports.port(site).width for ports in self.sites]) for site in SITES}
        return Architecture(layers=len(self.layers), widths=widths, model_type=self.model_type)


def site_map(model: nn.Module) -> SiteMap:
    """Find a causal language model's decoder layers and the ports of their sites.

    Adapters (peft), ``torch.compile`` and data-parallel wrappers are looked through, and so are models whose text
    decoder is nested in a larger one.

    Raises:
        UnsupportedArchitectureError: no description fits; the message says what to add and where.
    """
    from lnbench.models.architectures import description_for

    inner = unwrap(model)
    config = decoder_config(inner)
    description = description_for(inner, config)
    decoder, layers = _find_layers(inner, description)
    ports = tuple(_checked(layer, description.sites(layer, config), config) for layer in layers)
    return SiteMap(config.model_type, decoder, layers, ports, heads_of(config), description)


def architecture_of(model: nn.Module) -> Architecture:
    """Layers and site widths of a model.

    Raises:
        UnsupportedArchitectureError: lnbench has no description of this architecture.
    """
    return site_map(model).architecture


def heads_of(config: Any) -> Heads:
    """Query heads, key/value heads and head size, as a transformers config gives them."""
    queries = int(config.num_attention_heads)
    keys = getattr(config, "num_key_value_heads", None) or queries
    size = getattr(config, "head_dim", None) or config.hidden_size // queries
    return Heads(queries, int(keys), int(size))


def outputs_of(layer: nn.Module, path: str) -> int:
    """Number of outputs of the projection ``path`` of a layer."""
    return _features(layer, path)[1]


def inputs_of(layer: nn.Module, path: str) -> int:
    """Number of inputs of the projection ``path`` of a layer."""
    return _features(layer, path)[0]


def _features(layer: nn.Module, path: str) -> tuple[int, int]:
    """(inputs, outputs): ``Linear`` and its look-alikes say so; ``Conv1D`` has ``nx`` and ``nf``."""
    module = _submodule(layer, path)
    for names in (("in_features", "out_features"), ("nx", "nf")):
        if all(hasattr(module, name) for name in names):
            return int(getattr(module, names[0])), int(getattr(module, names[1]))
    raise _misfit(layer, f"{path} is a {type(module).__name__} and no linear projection that lnbench can read")


def _submodule(layer: nn.Module, path: str) -> nn.Module:
    try:
        return layer.get_submodule(path)
    except AttributeError:
        raise _misfit(layer, f"{path} does not exist (a mixture of experts?)") from None


def _find_layers(model: nn.Module, description: Description) -> tuple[nn.Module, tuple[nn.Module, ...]]:
    for path in description.layers:
        owner, _, name = path.rpartition(".")
        try:
            decoder = model.get_submodule(owner)
            layers = decoder.get_submodule(name)
        except AttributeError:
            continue
        if isinstance(layers, nn.ModuleList) and len(layers):
            return decoder, tuple(layers)
    raise UnsupportedArchitectureError(
        f"{type(model).__name__} keeps its decoder layers under none of {', '.join(description.layers)}; add the "
        "place to the description of its architecture in lnbench/models/architectures/"
    )


def _checked(layer: nn.Module, sites: LayerSites, config: Any) -> LayerSites:
    """Refuse a layer whose projections do not have the sizes that its ports and heads imply."""
    heads = heads_of(config)
    queries, keys = heads.queries * heads.size, heads.keys * heads.size
    expected = ((sites.query, queries), (sites.key, keys), (sites.value, keys), (sites.output, queries))
    for port, width in expected:
        if port.width != width:
            raise _misfit(layer, f"{port.path} has {port.width} attention neurons and the config promises {width}")
    outputs: dict[str, int] = {}
    for each in (sites.gate, sites.up, sites.query, sites.key, sites.value):
        if each is not None:
            outputs[each.path] = outputs.get(each.path, 0) + each.width
    for path, width in outputs.items():
        if outputs_of(layer, path) != width:
            raise _misfit(layer, f"{path} has {outputs_of(layer, path)} outputs and its sites account for {width}")
    return sites


def _misfit(layer: nn.Module, what: str) -> UnsupportedArchitectureError:
    return UnsupportedArchitectureError(
        f"in {type(layer).__name__}, {what}; a layer of this kind needs its own description in "
        "lnbench/models/architectures/"
    )


def _width(widths: list[int]) -> int | tuple[int, ...]:
    return widths[0] if len(set(widths)) == 1 else tuple(widths)
