"""The file of a delta: ``.safetensors`` with ``NAME.values`` and ``NAME.index``, and a JSON header under one key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lnbench._write import whole
from lnbench.errors import DeltaError
from lnbench.models.delta._delta import SCHEMA, Delta, DeltaPart

#: The metadata key that holds the JSON header.
HEADER_KEY = "lnbench.delta"
_MAX_HEADER = 100_000_000  # the bound that safetensors itself sets


def delta_name(language: str, condition: str, documents: int, seed: int) -> str:
    """The file that ``lnbench tune`` writes for a run: ``sw-specific-400-seed0.safetensors``."""
    return fill_delta_name(f"{{lang}}-{condition}-{documents}-seed{{seed}}.safetensors", language, seed)


def fill_delta_name(pattern: str, language: str, seed: int | None) -> str:
    """A file name with ``{lang}`` and ``{seed}`` filled in; what no file name should hold becomes ``_``."""
    named = pattern.replace("{lang}", re.sub(r"[^\w.+-]", "_", language))
    return named if seed is None else named.replace("{seed}", str(seed))


def is_delta(path: str | Path) -> bool:
    """Whether there is a file of ours at ``path``; what lm-eval calls a delta is a checkpoint and none."""
    try:
        with Path(path).expanduser().open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _MAX_HEADER:
                return False
            layout = json.loads(file.read(length))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(layout, dict) and HEADER_KEY in (layout.get("__metadata__") or {})


def delta_header(path: str | Path) -> dict[str, Any]:
    """The header of a delta file, without its values.

    Raises:
        DeltaError: the file is missing, damaged, of a newer format or no delta.
    """
    from safetensors import SafetensorError, safe_open

    named = Path(path)
    with _one_sentence(named, SafetensorError), safe_open(named.expanduser(), framework="numpy") as file:
        return _header(file.metadata() or {}, named)


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
            tensors[f"{part.name}.index"] = part.index.to(
                "cpu", copy=True
            )  # safetensors refuses tensors that share memory
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

    with _one_sentence(path, SafetensorError), safe_open(path.expanduser(), framework="pt") as file:
        header = _header(file.metadata() or {}, path)
        delta = _delta(header, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (not a dict)
    if header.get("content_hash") != delta.content_hash:
        raise DeltaError(f"the delta {str(path)!r} is damaged: it holds other values than were written; copy it again")
    return delta


@contextmanager
def _one_sentence(path: Path, unreadable: type[Exception]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DeltaError(f"there is no delta at {str(path)!r}; name a file that `lnbench tune` has written") from None
    except (unreadable, OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DeltaError(f"the delta {str(path)!r} cannot be read ({error}); make or copy it again") from error


def _header(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    if HEADER_KEY not in metadata:
        raise DeltaError(
            f"{str(path)!r} is no delta of lnbench (a neuron set? a checkpoint?); name a file that `lnbench tune` has "
            "written"
        )
    header: dict[str, Any] = json.loads(metadata[HEADER_KEY])
    if str(header.get("schema")).partition(".")[0] != SCHEMA.partition(".")[0]:
        raise DeltaError(
            f"{str(path)!r} has format {header.get('schema')} and this lnbench reads {SCHEMA}; upgrade lnbench"
        )
    return header


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
