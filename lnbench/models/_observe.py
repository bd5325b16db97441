"""Watch a model's neurons while it runs: the values of a site, layer by layer, handed to a callback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._ports import LayerSites, Port
from lnbench.models._sitemap import SiteMap, site_map

#: ``callback(layer, site, values)`` with values ``[batch, tokens, width]`` in the model's dtype, to be read only (OPT's
#: feed-forward sees ``[batch * tokens, width]``).
Observer = Callable[[int, str, torch.Tensor], None]


@contextmanager
def observed(model: nn.Module, sites: Sequence[str], callback: Observer) -> Iterator[None]:
    """Call ``callback`` with every layer's values of the given sites in each forward pass inside the block.

    Raises:
        UnsupportedArchitectureError: lnbench has no description of this architecture, or the values of a site pass
            through no module (``ffn.act`` and ``ffn.hidden`` of fused experts).
    """
    found = site_map(model)
    check_observable(found, sites)
    with ExitStack() as stack:
        for number, (layer, ports) in enumerate(zip(found.layers, found.sites, strict=True)):
            for site in sites:
                stack.callback(_watch(layer, ports, site, partial(callback, number, site)).remove)
        yield


def check_observable(found: SiteMap, sites: Sequence[str]) -> None:
    """Refuse sites whose values pass through no module, before anything is run.

    Raises:
        UnsupportedArchitectureError: fused experts are asked for.
    """
    hidden = [site for site in sites if site.startswith("ffn.")]
    routed = next((number for number, ports in enumerate(found.sites) if ports.routed), None)
    if hidden and routed is not None:
        raise UnsupportedArchitectureError(
            f"{hidden[0]} of model_type {found.model_type!r} cannot be watched: layer {routed} is a mixture of fused "
            "experts, whose activations pass through no module; watch attn.q, attn.k, attn.v and attn.o"
        )


def _watch(layer: nn.Module, ports: LayerSites, site: str, see: Callable[[torch.Tensor], None]) -> Any:
    if site == "ffn.act" and ports.gate is not None and ports.activation is not None:
        activation = layer.get_submodule(ports.activation)
        return _at(layer, ports.gate, lambda gate: see(activation(gate)))
    return _at(layer, ports.port(site), see)


def _at(layer: nn.Module, port: Port, see: Callable[[torch.Tensor], None]) -> Any:
    rows = port.rows(np.arange(port.width))
    whole = np.array_equal(rows, np.arange(port.width))
    module = layer.get_submodule(port.path)

    def take(values: torch.Tensor) -> None:
        if whole and values.shape[-1] == port.width:
            see(values)
        else:
            see(values[..., torch.as_tensor(rows, device=values.device)])

    if port.side == "in":
        return module.register_forward_pre_hook(lambda _, inputs: take(inputs[0]))
    return module.register_forward_hook(lambda _, __, output: take(output))
