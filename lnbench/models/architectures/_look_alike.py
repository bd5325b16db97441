"""Read a model that nothing describes as Llama, where its layers look and compute like Llama's; never silently.

Names and shapes alone can deceive: a feed-forward may have a norm before its down projection, or scale what it puts
out. So each feed-forward is run once on random input and compared with ``down(act(gate(x)) * up(x))``.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import torch
from torch import nn

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._ports import LayerSites
from lnbench.models._sitemap import Description, find_layers
from lnbench.models.architectures import _llama

_log = logging.getLogger(__name__)
_WARNED: set[str] = set()
_COMPARED: WeakSet[nn.Module] = WeakSet()

_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}


def look_alike(model: nn.Module, config: Any) -> Description | str:
    """Llama's description, marked as assumed, or why the model cannot be read by it, in words."""
    try:
        description = replace(_llama.DESCRIPTIONS[0], model_types=("llama",), bias_fields=(), claims=None, assumed=True)
        _, layers = find_layers(model, description)
        different = next((reason for layer in layers if (reason := _difference(layer, config)) is not None), None)
    except UnsupportedArchitectureError:
        return "its layers do not have Llama's projections"
    return description if different is None else different


def _difference(layer: nn.Module, config: Any) -> str | None:
    """What a layer does otherwise than Llama's, or None. Each layer is run once."""
    if layer in _COMPARED:
        return None
    ports = _llama.sites(layer, config)
    try:
        off = _distance(layer, ports)
    except (RuntimeError, AttributeError, TypeError, NotImplementedError):
        return "its feed-forward, which has Llama's projections, cannot be run alone and compared with Llama's"
    weight = next(layer.get_submodule("mlp").parameters())
    if not off <= _TOLERANCE.get(weight.dtype, 3e-2):
        return "its feed-forward has Llama's projections and computes something else"
    _COMPARED.add(layer)
    return None


@torch.no_grad()
def _distance(layer: nn.Module, ports: LayerSites) -> float:
    """Relative distance of what the feed-forward puts out from ``down(act(gate(x)) * up(x))``."""
    feed_forward = layer.get_submodule("mlp")
    gate, up, down = (layer.get_submodule(f"mlp.{name}_proj") for name in ("gate", "up", "down"))
    weight = next(feed_forward.parameters())
    width = int(getattr(gate, "in_features", getattr(gate, "nx", 0)))
    x = torch.randn(1, 4, width, generator=torch.Generator().manual_seed(0)).to(weight.device, weight.dtype)
    theirs = feed_forward(x)
    ours = down(layer.get_submodule(str(ports.activation))(gate(x)) * up(x))
    return float((theirs - ours).float().norm() / ours.float().norm().clamp_min(1e-12))


def warn_once(model: nn.Module, config: Any) -> None:
    """Say once for each model type that it was read as Llama."""
    if config.model_type not in _WARNED:
        _WARNED.add(config.model_type)
        _log.warning(
            "%s (model_type %r) is unknown to lnbench and is read as Llama, whose names, shapes and feed-forward it "
            "has; nobody has tested it, and every record says so (docs/architectures.md)",
            type(model).__name__,
            config.model_type,
        )
