"""Reading and writing neuron-set files: told apart by content, written whole or not at all, never unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench._write import whole
from lnbench.errors import NeuronFileError, NeuronSetError, OutputError, UnknownLanguageError
from lnbench.neurons import _safetensors_file, _torch_file
from lnbench.neurons._payload import Arrays, pack, unpack
from lnbench.neurons._schema import migrate
from lnbench.neurons._sniff import file_format

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

_READERS: dict[str, Callable[[Path], tuple[str, Arrays]]] = {
    "safetensors": _safetensors_file.read,
    "pt": _torch_file.read,
}
_WRITERS: dict[str, Callable[[str, Arrays], bytes]] = {
    ".safetensors": _safetensors_file.to_bytes,
    ".pt": _torch_file.to_bytes,
}


def read(path: Path, languages: Sequence[str] | None = None) -> NeuronSet:
    """The neuron set in a file.

    Raises:
        NeuronFileError: the file cannot be read, is damaged, unsafe or no neuron set.
        UnknownLanguageError: `languages` is given and differs from the file's own.
    """
    try:
        text, arrays = _READERS[file_format(path)](path)
        neurons = unpack(*migrate(_parse(text), arrays))
    except NeuronSetError as error:
        raise NeuronFileError(f"{path} is not a valid neuron set: {error}") from error
    except OSError as error:
        raise NeuronFileError(f"{path} cannot be read ({error.strerror or error}): check the file") from error
    if languages is not None and tuple(languages) != neurons.languages:
        raise UnknownLanguageError(
            f"{path} names its languages itself, {', '.join(neurons.languages)}, and {', '.join(languages)} was asked "
            "for: leave `languages` out, and choose among them with `select`"
        )
    return neurons


def _parse(text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NeuronSetError(f"its header is not JSON ({error}): write the file again") from error
    if not isinstance(header, dict):
        raise NeuronSetError("its header is not a JSON object: write the file again")
    return header


def write(neurons: NeuronSet, path: Path) -> Path:
    """Write a set in the format that the suffix names, all or nothing.

    Raises:
        OutputError: the suffix is neither ``.safetensors`` nor ``.pt``, or the place cannot be written to.
    """
    if path.suffix not in _WRITERS:
        raise OutputError(f"{path} has no suffix of a neuron set: call it {path.name}.safetensors or {path.name}.pt")
    header, arrays = pack(neurons)
    data = _WRITERS[path.suffix](json.dumps(header, ensure_ascii=False, sort_keys=True, allow_nan=False), arrays)
    with whole(Path(os.path.realpath(path))) as part:
        part.write_bytes(data)
    return path
