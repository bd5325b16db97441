"""The ``.safetensors`` format: named arrays, and the JSON header under one metadata key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lnbench import _json
from lnbench.errors import NeuronFileError
from lnbench.neurons._payload import HEADER_KEY, Arrays

_MAX_HEADER = 16 * 2**20  # safetensors itself has 100 MB, which as JSON can take gigabytes

_DTYPES = {"I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "F16", "F32", "F64"}


def to_bytes(header: str, arrays: Arrays) -> bytes:
    """The file's content; the same set gives the same bytes (one metadata key, so no order can vary)."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(a) for name, a in arrays.items()}, {HEADER_KEY: header})


def read(path: Path) -> tuple[str, Arrays]:
    """The JSON header as text, and the arrays.

    Raises:
        NeuronFileError: the file is cut off, damaged, or holds something else than a neuron set.
    """
    from safetensors import SafetensorError, safe_open

    header = _header(path, layout(path))
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NeuronFileError(f"{path} is a damaged safetensors file ({error}): download or write it again") from error
    return header, arrays


def _header(path: Path, entries: dict[str, Any]) -> str:
    """The header as text, where the table of contents is that of a neuron set."""
    metadata = entries.get("__metadata__")
    tensors = {name: entry for name, entry in entries.items() if name != "__metadata__"}
    if not isinstance(metadata, dict) or HEADER_KEY not in metadata:
        first = f", {next(iter(tensors))!r} first" if tensors else ""
        raise NeuronFileError(
            f"{path} is a safetensors file without a neuron-set header (it holds {len(tensors)} tensors{first}; a "
            "model checkpoint?): give the neuron-set file"
        )
    for name, entry in tensors.items():
        if entry.get("dtype") not in _DTYPES:
            raise NeuronFileError(
                f"{path} has the entry {name!r} of type {entry.get('dtype')}: save it as integers or float32"
            )
    return metadata[HEADER_KEY]  # type: ignore[no-any-return]


def layout(path: Path) -> dict[str, Any]:
    """The table of contents, after checking that the file is as long as it says.

    Raises:
        NeuronFileError: it is not, or the table is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _MAX_HEADER:
            raise NeuronFileError(f"{path} is not a neuron-set file (a safetensors header of {length} bytes): check it")
        text = file.read(length)
    try:
        return _table(text, length, size)
    except EOFError as error:
        raise NeuronFileError(f"{path} is cut off after {size} bytes: download or write it again") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise NeuronFileError(
            f"{path} is a damaged safetensors file ({error!r}): download or write it again"
        ) from error


def _table(text: bytes, length: int, size: int) -> dict[str, Any]:
    """Read the table of contents.

    Raises:
        EOFError: the table or the file is shorter than it says.
        ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError: it is no such table.
    """
    if len(text) < length:
        raise EOFError
    found: dict[str, Any] = _json.loads(text)
    entries = [entry for name, entry in found.items() if name != "__metadata__"]
    if not all(isinstance(entry["dtype"], str) for entry in entries):
        raise TypeError("a type is no text")
    end = max((entry["data_offsets"][1] for entry in entries), default=0)
    if size < 8 + length + end:
        raise EOFError
    return found
