"""The delta itself: a plain value, read from a file or made from a tuned model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True, eq=False)
class DeltaPart:
    """New values for one tensor of a model.

    Attributes:
        name: the parameter's dotted name in the model.
        shape: of the whole parameter.
        base: :func:`fingerprint` of the parameter before.
        dimension: what `index` counts along; None where the whole tensor is given.
        index: ascending int64 ``[touched]``, or None.
        values: ``[touched, ...]`` with `dimension` moved to the front, or the whole tensor.
    """

    name: str
    shape: tuple[int, ...]
    base: str
    dimension: int | None
    index: torch.Tensor | None
    values: torch.Tensor


@dataclass(frozen=True, eq=False)
class Delta:
    """What a model becomes, as rows, columns or whole tensors.

    Attributes:
        parts: by the name of the parameter, sorted.
        header: where it comes from, plain JSON: ``model``, ``revision``, ``method``, ``condition``, ``language``,
            ``documents``, ``seed``, ``neuron_set`` (a content hash), ``data`` (a hash) ... Nothing here enters
            `content_hash`.
    """

    parts: tuple[DeltaPart, ...]
    header: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(sorted(self.parts, key=lambda part: part.name)))

    @property
    def numbers(self) -> int:
        """How many numbers of the model it gives."""
        return sum(part.values.numel() for part in self.parts)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (64 hex digits) over every part: its name, dimension, base, indices and values."""
        digest = hashlib.sha256(b"lnbench delta 1\n")
        for part in self.parts:
            kind = f"{part.dimension} {part.base} {part.values.dtype} {tuple(part.values.shape)}"
            digest.update(f"{part.name}\n{kind}\n".encode())
            for tensor in (part.index, part.values):
                if tensor is not None:
                    digest.update(raw(tensor))
        return digest.hexdigest()

    def as_json(self) -> dict[str, Any]:
        """What a results file says of it: the header, the content hash, and how many numbers it gives."""
        return {**self.header, "content_hash": self.content_hash, "numbers": self.numbers}

    def save(self, path: str | Path) -> Path:
        """Write ``.safetensors``, all or nothing; see :mod:`lnbench.models.delta._file`."""
        from lnbench.models.delta._file import write

        return write(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Delta:
        """Read a file that :meth:`save` wrote; see :mod:`lnbench.models.delta._file`."""
        from lnbench.models.delta._file import read

        return read(Path(path))


def fingerprint(tensor: torch.Tensor) -> str:
    """SHA-256 (hex) of a tensor's values as float32 (float64 as it is), so that widening a checkpoint changes nothing.

    A checkpoint in bfloat16 has the same fingerprint loaded as bfloat16 and as float32, and another one as float16.
    """
    wide = tensor.detach().to(torch.promote_types(tensor.dtype, torch.float32))
    digest = hashlib.sha256(f"{tuple(tensor.shape)}\n".encode())
    digest.update(raw(wide))
    return digest.hexdigest()


def raw(tensor: torch.Tensor) -> memoryview:
    """A tensor's bytes in row-major order."""
    plain = tensor.detach().to("cpu").contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy().data
