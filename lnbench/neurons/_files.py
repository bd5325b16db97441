"""Reading and writing neuron-set files: told apart by content, written whole or not at all, never unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench import _json
from lnbench._write import whole
from lnbench.errors import NeuronSetError, OutputError, SpecError, UnknownLanguageError
from lnbench.neurons import _safetensors_file, _torch_file
from lnbench.neurons._algebra import with_header
from lnbench.neurons._payload import Arrays, pack, unpack
from lnbench.neurons._schema import migrate
from lnbench.neurons._sniff import NATIVE, file_format
from lnbench.neurons.foreign._facts import FileFacts
from lnbench.neurons.foreign._read import neuron_set, of_file, read_table, share_out

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


def read(path: Path, facts: FileFacts | None = None) -> NeuronSet:
    """The neuron set in a file of any format.

    Raises:
        NeuronFileError: the file cannot be read, is damaged, unsafe or no neuron set.
        UnknownLanguageError: the languages that were told differ from the file's own, or are not as many.
        ModelMismatchError: the neurons were not counted in the model that was told.
    """
    return read_all([path], facts)[0]


def read_all(paths: Sequence[Path], facts: FileFacts | None = None) -> list[NeuronSet]:
    """The sets in several files; names of languages are shared out among those that have none (`share_out`).

    Raises:
        LnbenchError: as in `read`.
    """
    facts = facts or FileFacts()
    kinds = [file_format(path) for path in paths]
    files = [read_table(path, kind, facts) for path, kind in zip(paths, kinds, strict=True) if kind not in NATIVE]
    if len(paths) > 1 and not files:
        _refuse_names(paths, facts)
    told = iter(zip(files, share_out(files, facts.languages), strict=True))
    made = []
    for path, kind in zip(paths, kinds, strict=True):
        if kind in NATIVE:
            made.append(_native(path, kind, facts if len(paths) == 1 else facts.of_native()))
        else:
            file, languages = next(told)
            made.append(neuron_set(file, facts.named(languages)))
    return made


def _native(path: Path, kind: str, facts: FileFacts) -> NeuronSet:
    """The set in one of our own files, held to what is told of it."""
    with of_file(path):
        text, arrays = _READERS[kind](path)
        neurons = unpack(*migrate(_parse(text), arrays))
    if facts.languages not in (None, neurons.languages):
        raise UnknownLanguageError(
            f"{path} names its languages itself, {', '.join(neurons.languages)}, and "
            f"{', '.join(facts.languages or ())} was asked for: leave `languages` out, and choose among them with "
            "`lang` or `select`"
        )
    if facts.site is not None:
        raise SpecError(
            f"{path} says itself at which sites its neurons are: leave site={facts.site} out, or use sites="
        )
    return _of_model(neurons, facts)


def _refuse_names(paths: Sequence[Path], facts: FileFacts) -> None:
    """Refuse names and sites for files that all have their own."""
    for name in ("languages", "site"):
        if getattr(facts, name) is not None:
            raise SpecError(
                f"{' and '.join(map(str, paths))} need no {name}, because they have their own: leave it out"
            )


def _of_model(neurons: NeuronSet, facts: FileFacts) -> NeuronSet:
    """The set with the model that is told, where it names none.

    Raises:
        NeuronSetError: it was made for another model.
        ModelMismatchError: it was not counted in this one.
    """
    if facts.model is None:
        # What has to be asked for is not asked for a set that names its model: that may cost a download, or be unknown.
        if (neurons.header.model is None or not callable(facts.architecture)) and facts.shape is not None:
            neurons.check(facts.shape)
        return neurons
    header = neurons.header
    if header.model not in (None, facts.model):
        raise NeuronSetError(f"the set was made for {header.model}, and {facts.model} was named: leave the model out")
    if facts.shape is not None:
        neurons.check(facts.shape)
    architecture = facts.shape or header.architecture
    return with_header(
        neurons,
        header.replace(model=facts.model, revision=header.revision or facts.revision, architecture=architecture),
    )


def _parse(text: str) -> dict[str, Any]:
    try:
        header = _json.loads(text)
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
