"""The ``.pt`` format: ``torch.save`` of a dict with the arrays as tensors and the JSON header as a string.

Such a file is a zip with a pickle in it. Before torch sees it (with ``weights_only=True``), the pickle's opcodes are
listed without running any, and a file that names anything but plain tensors is refused. Torch is imported only here.
"""

from __future__ import annotations

import io
import pickletools
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lnbench.errors import NeuronFileError
from lnbench.neurons._payload import HEADER_KEY, Arrays

#: All that the pickle of a dict of tensors names, beside the storages of the element types. Anything else is code.
_TENSORS = {"torch._utils _rebuild_tensor_v2", "collections OrderedDict"}
_STORAGE = re.compile(r"torch \w+Storage")
#: The opcodes that look a name up.
_NAMING = {"GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"}
_MAX_PICKLE = 16 * 2**20
_MAX_OPCODES = 2_000_000
_SAVE = "make a set of it with NeuronSet.from_indices and save that"
_AGAIN = "download or write it again"

#: What `zipfile` raises on damaged files; OSError and the last two come of offsets that point nowhere.
_NO_ZIP = (
    zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, OSError, OverflowError, struct.error,
)  # fmt: skip

_ROOTS = {"EMPTY_DICT": "dict", "EMPTY_LIST": "list", "MARK": "list"}


@dataclass(frozen=True)
class Contents:
    """What the pickle of a torch file says that it holds.

    Attributes:
        root: ``dict``, ``list`` (or a tuple), ``tensor`` or ``other``.
        storages: the element types, as in ``BoolStorage``.
        ours: whether the text that names our header is in it.
    """

    root: str
    storages: frozenset[str]
    ours: bool


def to_bytes(header: str, arrays: Arrays) -> bytes:
    """The file's content; the same set gives the same bytes (with the same torch)."""
    import torch

    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    buffer = io.BytesIO()
    torch.save({HEADER_KEY: header, **tensors}, buffer)
    return buffer.getvalue()


def read(path: Path) -> tuple[str, Arrays]:
    """The JSON header as text, and the arrays.

    Raises:
        NeuronFileError: the file is cut off, needs more than tensors to be read, or holds no neuron set.
    """
    contents(path)
    data = load(path)
    if not isinstance(data, dict) or not isinstance(data.get(HEADER_KEY), str):
        raise NeuronFileError(f"{path} is a torch file without a neuron-set header: give the neuron-set file")
    size = path.stat().st_size
    return data.pop(HEADER_KEY), {_name(path, key): array_of(path, key, value, size) for key, value in data.items()}


def load(path: Path) -> Any:
    """What torch reads, once `contents` has let the file pass.

    Raises:
        NeuronFileError: the file is damaged.
    """
    import torch

    try:
        with path.open("rb") as file:  # not by name: torch would go by the suffix
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds on damaged files
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise NeuronFileError(f"{path} is a damaged torch file ({reason}): {_AGAIN}") from error


def contents(path: Path) -> Contents:
    """What the file holds, from the opcodes of its pickle; none is run.

    Raises:
        NeuronFileError: the file is damaged, or needs more than tensors to be read.
    """
    root, last, storages, ours = "", "", set(), False
    for number, (name, argument) in enumerate(_opcodes(path, _pickle(path))):
        if number == 1:
            root = "tensor" if argument == "torch._utils _rebuild_tensor_v2" else _ROOTS.get(name, "other")
        if name in _NAMING:
            _refuse_code(path, name, argument)
            if isinstance(argument, str) and _STORAGE.fullmatch(argument):
                storages.add(argument.removeprefix("torch "))
        ours = ours or (name == "BINUNICODE" and argument == HEADER_KEY)
        last = last if name in ("STOP", "BINPUT", "LONG_BINPUT", "MEMOIZE") else name
    return Contents("list" if last.startswith("TUPLE") else root, frozenset(storages), ours)


def _pickle(path: Path) -> bytes:
    """The pickle inside the zip, unread."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            found = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if len(found) != 1:
                raise NeuronFileError(f"{path} is a zip file but not of torch: give a .safetensors or .pt neuron set")
            packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            swollen = sum(entry.file_size for entry in entries) > path.stat().st_size
            if packed or swollen or found[0].file_size > _MAX_PICKLE:
                raise NeuronFileError(f"{path} is a zip file that torch did not write: {_SAVE}")
            return archive.read(found[0])
    except _NO_ZIP as error:
        raise NeuronFileError(f"{path} is a cut off or damaged torch file ({error}): {_AGAIN}") from error


def _opcodes(path: Path, pickle: bytes) -> Iterator[tuple[str, Any]]:
    """The (opcode, argument) pairs of a pickle; none is run."""
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
            if number >= _MAX_OPCODES:
                raise NeuronFileError(f"{path} has more than {_MAX_OPCODES} parts, which no neuron set has: {_SAVE}")
            yield opcode.name, argument
    except ValueError as error:
        raise NeuronFileError(f"{path} is a damaged torch file ({error}): {_AGAIN}") from error


def _refuse_code(path: Path, name: str, argument: Any) -> None:
    """Refuse what names anything but plain tensors, before torch reads it."""
    if name == "GLOBAL" and (argument in _TENSORS or _STORAGE.fullmatch(argument)):
        return
    named = argument.replace(" ", ".") if isinstance(argument, str) else f"the pickle opcode {name}"
    raise NeuronFileError(
        f"{path} needs {named} to be read, and lnbench reads nothing but tensors from a .pt file, because a "
        f"pickle can run any code: {_SAVE}"
    )


def _name(path: Path, key: Any) -> str:
    if not isinstance(key, str):
        raise NeuronFileError(f"{path} has the entry {key!r}, and entries are named by text: save it again")
    return key


def array_of(path: Path, key: Any, value: Any, size: int) -> Any:
    """The tensor as an array, when it is a plain one whose values lie in a file of `size` bytes.

    Raises:
        NeuronFileError: it is something else.
    """
    import torch

    plain = type(value) is torch.Tensor and value.layout is torch.strided and value.device.type == "cpu"
    if plain and value.dtype in (torch.bfloat16, torch.complex64, torch.complex128, torch.complex32):
        raise NeuronFileError(f"{path} has the entry {key!r} of type {value.dtype}: save it as integers or float32")
    if not plain or value.numel() * value.element_size() > size:
        raise NeuronFileError(
            f"{path} has the entry {key!r}, which is no plain tensor: save the set with NeuronSet.save"
        )
    return value.detach().numpy()
