"""Write rows and columns of projection weights, and put them back bit for bit.

A row edit changes what a projection puts out: ``W[j] *= s``, ``b[j] = s*b[j] + c``. A column edit changes what it takes
in: ``W[:, j] *= s``, ``b += c * W_old[:, j]``. Biases are created where there was none. Products are formed in float32
(float64 for float64 weights) and cast once. Only what is touched is kept: rows, columns, biases. Of fused experts,
whose weight is ``[experts, ...]``, neuron ``e * width + i`` is column i of expert e.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from lnbench.errors import EngineError
from lnbench.models._lower import same_edit
from lnbench.models._plan import Edit
from lnbench.models._ports import Experts


@dataclass(frozen=True, eq=False)
class WeightEdit:
    """One projection and the rows (side ``out``) or columns (side ``in``) of its weight that change."""

    layer: int
    path: str
    side: str
    module: nn.Module
    edit: Edit
    experts: Experts | None = None
    """Of whose fused down projections the columns are."""

    def same_as(self, other: WeightEdit) -> bool:
        """Whether two layers ask for the same change."""
        return self.side == other.side and same_edit(self.edit, other.edit)

    @property
    def across(self) -> int:
        """The dimension of the weight that the edit indexes: ``Conv1D`` keeps inputs first, ``Linear`` outputs."""
        if self.experts is not None:
            return 1 if self.experts.inputs_first else 2
        return int((self.side == "in") != isinstance(self.module, Conv1D))

    @property
    def weight(self) -> str:
        """Name of the module's parameter that the edit changes."""
        return "weight" if self.experts is None else self.experts.weight


@dataclass
class _Numbers:
    """An edit's arrays on the weight's device, in the precision that products are formed in."""

    index: torch.Tensor
    scale: torch.Tensor
    offset: torch.Tensor | None


def _numbers(edits: list[WeightEdit]) -> list[_Numbers]:
    """Every edit's numbers; they travel to a device together, since small copies cost as much as large ones."""
    groups: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for place, each in enumerate(edits):
        weight = _own(each.module, each.weight)
        groups.setdefault((weight.device, torch.promote_types(weight.dtype, torch.float32)), []).append(place)
    found: dict[int, _Numbers] = {}
    for (device, precise), places in groups.items():
        own = [edits[place].edit for place in places]
        sizes = [len(edit) for edit in own]
        index = torch.tensor(np.concatenate([edit.indices for edit in own]), device=device)
        scale = torch.tensor(np.concatenate([edit.scale for edit in own]), device=device, dtype=precise)
        offset = torch.tensor(np.concatenate([edit.offset for edit in own]), device=device, dtype=precise)
        parts = zip(torch.split(index, sizes), torch.split(scale, sizes), torch.split(offset, sizes), strict=True)
        for place, edit, (rows, factors, shifts) in zip(places, own, parts, strict=True):
            found[place] = _Numbers(rows, factors, shifts if edit.offset.any() else None)
    return [found[place] for place in range(len(edits))]


@dataclass
class Folded:
    """What to put back; :meth:`restore` leaves every parameter with the bits it had."""

    saved: list[tuple[nn.Module, str, int, torch.Tensor, torch.Tensor]] = field(default_factory=list)
    """(module, parameter, dimension, index, values with that dimension first), in the order of the edits."""
    created: list[nn.Module] = field(default_factory=list)
    """Modules that were given a bias."""

    @torch.no_grad()
    def write(self, edits: list[WeightEdit]) -> None:
        """Biases first, from untouched weights; then weights. What several modules share is written once."""
        numbers = _numbers(edits)
        done: set[int] = set()
        for each, values in zip(edits, numbers, strict=True):
            bias = each.module._parameters.get("bias")
            if _is_new(id(each.module), done) and (bias is None or _is_new(bias.data_ptr(), done)):
                self._write_bias(each, values)
        done.clear()
        for each, values in zip(edits, numbers, strict=True):
            if _is_new(identity(each.module), done) and not bool((each.edit.scale == 1.0).all()):
                self._write_weight(each, values)

    @torch.no_grad()
    def restore(self) -> None:
        """Undo, last edit first; a second call does nothing."""
        while self.saved:
            module, name, dimension, index, values = self.saved.pop()
            parameter = _own(module, name)
            _put_rows(parameter, dimension, index.to(parameter.device), values.to(parameter))
        while self.created:
            self.created.pop()._parameters["bias"] = None

    def refuse_overflow(self) -> None:
        """Refuse numbers that the weights' type cannot hold; the model is left as it is.

        Raises:
            EngineError: a weight that was finite is so no longer.
        """
        for module, name, dimension, index, before in self.saved:
            after = _rows(_own(module, name), dimension, index)
            if bool((before.isfinite() & ~after.isfinite()).any()):
                kind = str(after.dtype).removeprefix("torch.")
                raise EngineError(f"the plan makes weights larger than {kind} holds; give smaller factors or constants")

    def _write_weight(self, each: WeightEdit, numbers: _Numbers) -> None:
        before = _touched(each, numbers)
        after = _scaled(before, numbers.scale.unsqueeze(1))
        self._put(each.module, each.weight, each.across, numbers.index, before, after)

    def _write_bias(self, each: WeightEdit, numbers: _Numbers) -> None:
        if numbers.offset is None and (each.side == "in" or each.module._parameters.get("bias") is None):
            return
        bias = self._bias(each)
        index = numbers.index if each.side == "out" else torch.arange(bias.shape[0], device=bias.device)
        before = bias.index_select(0, index)
        after = before.to(numbers.scale.dtype)
        if each.side == "out":
            after = _scaled(before, numbers.scale)
        if numbers.offset is not None:
            after = after + (numbers.offset if each.side == "out" else _through(each, numbers, numbers.offset))
        self._put(each.module, "bias", 0, index, before, after)

    def _bias(self, each: WeightEdit) -> torch.Tensor:
        """The projection's bias, created where there is none."""
        bias = each.module._parameters.get("bias")
        if bias is None:
            bias = add_bias(each.module)
            self.created.append(each.module)
        return bias

    def _put(
        self,
        module: nn.Module,
        name: str,
        dimension: int,
        index: torch.Tensor,
        before: torch.Tensor,
        after: torch.Tensor,
    ) -> None:
        self.saved.append((module, name, dimension, index, before))
        _put_rows(_own(module, name), dimension, index, after.to(before.dtype))


def fold(edits: list[WeightEdit]) -> Folded:
    """Write the edits into the weights. On any failure the weights are put back before the error is raised."""
    folded = Folded()
    try:
        folded.write(edits)
    except BaseException:
        folded.restore()
        raise
    return folded


def identity(module: nn.Module) -> int:
    """Equal for modules that share a weight: its address, or the module itself where there is no plain weight."""
    weight = module._parameters.get("weight")
    if weight is not None and weight.device.type == "meta":
        return id(weight)
    plain = weight is not None and type(weight.data) is torch.Tensor
    return weight.data_ptr() if weight is not None and plain else id(module)


@torch.inference_mode(False)  # what is made in inference mode could not be put back outside it
def add_bias(module: nn.Module) -> nn.Parameter:
    """Give a projection without a bias one of zeros."""
    weight = _own(module, "weight")
    outputs = weight.shape[int(isinstance(module, Conv1D))]
    bias = nn.Parameter(torch.zeros(outputs, dtype=weight.dtype, device=weight.device), requires_grad=False)
    module._parameters["bias"] = bias
    return bias


def _scaled(values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The product in the precision of the scale; what is scaled by zero is zero, also where it was not finite."""
    return (values.to(scale.dtype) * scale).masked_fill_(scale == 0.0, 0.0)


def _through(each: WeightEdit, numbers: _Numbers, offset: torch.Tensor) -> torch.Tensor:
    """What a constant input puts out, shape ``[outputs]``: ``sum_j c_j * W_old[:, j]``."""
    added = offset != 0.0
    return offset[added] @ _touched(each, numbers)[added].to(offset.dtype)


def _touched(each: WeightEdit, numbers: _Numbers) -> torch.Tensor:
    """The rows or columns that the edit names, shape ``[touched, other]``."""
    return _rows(_own(each.module, each.weight), each.across, numbers.index)


def _rows(parameter: torch.Tensor, dimension: int, index: torch.Tensor) -> torch.Tensor:
    """What an index names along a dimension (of all experts, if any), shape ``[touched, other]``."""
    if parameter.ndim == 3:
        return parameter.movedim(dimension, 1)[_expert_and_column(parameter, dimension, index)]
    return parameter.movedim(dimension, 0).index_select(0, index)  # half the time of selecting along the last dimension


def _put_rows(parameter: torch.Tensor, dimension: int, index: torch.Tensor, values: torch.Tensor) -> None:
    """Write ``values [touched, other]`` over what an index names along a dimension (of all experts, if any)."""
    if parameter.ndim == 3:
        parameter.movedim(dimension, 1)[_expert_and_column(parameter, dimension, index)] = values
    else:
        parameter.movedim(dimension, 0).index_copy_(0, index, values)


def _expert_and_column(weight: torch.Tensor, dimension: int, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    width = weight.shape[dimension]
    return index // width, index % width


def _own(module: nn.Module, name: str) -> torch.Tensor:
    parameter = module._parameters[name]
    assert parameter is not None
    return parameter


def _is_new(key: int, done: set[int]) -> bool:
    new = key not in done
    done.add(key)
    return new
