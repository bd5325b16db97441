"""The ``.pt`` format: ``torch.save`` of a dict with the arrays as tensors and the JSON header as a string.

Such a file is a zip with a pickle in it. Before torch sees it (with ``weights_only=True``), the pickle's opcodes are
listed without running any, and a file that names anything but plain tensors is refused. Torch is imported only here.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
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
_MAX_PICKLE = 64 * 2**20
_SAVE = "make a set of it with NeuronSet.from_indices and save that"
_AGAIN = "download or write it again"


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
    import torch

    _refuse_others(path, _opcodes(path, _pickle(path)))
    try:
        with path.open("rb") as file:  # not by name: torch would go by the suffix
            data = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds on damaged files
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise NeuronFileError(f"{path} is a damaged torch file ({reason}): {_AGAIN}") from error
    if not isinstance(data, dict) or not isinstance(data.get(HEADER_KEY), str):
        raise NeuronFileError(f"{path} is a torch file without a neuron-set header: give the neuron-set file")
    size = path.stat().st_size
    return data.pop(HEADER_KEY), {_name(path, key): _array(path, key, value, size) for key, value in data.items()}


def _pickle(path: Path) -> bytes:
    """The pickle inside the zip, unread."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            found = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if len(found) != 1:
                raise NeuronFileError(f"{path} is a zip file but not of torch: give a .safetensors or .pt neuron set")
            packed = [e.filename for e in entries if e.compress_type != zipfile.ZIP_STORED]
            if packed or found[0].file_size > _MAX_PICKLE:
                raise NeuronFileError(f"{path} is a zip file that torch did not write: {_SAVE}")
            return archive.read(found[0])
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise NeuronFileError(f"{path} is a cut off or damaged torch file ({error}): {_AGAIN}") from error


def _opcodes(path: Path, pickle: bytes) -> list[tuple[str, Any]]:
    """The (opcode, argument) pairs of a pickle; none is run."""
    try:
        return [(opcode.name, argument) for opcode, argument, _ in pickletools.genops(pickle)]
    except ValueError as error:
        raise NeuronFileError(f"{path} is a damaged torch file ({error}): {_AGAIN}") from error


def _refuse_others(path: Path, opcodes: list[tuple[str, Any]]) -> None:
    """Refuse what names anything but plain tensors, and what has no neuron-set header, before torch reads it."""
    for name, argument in opcodes:
        known = name == "GLOBAL" and (argument in _TENSORS or _STORAGE.fullmatch(argument))
        if name in _NAMING and not known:
            named = argument.replace(" ", ".") if isinstance(argument, str) else f"the pickle opcode {name}"
            raise NeuronFileError(
                f"{path} needs {named} to be read, and lnbench reads nothing but tensors from a .pt file, because a "
                f"pickle can run any code: {_SAVE}"
            )
    if ("BINUNICODE", HEADER_KEY) in opcodes:
        return
    if len(opcodes) > 1 and opcodes[1][0] == "EMPTY_LIST":
        raise NeuronFileError(
            f"{path} is a torch file with a list in it, as LAPE publishes its neurons, and it does not name its "
            "languages: read it with torch and make a set with NeuronSet.from_indices"
        )
    raise NeuronFileError(
        f"{path} is a torch file without a neuron-set header (a model checkpoint?): give the neuron-set file"
    )


def _name(path: Path, key: Any) -> str:
    if not isinstance(key, str):
        raise NeuronFileError(f"{path} has the entry {key!r}, and entries are named by text: save it again")
    return key


def _array(path: Path, key: Any, value: Any, size: int) -> Any:
    """The tensor as an array, when it is a plain one whose values lie in the file."""
    import torch

    plain = type(value) is torch.Tensor and value.layout is torch.strided and value.device.type == "cpu"
    if plain and value.dtype in (torch.bfloat16, torch.complex64, torch.complex128, torch.complex32):
        raise NeuronFileError(f"{path} has the entry {key!r} of type {value.dtype}: save it as integers or float32")
    if not plain or value.numel() * value.element_size() > size:
        raise NeuronFileError(
            f"{path} has the entry {key!r}, which is no plain tensor: save the set with NeuronSet.save"
        )
    return value.detach().numpy()
