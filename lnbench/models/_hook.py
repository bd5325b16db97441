"""Engine ``hook``: the plan carried out on activations as they pass, for what cannot be written into weights.

Hooks sit on a layer's own projections, never on the activation function, which layers may share. Inputs of the down and
output projections and outputs of query, key and value are changed on the touched columns only, for every row of the
batch and every position that the token rule names. Products are formed in float32 (float64 for float64 activations)
and cast once to the activation's type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from lnbench.errors import EngineError
from lnbench.models._lower import LayerEdits
from lnbench.models._plan import Edit, FloatArray, IntArray
from lnbench.models._sitemap import SiteMap
from lnbench.models._tokens import TokenRule

_Key = tuple[torch.device, torch.dtype]


class UpShare:
    """The part of a gated activation's constant that rides on ``up``: ``h[j] += share[j] * up[j]``."""

    def __init__(self, rows: IntArray, at: IntArray, share: FloatArray) -> None:
        self._rows, self._at, self._share = rows, at, share
        self._captured: dict[torch.device, torch.Tensor] = {}
        self._moved: dict[_Key, tuple[torch.Tensor, ...]] = {}

    def capture(self, module: nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> None:
        """Forward hook of the up projection: keep the touched columns until the down projection is called."""
        rows = self._on(output.device, output.dtype)[0]
        self._captured[output.device] = output.index_select(-1, rows)

    def add_to(self, values: torch.Tensor) -> torch.Tensor:
        """``values`` (touched columns, shape ``[..., touched]``) plus what rides on ``up``."""
        up = self._captured.pop(values.device, None)
        if up is None or up.shape[:-1] != values.shape[:-1]:
            raise EngineError("ffn.act: the up projection did not run just before the down projection; edit ffn.hidden")
        _, at, share = self._on(values.device, values.dtype)
        return values.index_add(-1, at, up.to(values.dtype) * share)

    @torch.inference_mode(False)  # so that a later pass may take gradients
    def _on(self, device: torch.device, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
        if (device, dtype) not in self._moved:
            rows, at = torch.tensor(self._rows, device=device), torch.tensor(self._at, device=device)
            self._moved[device, dtype] = rows, at, torch.tensor(self._share, device=device, dtype=dtype)
        return self._moved[device, dtype]


class Change:
    """``x[..., j] -> scale[j] * x[..., j] + offset[j]`` on the touched columns of a tensor ``[..., width]``.

    Numbers move to the tensor's device once. A plan that only zeroes, or only sets, takes one elementwise kernel.
    """

    def __init__(self, edit: Edit, share: UpShare | None = None) -> None:
        self._edit, self._share = edit, share
        self._replaces = share is None and not edit.scale.any()
        self._moved: dict[_Key, tuple[torch.Tensor, ...]] = {}

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The changed tensor, of the same shape and type; ``x`` itself stays as it is."""
        key = (x.device, x.dtype)
        if key not in self._moved:
            self._moved[key] = self._replacement(x) if self._replaces else self._affine(x)
        if self._replaces:
            mask, values = self._moved[key]
            return torch.where(mask, values, x)
        index, scale, offset, zeroed = self._moved[key]
        old = x.index_select(-1, index).to(scale.dtype)
        new = torch.where(zeroed, offset, old * scale + offset)  # zero holds even where the activation is infinite
        if self._share is not None:
            new = self._share.add_to(new)
        return x.index_copy(-1, index, new.to(x.dtype))

    @torch.inference_mode(False)  # so that a later pass may take gradients
    def _replacement(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        mask, values = np.zeros(x.shape[-1], dtype=bool), np.zeros(x.shape[-1])
        mask[self._edit.indices], values[self._edit.indices] = True, self._edit.offset
        return torch.tensor(mask, device=x.device), torch.tensor(values, device=x.device, dtype=x.dtype)

    @torch.inference_mode(False)
    def _affine(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        precise = torch.promote_types(x.dtype, torch.float32)
        index = torch.tensor(self._edit.indices, device=x.device)
        scale = torch.tensor(self._edit.scale, device=x.device, dtype=precise)
        return index, scale, torch.tensor(self._edit.offset, device=x.device, dtype=precise), scale == 0.0


@dataclass
class Hooked:
    """The hooks of one plan; :meth:`restore` takes them off."""

    handles: list[RemovableHandle] = field(default_factory=list)

    def restore(self) -> None:
        """Remove the hooks; a second call does nothing."""
        while self.handles:
            self.handles.pop().remove()


def hook(edits: list[LayerEdits], sites: SiteMap, tokens: str) -> Hooked:
    """Put a lowered plan's hooks on the model's projections; layers that are one module are hooked once."""
    hooked, rule = Hooked(), TokenRule(tokens)
    once = {id(sites.layers[each.layer]): each for each in edits}
    try:
        if once:
            hooked.handles += rule.watch(sites.decoder)
        for layer in once.values():
            hooked.handles += _hook_layer(layer, sites, rule)
    except BaseException:
        hooked.restore()
        raise
    return hooked


def _hook_layer(edits: LayerEdits, sites: SiteMap, rule: TokenRule) -> list[RemovableHandle]:
    layer, ports = sites.layers[edits.layer], sites.sites[edits.layer]
    inputs = {path: Change(edit) for path, edit in edits.inputs.items()}
    handles = []
    if edits.activation is not None and ports.up is not None:
        later = edits.inputs.get(ports.down.path, Edit.of([]))
        both = Edit.of(edits.activation.indices, edits.activation.scale).then(later)
        share = _up_share(edits.activation, later, both, ports.up.rows)
        inputs[ports.down.path] = Change(both, share)
        if share is not None:
            handles.append(layer.get_submodule(ports.up.path).register_forward_hook(share.capture))
    for path, change in inputs.items():
        handles.append(layer.get_submodule(path).register_forward_pre_hook(_on_input(change, rule)))
    for path, edit in edits.outputs.items():
        handles.append(layer.get_submodule(path).register_forward_hook(_on_output(Change(edit), rule)))
    return handles


def _up_share(activation: Edit, later: Edit, both: Edit, rows: Callable[[IntArray], IntArray]) -> UpShare | None:
    """What ``ffn.act``'s constants become after the ``later`` edit of ``ffn.hidden``: multiplied by its scale."""
    constant = activation.offset != 0.0
    if not constant.any():
        return None
    neurons = activation.indices[constant]
    at = np.searchsorted(both.indices, neurons)
    through = Edit.of(neurons, 1.0).then(later)
    factor = through.scale[np.searchsorted(through.indices, neurons)]
    return UpShare(rows(neurons), at, activation.offset[constant] * factor)


def _on_input(change: Change, rule: TokenRule) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...] | None]:
    def before(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return (change(args[0]), *args[1:]) if rule.applies else None

    return before


def _on_output(change: Change, rule: TokenRule) -> Callable[[nn.Module, tuple[Any, ...], torch.Tensor], Any]:
    def after(module: nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor | None:
        return change(output) if rule.applies else None

    return after
