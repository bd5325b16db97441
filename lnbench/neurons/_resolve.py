"""From the name of a neuron set to a file, and from several names to one set."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from lnbench import _data
from lnbench._near import hint
from lnbench.errors import LnbenchError, NeuronFileError
from lnbench.neurons.hub import fetch_set

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet
    from lnbench.neurons.foreign._facts import FileFacts

#: Folders to look for neuron sets in, separated as in PATH.
SEARCH_PATH = "LNBENCH_NEURON_SETS"


def resolve_mask(name: str | Path) -> Path:
    """The file that a name stands for.

    A path that exists comes first; then the name in each folder of ``LNBENCH_NEURON_SETS``, then among the sets that
    come with lnbench. ``hf://org/repo/file@revision`` is fetched from the hub. Names are never completed or guessed.

    Raises:
        NeuronFileError: there is no such file, or the hub does not give it.
    """
    if not str(name):
        raise NeuronFileError("the name of the neuron set is empty: give a file, as in mask=zh_ffn.pt")
    if str(name).startswith("hf://"):
        return fetch_set(str(name))
    folders = _folders()
    for candidate in [_home(str(name)), *(folder / name for folder in folders)]:
        if os.path.isfile(candidate):  # noqa: PTH113 (Path.is_file raises on names too long or with a NUL)
            return candidate
    if os.path.isdir(name):  # noqa: PTH112
        raise NeuronFileError(f"{name} is a folder: name a neuron-set file in it")
    raise NeuronFileError(
        f"no neuron set {str(name)!r}, neither as a path nor in {', '.join(map(str, folders)) or 'any folder'}"
        f"; {_meant(str(name), folders)}check the name, or add its folder to {SEARCH_PATH}"
    )


def load_masks(names: str | Path | Iterable[str | Path], facts: FileFacts | None = None) -> NeuronSet:
    """The union of the sets that a list, or a text such as ``a.pt+b.pt``, names (a path may hold a ``+``).

    Args:
        names: files of any format.
        facts: what foreign files among them do not say. Where each file without names has as many languages as are
            told, these are its; else they are handed out in the order of the files.

    Raises:
        NeuronFileError: a file is missing, damaged or no neuron set, or no name is given.
        NeuronSetError: the sets were made for different models.
        UnknownLanguageError: languages are missing, or not as many as the files lack.
        ModelMismatchError: the neurons of a foreign file were not counted in the model that is told.
    """
    from lnbench.neurons._files import read_all

    paths = [path for name in _listed(names) for path in resolve_masks(name)]
    if not paths:
        raise NeuronFileError("no neuron set is named: give one, as in mask=zh_ffn.pt")
    return reduce(lambda a, b: a.union(b), read_all(paths, facts))


def _listed(names: str | Path | Iterable[str | Path]) -> list[str | Path]:
    return [names] if isinstance(names, (str, Path)) else list(names)


def resolve_masks(name: str | Path) -> Sequence[Path]:
    """The file that a name stands for or, where there is none and it is text such as ``a.pt+b.pt``, that of each part.

    Raises:
        NeuronFileError: there is no such file, or the hub does not give it.
    """
    if isinstance(name, Path) or "+" not in name:
        return [resolve_mask(name)]
    if "hf://" not in name:  # those are never asked for as a whole: a revision can be anything
        with contextlib.suppress(NeuronFileError):
            return [resolve_mask(name)]
    return [resolve_mask(part) for part in name.split("+")]


def _home(name: str) -> Path:
    return Path(os.path.expanduser(name))  # noqa: PTH111 (Path.expanduser raises on an unknown user)


def _folders() -> list[Path]:
    named = [_home(part) for part in os.environ.get(SEARCH_PATH, "").split(os.pathsep) if part]
    try:
        return [*named, _data.packaged("neuron_sets")]
    except LnbenchError:
        return named


def _meant(name: str, folders: Sequence[Path]) -> str:
    there = sorted({f.name for folder in folders if folder.is_dir() for f in folder.iterdir() if f.is_file()})
    return hint(Path(name).name, there, close=0.6)
