"""Where a model keeps its neurons: for each decoder layer and site, a projection and the side of it to look at.

The walk from any transformers model to its decoder layers is here, ports are in :mod:`._ports`. What each architecture
calls its modules is in ``lnbench/models/architectures/``; nothing else in the package knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._claims import Claims
from lnbench.models._ports import LayerSites, Port, heads_of
from lnbench.models._projections import misfit, outputs_of
from lnbench.models._unwrap import decoder_config, unwrap
from lnbench.neurons import SITES, Architecture, Heads

__all__ = ["Description", "LayerSites", "Port", "SiteMap", "architecture_of", "find_layers", "site_map"]


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
    heads: Callable[[Any], Heads] = heads_of
    """From the text config to the attention heads."""
    claims: Claims | None = None
    """What is promised, and held by tests; None for a description that nobody has tested."""
    assumed: bool = False
    """Whether it is a guess from names and shapes; a model that is read by it says so in every record."""


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
        """Layers, site widths and heads, a plain value."""
        widths = {site: _width([ports.width(site) for ports in self.sites]) for site in SITES}
        return Architecture(len(self.layers), widths, self.model_type, self.heads)


def site_map(model: nn.Module) -> SiteMap:
    """Find a causal language model's decoder layers and the ports of their sites.

    Adapters (peft), ``torch.compile`` and data-parallel wrappers are looked through, and so are models whose text
    decoder is nested in a larger one.

    Raises:
        UnsupportedArchitectureError: no description fits; the message says what to add and where.
    """
    from lnbench.models.architectures import description_for, warn_once

    inner = unwrap(model)
    config = decoder_config(inner)
    description = description_for(inner, config)
    decoder, layers = find_layers(inner, description)
    heads = _heads(inner, description, config)
    ports = tuple(_checked(layer, description.sites(layer, config), heads) for layer in layers)
    if description.assumed:
        warn_once(inner, config)
    return SiteMap(_named(config.model_type, description), decoder, layers, ports, heads, description)


def architecture_of(model: nn.Module) -> Architecture:
    """Layers and site widths of a model.

    Raises:
        UnsupportedArchitectureError: lnbench has no description of this architecture.
    """
    return site_map(model).architecture


def _heads(model: nn.Module, description: Description, config: Any) -> Heads:
    try:
        return description.heads(config)
    except (AttributeError, TypeError, ValueError, ZeroDivisionError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UnsupportedArchitectureError(
            f"the config of {type(model).__name__} does not give one number of heads for all layers ({reason}); give "
            "its Description a function heads that reads it"
        ) from None


def _named(model_type: str, description: Description) -> str:
    """The model type as records show it."""
    return f"{model_type} (read as {description.model_types[0]})" if description.assumed else model_type


def find_layers(model: nn.Module, description: Description) -> tuple[nn.Module, tuple[nn.Module, ...]]:
    """The module that owns the list of decoder layers, and the layers.

    Raises:
        UnsupportedArchitectureError: there is none under the description's names.
    """
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


def _checked(layer: nn.Module, sites: LayerSites, heads: Heads) -> LayerSites:
    """Refuse a layer whose projections do not have the sizes that its ports and heads imply."""
    queries, keys = heads.queries * heads.size, heads.keys * heads.size
    expected = ((sites.query, queries), (sites.key, keys), (sites.value, keys), (sites.output, queries))
    for port, width in expected:
        if port.width != width:
            raise misfit(layer, f"{port.path} has {port.width} attention neurons and the config promises {width}")
    outputs: dict[str, int] = {}
    for each in (sites.gate, sites.up, sites.first, sites.query, sites.key, sites.value):
        if each is not None:
            outputs[each.path] = outputs.get(each.path, 0) + each.width
    for path, width in outputs.items():
        if outputs_of(layer, path) != width:
            raise misfit(layer, f"{path} has {outputs_of(layer, path)} outputs and its sites account for {width}")
    return sites


def _width(widths: list[int]) -> int | tuple[int, ...]:
    return widths[0] if len(set(widths)) == 1 else tuple(widths)
