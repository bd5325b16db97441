"""The ``.pt`` format: ``torch.save`` of a dict with the arrays as tensors and the JSON header as a string.

Such a file is a zip with a pickle in it. Before torch sees it (with ``weights_only=True``), the pickle's opcodes are
listed without running any, and a file that names anything but plain tensors is refused. Torch is imported only here.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lnbench.errors import NeuronFileError
from lnbench.neurons._payload import HEADER_KEY, Arrays

#: All that the pickle of a dict of tensors names. Anything else would be code.
_ALLOWED = {
    "torch._utils _rebuild_tensor_v2",
    "collections OrderedDict",
    "torch LongStorage",
    "torch IntStorage",
    "torch ShortStorage",
    "torch ByteStorage",
    "torch CharStorage",
    "torch FloatStorage",
    "torch DoubleStorage",
    "torch HalfStorage",
}
_MAX_PICKLE = 64 * 2**20
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

    _refuse_code(path, _pickle(path))
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds on damaged files
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        raise NeuronFileError(f"{path} is a damaged torch file ({reason}): {_AGAIN}") from error
    if not isinstance(data, dict) or not isinstance(data.get(HEADER_KEY), str):
        raise NeuronFileError(f"{path} {_other(data)}")
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
                raise NeuronFileError(f"{path} is a zip file that torch did not write: save it with NeuronSet.save")
            return archive.read(found[0])
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise NeuronFileError(f"{path} is a cut off or damaged torch file ({error}): {_AGAIN}") from error


def _refuse_code(path: Path, pickle: bytes) -> None:
    """Refuse a pickle that names anything but plain tensors; its opcodes are listed, none is run."""
    try:
        for opcode, argument, _ in pickletools.genops(pickle):
            if opcode.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"):
                raise NeuronFileError(_needs(path, f"the pickle opcode {opcode.name}"))
            if opcode.name == "GLOBAL" and argument not in _ALLOWED:
                raise NeuronFileError(_needs(path, str(argument).replace(" ", ".")))
    except ValueError as error:
        raise NeuronFileError(f"{path} is a damaged torch file ({error}): {_AGAIN}") from error


def _needs(path: Path, what: str) -> str:
    return (
        f"{path} needs {what} to be read, and lnbench reads nothing but tensors from a .pt file, "
        "because a pickle can run any code: save the set with NeuronSet.save"
    )


def _other(data: Any) -> str:
    if isinstance(data, list):
        return "is a torch file with a list in it (as LAPE publishes them, without language names), not a neuron set"
    if isinstance(data, dict):
        return f"is a torch file without a neuron-set header (a model checkpoint with {len(data)} entries?)"
    return f"is a torch file with a {type(data).__name__} in it, not a neuron set: give the neuron-set file"


def _name(path: Path, key: Any) -> str:
    if not isinstance(key, str):
        raise NeuronFileError(f"{path} has the entry {key!r}, and entries are named by text: save it again")
    return key


def _array(path: Path, key: Any, value: Any, size: int) -> Any:
    """The tensor as an array, when it is a plain one whose values lie in the file."""
    import torch

    plain = type(value) is torch.Tensor and value.layout is torch.strided and value.device.type == "cpu"
    if not plain or not value.is_contiguous() or value.numel() * value.element_size() > size:
        raise NeuronFileError(
            f"{path} has the entry {key!r}, which is no plain tensor: save the set with NeuronSet.save"
        )
    return value.numpy()
