"""The file of a delta: ``.safetensors`` with ``NAME.values`` and ``NAME.index``, and a JSON header under one key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lnbench._paths import at_home
from lnbench._write import whole
from lnbench.errors import DeltaError
from lnbench.models.delta._delta import Delta, DeltaPart
from lnbench.models.delta._header import HEADER_KEY, SCHEMA, checked_header, one_sentence


def write(delta: Delta, path: Path) -> Path:
    """Write all or nothing; the same delta gives the same bytes.

    Raises:
        OutputError: the path cannot be written.
    """
    from safetensors.torch import save

    tensors, parts = {}, {}
    for part in delta.parts:
        tensors[f"{part.name}.values"] = part.values.detach().to("cpu").contiguous()
        if part.index is not None:
            # a copy: weight and bias have one index, and what shares memory cannot be saved
            tensors[f"{part.name}.index"] = part.index.to("cpu", copy=True)
        parts[part.name] = {"shape": list(part.shape), "base": part.base, "dimension": part.dimension}
    header = {"schema": SCHEMA, "content_hash": delta.content_hash, **delta.header, "parts": parts}
    text = json.dumps(header, ensure_ascii=False, sort_keys=True, allow_nan=False)
    with whole(path) as unfinished:
        unfinished.write_bytes(save(tensors, {HEADER_KEY: text}))
    return path


def read(path: Path) -> Delta:
    """Read a delta, and see that it is what was written.

    Raises:
        DeltaError: the file is missing, damaged, of a newer format or no delta.
    """
    from safetensors import SafetensorError, safe_open

    with one_sentence(path, SafetensorError), safe_open(at_home(path), framework="pt") as file:
        header = checked_header(file.metadata() or {}, path)
        delta = _delta(header, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (not a dict)
    if header.get("content_hash") != delta.content_hash:
        raise DeltaError(f"the delta {str(path)!r} is damaged: it holds other values than were written; copy it again")
    return delta


def _delta(header: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Delta:
    parts = [_part(name, about, tensors) for name, about in header["parts"].items()]
    origin = {key: value for key, value in header.items() if key not in ("schema", "content_hash", "parts")}
    return Delta(tuple(parts), origin)


def _part(name: str, about: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> DeltaPart:
    """One part, its shapes checked against each other.

    Raises:
        ValueError: they contradict.
    """
    shape, dimension = tuple(map(int, about["shape"])), about["dimension"]
    values, index = tensors[f"{name}.values"], tensors.get(f"{name}.index")
    expected = shape
    if dimension is not None:
        if index is None or index.dtype != torch.int64 or index.ndim != 1 or not 0 <= dimension < len(shape):
            raise ValueError(f"{name} has no index along dimension {dimension}")
        rest = [size for at, size in enumerate(shape) if at != dimension]
        expected = (len(index), *rest)
        if len(index) and (index[0] < 0 or index[-1] >= shape[dimension] or bool((index.diff() <= 0).any())):
            raise ValueError(f"the index of {name} does not ascend within 0 to {shape[dimension] - 1}")
    if tuple(values.shape) != expected or not values.is_floating_point():
        raise ValueError(f"{name} has values {tuple(values.shape)} where {expected} are meant")
    return DeltaPart(name, shape, str(about["base"]), dimension, index, values)
