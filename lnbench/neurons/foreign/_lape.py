"""LAPE's ``.neuron.pth``: ``torch.save`` of ``List[language][layer] LongTensor``, without names of languages.

The layout is that of the released code of Tang et al. 2024, "Language-Specific Neurons" (arXiv 2402.16438). A list of
layers alone, as of one language, is read too.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench.errors import NeuronFileError, NeuronSetError
from lnbench.neurons import _torch_file
from lnbench.neurons._header import MAX_LABELS
from lnbench.neurons._rows import integers
from lnbench.neurons.foreign._facts import FileFacts
from lnbench.neurons.foreign._table import MAX_BINARY, Columns, Table, refuse_large, site_of

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

_MOST_LISTS = 1_000_000


def read(path: Path, facts: FileFacts) -> Table:
    """The rows of a LAPE file.

    Raises:
        NeuronFileError: it is damaged, or no list of lists of integer tensors.
        NeuronSetError: an index that no model has, or more rows than are read.
    """
    refuse_large(path, MAX_BINARY, "a torch file", "restrict it where it was made")
    _torch_file.contents(path)
    languages = _languages(path, _torch_file.load(path))
    site, note = site_of(facts)
    columns, room = Columns(), path.stat().st_size
    for language, layers in enumerate(languages):
        for layer, values in enumerate(layers):
            indices = _indices(path, (language, layer), values, room)
            room -= indices.nbytes
            columns.extend(language, site, layer, integers(indices, f"language {language}, layer {layer}"))
    return Table(columns.rows(), len(languages), layers=len(languages[0]), notes=note)


def _languages(path: Path, data: Any) -> list[Any]:
    """One list of layers per language, all of one length."""
    what = "reading LAPE's layout, List[language][layer] of integer tensors"
    if not isinstance(data, (list, tuple)) or not data:
        raise NeuronFileError(f"{path} holds no list of languages ({what}): save it in that layout")
    nested = all(isinstance(each, (list, tuple)) for each in data)
    found = list(data) if nested else [data]
    lengths = sorted({len(each) for each in found})
    if len(found) > MAX_LABELS or lengths[0] == 0 or len(found) * lengths[-1] > _MOST_LISTS:
        raise NeuronFileError(f"{path} has {len(found)} lists, the shortest of length {lengths[0]} ({what}): check it")
    if len(lengths) > 1:
        raise NeuronFileError(
            f"{path} has {lengths[0]} layers for one language and {lengths[-1]} for another ({what}): write it again"
        )
    return found


def _indices(path: Path, where: tuple[int, int], values: Any, room: int) -> Any:
    """The integer array of one layer; together the arrays of a file are no larger than the file."""
    array = _torch_file.array_of(path, where, values, room)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise NeuronSetError(
            f"language {where[0]}, layer {where[1]} holds {array.dtype} of shape {array.shape}, not a flat list of "
            "indices: save LongTensors"
        )
    return array


def to_bytes(neurons: NeuronSet, site: str) -> bytes:
    """The file's content: one list per language of one ascending LongTensor per layer, on the CPU."""
    import torch

    nested = [[torch.from_numpy(layer) for layer in neurons.indices(label, site)] for label in neurons.languages]
    buffer = io.BytesIO()
    torch.save(nested, buffer)
    return buffer.getvalue()
