"""The weights that belong to neurons: rows of what puts them out, columns of what takes them in.

Of a feed-forward neuron these are its rows of gate and up (of the first projection, where there is no gate) and its
column of down; of ``attn.q``, ``attn.k`` and ``attn.v`` a row of the projection; of ``attn.o`` a column of the output
projection (Zhao et al. 2024, section 4.4, without the last). A row brings its bias; the bias of a column belongs to
all neurons and stays out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from lnbench.errors import EngineError, SpecError, UnsupportedArchitectureError
from lnbench.models._guards import weight_obstacle
from lnbench.models._sitemap import LayerSites, Port, SiteMap, site_map
from lnbench.models._unwrap import unwrap

#: (site, layer)
Target = Mapping[tuple[str, int], npt.ArrayLike]


@dataclass(frozen=True, eq=False)
class Slot:
    """Rows or columns of one projection's weight, and with rows those of its bias.

    Attributes:
        path: dotted name of the projection in the (unwrapped) model.
        module: the projection, a ``Linear`` or ``Conv1D``.
        side: ``out`` for rows, ``in`` for columns.
        index: ascending int64 ``[touched]``, on the weight's device.
    """

    path: str
    module: nn.Module
    side: str
    index: torch.Tensor

    @property
    def across(self) -> int:
        """The dimension of the weight that `index` counts along: ``Conv1D`` keeps inputs first, ``Linear`` outputs."""
        return int((self.side == "in") != isinstance(self.module, Conv1D))

    def parameters(self) -> Iterator[tuple[str, int, nn.Parameter]]:
        """(dotted name, dimension, parameter) of the weight, and of the bias where the slot is of rows."""
        for name, dimension in (("weight", self.across), ("bias", 0)):
            parameter = self.module._parameters.get(name)
            if parameter is not None and (name == "weight" or self.side == "out"):
                yield f"{self.path}.{name}", dimension, parameter

    @property
    def numbers(self) -> int:
        """How many numbers of the model the slot holds."""
        return sum(p.numel() // p.shape[d] * len(self.index) for _, d, p in self.parameters())


def slots_of(model: nn.Module, target: Target) -> list[Slot]:
    """The slots of some neurons, one for each projection that has any, in the order of layers.

    Args:
        model: a transformers causal language model, unwrapped or not.
        target: ``{(site, layer): indices}``.

    Raises:
        SpecError: there is no neuron, or feed-forward neurons are counted at ``ffn.act`` and ``ffn.hidden`` both.
        EngineError: a weight is offloaded, packed, shared with another projection, or under an adapter.
        UnsupportedArchitectureError: lnbench has no description of this architecture.
    """
    sites = site_map(model)
    wanted = {place: np.unique(np.asarray(rows, np.int64)) for place, rows in target.items() if np.size(rows)}
    _check(wanted)
    inner = unwrap(model)
    names = {id(module): name for name, module in inner.named_modules()}
    found: dict[tuple[str, str], tuple[nn.Module, list[npt.NDArray[np.int64]]]] = {}
    for (site, layer), rows in sorted(wanted.items(), key=lambda item: item[0][::-1]):
        for port in _ports(sites.sites[layer], site):
            module = sites.module(layer, port)
            found.setdefault((names[id(module)], port.side), (module, []))[1].append(port.rows(rows))
    slots = [Slot(path, module, side, _index(module, path, rows)) for (path, side), (module, rows) in found.items()]
    _refuse_shared(slots, sites)
    return slots


def _check(target: Mapping[tuple[str, int], npt.NDArray[np.int64]]) -> None:
    if not target:
        raise SpecError("there is no neuron to tune; choose other languages, sites or layers of the neuron set")
    counted = {site for site, _ in target}
    if {"ffn.act", "ffn.hidden"} <= counted:
        raise SpecError(
            "the neurons are counted at ffn.act and at ffn.hidden, which have the same weights; choose one with sites"
        )


def _ports(ports: LayerSites, site: str) -> list[Port]:
    if not site.startswith("ffn."):
        return [ports.port(site)]
    if ports.routed:
        raise EngineError("the neurons of a mixture of experts cannot be tuned; choose attention neurons with sites")
    first = (ports.gate, ports.up) if ports.gated else (ports.first,)
    if None in first:
        raise UnsupportedArchitectureError(
            "the description of this architecture does not name its first feed-forward projection; give its "
            "LayerSites `first` (`up`, where there is a gate) in lnbench/models/architectures/"
        )
    return [port for port in (*first, ports.down) if port is not None]


def _index(module: nn.Module, path: str, rows: list[npt.NDArray[np.int64]]) -> torch.Tensor:
    reason = weight_obstacle(module)
    if reason is not None:
        raise EngineError(f"{path} {reason}, so its rows and columns cannot be tuned; load the model plainly")
    weight = module._parameters["weight"]
    assert weight is not None
    return torch.from_numpy(np.unique(np.concatenate(rows))).to(weight.device)


def _refuse_shared(slots: list[Slot], sites: SiteMap) -> None:
    """Rows of one weight that several layers use are nobody's neurons alone."""
    users: dict[int, set[str]] = {}
    for number, (layer, ports) in enumerate(zip(sites.layers, sites.sites, strict=True)):
        for path in ports.paths:
            weight = layer.get_submodule(path)._parameters.get("weight")
            users.setdefault(id(weight), set()).add(f"{path} of layer {number}")
    for slot in slots:
        if len(shared := sorted(users.get(id(slot.module._parameters["weight"]), ()))) > 1:
            raise EngineError(f"{shared[0]} and {shared[1]} are one weight, whose rows cannot be tuned for one of them")
