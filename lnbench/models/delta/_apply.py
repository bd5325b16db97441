"""Put a delta into a model's weights, and take it out again bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import nn

from lnbench.errors import DeltaError, EngineError
from lnbench.models._apply import refuse_second_plan
from lnbench.models._sitemap import site_map
from lnbench.models._unwrap import unwrap
from lnbench.models.delta._delta import Delta, DeltaPart, fingerprint


@dataclass(eq=False)
class AppliedDelta:
    """A delta in a model's weights. :meth:`restore` takes it out."""

    delta: Delta
    _model: nn.Module
    _saved: list[tuple[torch.Tensor, DeltaPart, torch.Tensor]] = field(default_factory=list)

    def restore(self) -> None:
        """Put the model back as it was, bit for bit; calling it again does nothing.

        Raises:
            EngineError: a plan is at work on the model, which was made on top of the delta; restore that first.
        """
        if self._saved:
            refuse_second_plan(site_map(self._model))
        with torch.no_grad():
            while self._saved:
                parameter, part, before = self._saved.pop()
                _write(parameter, part, before)


def apply_delta(model: nn.Module, delta: Delta) -> AppliedDelta:
    """Write a delta into a model's weights until :meth:`AppliedDelta.restore`.

    Values are cast to the model's dtype. Nothing is written unless every part fits.

    Args:
        model: a transformers causal language model; it is changed in place, before any plan is applied to it.
        delta: made for the weights that the model has.

    Raises:
        DeltaError: the model lacks a tensor, or has another one than the delta was made from; the first is named.
        EngineError: a plan is at work on the model, or a tensor is offloaded or packed.
    """
    refuse_second_plan(site_map(model))
    inner = unwrap(model)
    if hasattr(model, "peft_config") or hasattr(inner, "peft_config"):
        raise EngineError("a delta is made for the weights of the model alone; merge the adapter, or leave it out")
    own = dict(inner.named_parameters(remove_duplicate=False))
    pairs = [(_fitting(own, part, delta), part) for part in delta.parts]
    applied = AppliedDelta(delta, model)
    with torch.no_grad():
        for parameter, part in pairs:
            applied._saved.append((parameter, part, _read(parameter, part).clone()))
            _write(parameter, part, part.values)
    return applied


@contextmanager
def delta_applied(model: nn.Module, delta: Delta) -> Iterator[AppliedDelta]:
    """:func:`apply_delta` for the length of a ``with`` block, restored at its end and after an exception."""
    at_work = apply_delta(model, delta)
    try:
        yield at_work
    finally:
        at_work.restore()


def _fitting(own: dict[str, nn.Parameter], part: DeltaPart, delta: Delta) -> torch.Tensor:
    parameter = own.get(part.name)
    made_for = f" (it was made for {delta.header['model']})" if delta.header.get("model") else ""
    if parameter is None:
        raise DeltaError(f"the delta changes {part.name}, which this model does not have; use its own base{made_for}")
    if parameter.device.type == "meta" or type(parameter.data) is not torch.Tensor or parameter.is_inference():
        raise EngineError(f"{part.name} is offloaded, packed or frozen, so no delta can be written; load it plainly")
    if tuple(parameter.shape) != part.shape:
        raise DeltaError(
            f"the delta changes {part.name} of shape {part.shape}, and this model has {tuple(parameter.shape)}; use "
            f"its own base{made_for}"
        )
    if not parameter.is_floating_point() or fingerprint(parameter) != part.base:
        made_in = f", in {delta.header['dtype']}" if delta.header.get("dtype") else ""
        raise DeltaError(
            f"the delta was made from another {part.name} than this model has; load its own base{made_for}{made_in}"
        )
    return parameter.data


def _read(parameter: torch.Tensor, part: DeltaPart) -> torch.Tensor:
    if part.dimension is None or part.index is None:
        return parameter
    return parameter.movedim(part.dimension, 0).index_select(0, part.index.to(parameter.device))


def _write(parameter: torch.Tensor, part: DeltaPart, values: torch.Tensor) -> None:
    values = values.to(parameter)
    if part.dimension is None or part.index is None:
        parameter.copy_(values)
    else:
        parameter.movedim(part.dimension, 0).index_copy_(0, part.index.to(parameter.device), values)
