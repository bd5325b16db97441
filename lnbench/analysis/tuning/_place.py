"""A loaded model between two runs: tuned in one condition, checked, read off as a delta, and put back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from lnbench.analysis.tuning._train import Trained
from lnbench.analysis.tuning._untouched import check_untouched, untouched
from lnbench.analysis.tuning._values import Tuned
from lnbench.errors import DeltaError, EngineError
from lnbench.models import Delta, Slot, delta_of, dense_delta, fingerprint

_TRAINABLE = (torch.float32, torch.float64, torch.bfloat16)


class Place:
    """The model and the bits that it had when it was loaded."""

    def __init__(self, model: Any) -> None:
        """Take a model as the base of all runs.

        Raises:
            EngineError: its dtype or its placement cannot be trained.
        """
        _refuse(model)
        self.model = model
        self._before = untouched(model, [])
        self._whole: dict[str, torch.Tensor] | None = None

    @property
    def base(self) -> str:
        """SHA-256 (hex) of all tensors of the base."""
        text = "\n".join(f"{name} {found}" for name, found in sorted(self._before.items()))
        return hashlib.sha256(text.encode()).hexdigest()

    def tuned(
        self,
        slots: Sequence[Slot] | None,
        run: Callable[[Tuned], Trained],
        header: Callable[[Tuned, Trained], Mapping[str, Any]],
        kept: Callable[[Delta], None],
    ) -> None:
        """Tune ``slots`` (all parameters when None), hand the delta over while it is in the model, and undo it.

        Raises:
            DeltaError: the training changed something else, or the model could not be put back.
        """
        if slots is None:
            self._full(run, header, kept)
        else:
            self._some(slots, run, header, kept)
        if untouched(self.model, []) != self._before:
            raise DeltaError("the model could not be put back as it was; this is a fault: please report it")

    def _some(self, slots: Sequence[Slot], run: Any, header: Any, kept: Any) -> None:
        places = [(name, dimension, p, slot.index) for slot in slots for name, dimension, p in slot.parameters()]
        bases = {name: fingerprint(parameter) for name, _, parameter, _ in places}
        rows = [p.detach().movedim(dimension, 0).index_select(0, index) for _, dimension, p, index in places]
        before = untouched(self.model, slots)
        tuned = Tuned(self.model, slots)
        try:
            trained = run(tuned)
            tuned.release()
            check_untouched(before, self.model, slots)
            kept(delta_of(slots, bases, header(tuned, trained)))
        finally:
            tuned.release()
            with torch.no_grad():
                for (_, dimension, parameter, index), values in zip(places, rows, strict=True):
                    parameter.movedim(dimension, 0).index_copy_(0, index, values)

    def _full(self, run: Any, header: Any, kept: Any) -> None:
        own = dict(self.model.named_parameters())
        if self._whole is None:
            self._whole = {name: p.detach().to("cpu", copy=True) for name, p in own.items()}
        dtypes = {name: parameter.dtype for name, parameter in own.items()}
        for parameter in own.values():
            parameter.data = parameter.data.to(torch.promote_types(parameter.dtype, torch.float32))
        tuned = Tuned(self.model, None)
        try:
            trained = run(tuned)
            tuned.release()
            for name, parameter in own.items():
                parameter.data = parameter.data.to(dtypes[name])
            kept(dense_delta(self.model, self._whole, header(tuned, trained)))
        finally:
            tuned.release()
            for name, parameter in own.items():
                parameter.data = self._whole[name].to(parameter.device, copy=True)


def _refuse(model: Any) -> None:
    devices = {parameter.device for parameter in model.parameters()}
    if len(devices) > 1 or any(device.type == "meta" for device in devices):
        raise EngineError("the model is spread over devices or offloaded, and is tuned on one; give one with --device")
    for name, parameter in model.named_parameters():
        if parameter.dtype not in _TRAINABLE:
            raise EngineError(
                f"{name} is {str(parameter.dtype).removeprefix('torch.')}, which is not trained in; load the model "
                "with --dtype bfloat16 or float32"
            )
