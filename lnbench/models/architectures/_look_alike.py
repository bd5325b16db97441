"""Read a model that nothing describes as Llama, where its layers look and compute like Llama's; never silently.

Names and shapes alone can deceive: a feed-forward may have a norm before its down projection, or scale what it puts
out. So each feed-forward is run once on random input and compared with ``down(act(gate(x)) * up(x))``.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import torch
from torch import nn

from lnbench.errors import UnsupportedArchitectureError
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
    _llama.sites(layer, config)
    try:
        off = _distance(layer)
    except (RuntimeError, AttributeError, TypeError, NotImplementedError):
        return "its feed-forward, which has Llama's projections, cannot be run alone and compared with Llama's"
    weight = next(layer.get_submodule("mlp").parameters())
    if not off <= _TOLERANCE.get(weight.dtype, 3e-2):
        return "its feed-forward has Llama's projections and computes something else"
    _COMPARED.add(layer)
    return None


@torch.no_grad()
def _distance(layer: nn.Module) -> float:
    """Relative distance of what the feed-forward puts out from ``down(act(gate(x)) * up(x))``."""
    feed_forward = _with_values(layer.get_submodule("mlp"))
    gate, up, down = (feed_forward.get_submodule(f"{name}_proj") for name in ("gate", "up", "down"))
    weight = next(feed_forward.parameters())
    width = int(getattr(gate, "in_features", getattr(gate, "nx", 0)))
    x = torch.randn(1, 4, width, generator=torch.Generator().manual_seed(0)).to(weight.device, weight.dtype)
    theirs = feed_forward(x)
    ours = down(feed_forward.get_submodule("act_fn")(gate(x)) * up(x))
    return float((theirs - ours).float().norm() / ours.float().norm().clamp_min(1e-12))


def _with_values(module: nn.Module) -> nn.Module:
    """The module itself, or where a config alone was read (all of it is on meta) a copy with random weights."""
    offloaded = any("forward" in each.__dict__ for each in module.modules())  # by accelerate
    if offloaded or any(each.device.type != "meta" for each in module.parameters()):
        return module
    made = copy.deepcopy(module).to_empty(device="cpu")
    for each in made.parameters():
        nn.init.normal_(each, std=0.1)
    return made


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
