"""From a tuned model to a delta, and to an ordinary checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lnbench.models._unwrap import unwrap
from lnbench.models.delta._delta import Delta, DeltaPart, fingerprint
from lnbench.models.delta._slots import Slot

#: The record of the delta beside an ordinary checkpoint.
RECORD = "lnbench_delta.json"


def delta_of(slots: Iterable[Slot], bases: Mapping[str, str], header: Mapping[str, Any]) -> Delta:
    """What the slots hold now.

    Args:
        slots: of :func:`~lnbench.models.delta.slots_of`, whose weights have been tuned in place.
        bases: parameter name -> :func:`fingerprint` before.
        header: plain JSON.
    """
    parts = []
    for slot in slots:
        for name, dimension, parameter in slot.parameters():
            values = parameter.detach().movedim(dimension, 0).index_select(0, slot.index)
            part = (bases[name], dimension, slot.index.to("cpu"), values.to("cpu", copy=True))
            parts.append(DeltaPart(name, tuple(parameter.shape), *part))
    return Delta(tuple(parts), dict(header))


def dense_delta(model: nn.Module, base: Mapping[str, torch.Tensor], header: Mapping[str, Any]) -> Delta:
    """Every parameter of a model whose values are no longer those of ``base`` (name -> tensor), whole."""
    parts = []
    for name, parameter in unwrap(model).named_parameters():
        values = parameter.detach().to(base[name].dtype)
        if not torch.equal(values.to("cpu"), base[name].to("cpu")):
            shape, before = tuple(values.shape), fingerprint(base[name])
            parts.append(DeltaPart(name, shape, before, None, None, values.to("cpu", copy=True)))
    return Delta(tuple(parts), dict(header))


def save_checkpoint(model: Any, delta: Delta, out_dir: str | Path, tokenizer: Any = None) -> Path:
    """Save a model that has a delta in its weights as an ordinary checkpoint, which any tool loads without lnbench.

    Returns:
        The folder, which holds the checkpoint and ``lnbench_delta.json`` (the delta's record).

    Raises:
        OutputError: the folder holds something, or cannot be written.
    """
    from lnbench.models._export._folder import check_target, new_folder

    target = Path(out_dir)
    check_target(target)
    parts: list[Any] = [unwrap(model), tokenizer]
    with new_folder(target) as partial:
        for part in parts:
            if part is not None:
                part.save_pretrained(partial)
        (partial / RECORD).write_text(json.dumps(delta.as_json(), indent=1) + "\n", encoding="utf-8")
    return target
