"""Proof that nothing else changed: a hash of every tensor of a model, without the rows and columns that may."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from lnbench.errors import DeltaError
from lnbench.models import Slot


def untouched(model: nn.Module, slots: Sequence[Slot]) -> dict[str, str]:
    """SHA-256 (hex) of the bits of every parameter and buffer, the slots' rows and columns taken as zero."""
    masked = {name: (dimension, slot.index) for slot in slots for name, dimension, _ in slot.parameters()}
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return {name: _hash(tensor, masked.get(name)) for name, tensor in tensors}


def check_untouched(before: Mapping[str, str], model: nn.Module, slots: Sequence[Slot]) -> int:
    """Hold a tuned model to what :func:`untouched` gave before; how many tensors were compared.

    Raises:
        DeltaError: a tensor has changed outside the slots; the first is named.
    """
    after = untouched(model, slots)
    for name in before.keys() | after.keys():
        if before.get(name) != after.get(name):
            raise DeltaError(
                f"{name} has changed outside the neurons that were tuned, so no delta is written; this is a fault: "
                "please report it with the command that shows it"
            )
    return len(after)


def _hash(tensor: torch.Tensor, touched: tuple[int, torch.Tensor] | None) -> str:
    plain = tensor.detach()
    if touched is not None:
        dimension, index = touched
        plain = plain.clone()
        plain.movedim(dimension, 0).index_fill_(0, index, 0)
    bits = plain.to("cpu").contiguous().reshape(-1).view(torch.uint8).numpy()
    return hashlib.sha256(bits.data).hexdigest()
