"""Biases that a plan needs and a model lacks: made as zeros where the config has a place, refused otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from lnbench.errors import EngineError
from lnbench.models._sitemap import SiteMap
from lnbench.models._unwrap import decoder_config
from lnbench.models._weights import WeightEdit, add_bias


@dataclass
class Places:
    """The biases that were made and the config fields that were set; :meth:`undo` takes both back."""

    config: Any
    fields: dict[str, Any] = field(default_factory=dict)
    """Config field -> what it was."""
    created: list[nn.Module] = field(default_factory=list)
    """Modules that were given a bias of zeros."""

    def undo(self) -> None:
        """Leave the model and its config as they were; a second call does nothing."""
        while self.created:
            self.created.pop()._parameters["bias"] = None
        while self.fields:
            setattr(self.config, *self.fields.popitem())

    def names(self, model: nn.Module) -> list[str]:
        """The biases that were made, as the model calls them, sorted."""
        names = {id(module): name for name, module in model.named_modules()}
        return sorted(f"{names[id(module)]}.bias" for module in self.created)

    def add(self, module: nn.Module) -> None:
        """Give a projection a bias of zeros, unless it has one."""
        if module._parameters.get("bias") is None:
            add_bias(module)
            self.created.append(module)


def make_places(model: Any, edits: list[WeightEdit], sites: SiteMap) -> Places:
    """Make every bias that the edits need, and those that a config field then promises beside them.

    Raises:
        EngineError: the config has no place for one of them; the model is then as it was.
    """
    places = Places(decoder_config(model))
    try:
        _make(places, edits, sites)
        _check(model)
    except BaseException:
        places.undo()
        raise
    return places


def _make(places: Places, edits: list[WeightEdit], sites: SiteMap) -> None:
    needed = [each for each in edits if each.edit.offset.any() and each.module._parameters.get("bias") is None]
    for each in needed:
        places.add(each.module)
    for prefix, name in sites.description.bias_fields:
        if hasattr(places.config, name) and any(each.path.startswith(prefix) for each in needed):
            places.fields.setdefault(name, getattr(places.config, name))
            setattr(places.config, name, True)
            _fill(places, prefix, sites)


def _fill(places: Places, prefix: str, sites: SiteMap) -> None:
    """Zeros for every bias that a config field promises and the model lacks."""
    for layer, ports in zip(sites.layers, sites.sites, strict=True):
        for path in ports.paths:
            if path.startswith(prefix):
                places.add(layer.get_submodule(path))


def _check(model: Any) -> None:
    """Refuse weights that a model made from the config would not have, or the other way round."""
    with torch.device("meta"):
        promised = set(type(model)(model.config).state_dict())
    odd = sorted(promised.symmetric_difference(model.state_dict()))
    if odd:
        raise EngineError(
            f"this plan cannot be exported: it needs {odd[0]}, for which the config of {type(model).__name__} has no "
            "place; use an operation without a constant (zero, scale), or run it without exporting"
        )
