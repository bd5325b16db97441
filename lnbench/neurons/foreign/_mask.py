"""Bool arrays ``[language, layer, width]``, in which 1 marks a neuron: ``.npy``, and tensors in torch or safetensors.

``[layer, width]`` is one language. A file with several arrays holds such a one for each language, by its name.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import NeuronFileError
from lnbench.neurons import _torch_file
from lnbench.neurons._architecture import MAX_LAYERS
from lnbench.neurons._header import MAX_LABELS, check_labels
from lnbench.neurons._rows import Rows
from lnbench.neurons._sites import SITES
from lnbench.neurons.foreign._facts import FileFacts
from lnbench.neurons.foreign._table import MAX_BINARY, MAX_ROWS, Table, refuse_large, site_of

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

Mask = npt.NDArray[Any]

#: Bytes of an ``.npy`` header, of which a mask's takes about 128; numpy's search for traces of Python 2 in a damaged
#: one takes a second for 3,000, and grows with their square.
_MAX_HEADER = 512


def read(path: Path, facts: FileFacts) -> Table:
    """The rows that are marked.

    Raises:
        NeuronFileError: the file is damaged, of another type or shape, or marks more neurons than are read.
    """
    refuse_large(path, MAX_BINARY, "a mask", "restrict it where it was made")
    masks, languages = _masks(path)
    layers, width = masks[0].shape
    counts = [int(np.count_nonzero(mask)) for mask in masks]
    if sum(counts) > MAX_ROWS:
        raise NeuronFileError(f"{path} marks {sum(counts)} neurons, and at most {MAX_ROWS} are read: restrict it first")
    found = [np.nonzero(mask) for mask in masks]
    site, note = site_of(facts)
    rows = Rows(
        np.repeat(np.arange(len(masks)), counts),
        np.full(sum(counts), SITES.index(site)),
        np.concatenate([layer for layer, _ in found]),
        np.concatenate([index for _, index in found]),
    )
    return Table(rows, languages, layers=layers, width=width, notes=note)


def _masks(path: Path) -> tuple[list[Mask], tuple[str, ...] | int]:
    """One ``[layers, width]`` array per language, with the languages' names or their number."""
    held = _arrays(path)
    if isinstance(held, Mapping) and len(held) > 1:
        languages = check_labels(held)
        return [_checked(path, held[label], label, (2,)) for label in languages], languages
    single = next(iter(held.values()), None) if isinstance(held, Mapping) else held
    array = _checked(path, single, "", (2, 3))
    masks = [array] if array.ndim == 2 else list(array)
    return masks, len(masks)


def _checked(path: Path, array: Any, name: str, dimensions: tuple[int, ...]) -> Mask:
    what = f"the array {name!r} of {path}" if name else str(path)
    if not isinstance(array, np.ndarray) or array.ndim not in dimensions or array.size == 0:
        shape = getattr(array, "shape", None)
        raise NeuronFileError(f"{what} has the shape {shape}, and a mask is [language, layer, width]: save it so")
    layers = array.shape[-2]
    if layers > MAX_LAYERS or len(array) > MAX_LABELS:
        raise NeuronFileError(f"{what} has the shape {array.shape}, and a mask is [language, layer, width]: save it so")
    if array.dtype != bool and (array.dtype.kind not in "iu" or int(array.max()) > 1 or int(array.min()) < 0):
        raise NeuronFileError(f"{what} holds {array.dtype}, and a mask holds bool (or 0 and 1): save it as bool")
    return array


def _arrays(path: Path) -> Mask | Mapping[str, Mask]:
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(b"PK"):
        return _of_torch(path)
    return _of_safetensors(path) if start[7:9] == b"\0{" else _of_numpy(path)


def _of_numpy(path: Path) -> Mask:
    try:
        return np.lib.format.open_memmap(path, mode="r", max_header_size=_MAX_HEADER)
    except Exception as error:  # numpy raises many kinds on damaged headers
        reason = str(error).strip().split("\n", maxsplit=1)[0][:200]
        raise NeuronFileError(f"{path} is a damaged or empty .npy file ({reason}): write it again") from error


def _of_torch(path: Path) -> Mask | Mapping[str, Mask]:
    _torch_file.contents(path)
    data, room = _torch_file.load(path), path.stat().st_size
    if not isinstance(data, Mapping):
        held: Mask = _torch_file.array_of(path, "mask", data, room)
        return held
    arrays = {}
    for name, value in data.items():
        if not isinstance(name, str):
            raise NeuronFileError(f"{path} has an entry that is not named by text: name each by its language")
        arrays[name] = _torch_file.array_of(path, name, value, room)
        room -= arrays[name].nbytes
    return arrays


def _of_safetensors(path: Path) -> Mapping[str, Mask]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NeuronFileError(f"{path} is a damaged safetensors file ({error}): download or write it again") from error


def to_bytes(neurons: NeuronSet, site: str) -> bytes:
    """The content of an ``.npy`` file, bool ``[language, layer, width]``; an unknown width ends at the last index."""
    rows = neurons.rows()
    mask = np.zeros((len(neurons.languages), neurons.layers, _width(neurons, site)), bool)
    mask[rows.language_id, rows.layer, rows.index] = True
    buffer = io.BytesIO()
    np.save(buffer, mask)
    return buffer.getvalue()


def _width(neurons: NeuronSet, site: str) -> int:
    if neurons.header.architecture is not None:
        return neurons.header.architecture.widest(site)
    if site in neurons.frequency:
        return int(neurons.frequency[site].shape[-1])
    return int(neurons.rows().index.max(initial=0)) + 1
