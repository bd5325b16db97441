"""What is trained: the numbers of some slots as small float32 tensors, or every parameter.

A :class:`Tuned` model is what transformers' Trainer is given. Its parameters, and so the optimizer's state, the clipped
gradient and every checkpoint, are the small tensors alone; the model stands behind it and is no part of it.

The small tensors are written into the model's weights after every step of the optimizer, so that each forward pass is
that of the tuned model, bit for bit and at its cost. Backward gives gradients of the touched rows or columns only: no
gradient of a whole weight is ever made, and none of a layer below the lowest one that is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers.pytorch_utils import Conv1D

from lnbench.models import Slot


class Tuned(nn.Module):
    """A causal language model of which only ``values`` are trained.

    Attributes:
        values: float32 (float64 of a float64 model), ``[touched, ...]`` each; for full tuning the model's parameters.
    """

    values: nn.ParameterList

    def __init__(self, model: Any, slots: Sequence[Slot] | None) -> None:
        """Make the numbers of ``slots`` trainable, or all of the model when None.

        A model that is wholly trained must be in float32 (or float64) already.
        """
        super().__init__()
        self._behind: tuple[Any] = (model,)  # in a tuple, so that it is no submodule
        self.slots = slots
        self._places = [] if slots is None else [place for slot in slots for place in slot.parameters()]
        self._indices = [] if slots is None else [slot.index for slot in slots for _ in slot.parameters()]
        for parameter in model.parameters():
            parameter.requires_grad_(slots is None)
        if slots is None:
            self.values = nn.ParameterList(model.parameters())
        else:
            pairs = zip(self._places, self._indices, strict=True)
            self.values = nn.ParameterList(_values(parameter, d, index) for (_, d, parameter), index in pairs)
            self._patch()

    @property
    def model(self) -> Any:
        """The model behind."""
        return self._behind[0]

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits ``[documents, tokens, vocabulary]``."""
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
        return logits

    def train(self, mode: bool = True) -> Tuned:
        """Set the mode of the model behind, too."""
        self.model.train(mode)
        super().train(mode)
        return self

    @torch.no_grad()
    def write(self) -> None:
        """Bring the model's weights up to the trained numbers."""
        if self.slots is not None:
            for (_, dimension, parameter), index, values in zip(self._places, self._indices, self.values, strict=True):
                parameter.movedim(dimension, 0).index_copy_(0, index, values.to(parameter.dtype))

    def release(self) -> None:
        """Leave the model as an ordinary one, with the weights that it has now."""
        for slot in self.slots or ():
            slot.module.__dict__.pop("forward", None)
        for parameter in self.model.parameters():
            parameter.requires_grad_(True)
            parameter.grad = None
        self.model.eval()

    def _patch(self) -> None:
        values = iter(self.values)
        for slot in self.slots or ():
            own = [next(values) for _ in slot.parameters()]
            slot.module.forward = _Projection(slot, *own)


def trained_numbers(tuned: Tuned) -> int:
    """How many numbers are trained."""
    return sum(values.numel() for values in tuned.values)


def optimizer_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of the optimizer's state, measured."""
    states = (state for of in optimizer.state.values() for state in of.values())
    return sum(state.numel() * state.element_size() for state in states if isinstance(state, torch.Tensor))


def _values(parameter: nn.Parameter, dimension: int, index: torch.Tensor) -> nn.Parameter:
    rows = parameter.detach().movedim(dimension, 0).index_select(0, index)
    return nn.Parameter(rows.to(torch.promote_types(parameter.dtype, torch.float32)).clone())


class _Projection:
    """The forward pass of a projection whose slot is trained."""

    def __init__(self, slot: Slot, weight: nn.Parameter, bias: nn.Parameter | None = None) -> None:
        self._slot, self._weight, self._bias = slot, weight, bias

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        slot, trained = self._slot, self._bias
        weight, bias = slot.module._parameters["weight"], slot.module._parameters.get("bias")
        transposed = isinstance(slot.module, Conv1D)
        apply: Callable[..., torch.Tensor] = _Linear.apply
        return apply(inputs, self._weight, trained, weight, bias, slot.index, slot.side, transposed)


class _Linear(torch.autograd.Function):
    """``x W^T + b`` with gradients of some rows or columns of W, and of the same elements of b for rows."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        values: torch.Tensor,
        bias_values: torch.Tensor | None,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        index: torch.Tensor,
        side: str,
        transposed: bool,
    ) -> torch.Tensor:
        seen = inputs if side == "out" else inputs.index_select(-1, index)
        ctx.save_for_backward(seen, weight, index)
        ctx.side, ctx.transposed, ctx.with_bias = side, transposed, bias_values is not None
        if not transposed:
            return F.linear(inputs, weight, bias)
        flat = inputs.reshape(-1, inputs.shape[-1])  # as Conv1D does
        made = flat @ weight if bias is None else torch.addmm(bias, flat, weight)
        return made.view(*inputs.shape[:-1], weight.shape[1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        seen, weight, index = ctx.saved_tensors
        of_inputs = None
        if ctx.needs_input_grad[0]:
            of_inputs = gradient @ (weight.T if ctx.transposed else weight)
        passed = gradient if ctx.side == "in" else gradient.index_select(-1, index)
        flat, rows = passed.reshape(-1, passed.shape[-1]), seen.reshape(-1, seen.shape[-1])
        wide = torch.promote_types(weight.dtype, torch.float32)
        of_values = (rows.T @ flat if ctx.side == "in" else flat.T @ rows).to(wide)
        of_bias = flat.sum(0, dtype=wide) if ctx.with_bias else None
        return of_inputs, of_values, of_bias, None, None, None, None, None
