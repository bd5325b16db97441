"""How `NeuronSet.from_indices(..., model=model)` learns about a model, in a room that knows no models.

Whoever knows models hands in a function once with `use_architecture_reader`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lnbench.errors import NeuronSetError
from lnbench.neurons._architecture import Architecture
from lnbench.neurons._header import Header

_readers: list[Callable[[Any], Architecture]] = []


def use_architecture_reader(reader: Callable[[Any], Architecture]) -> None:
    """Set the function that tells the architecture of a model object."""
    _readers[:] = [reader]


def header_of(model: Any, architecture: Architecture | None, fields: dict[str, Any]) -> Header:
    """The header from these fields and the two arguments; a model object tells its architecture, name and commit.

    Raises:
        NeuronSetError: nobody has said how to read a model object, or a field is of the wrong kind.
    """
    name, revision, shape = described(model, architecture)
    commit = {} if model is None or isinstance(model, str) else {"revision": revision}
    return Header.from_json({"model": name, **commit, **fields}).replace(architecture=shape)


def described(model: Any, architecture: Architecture | None) -> tuple[str | None, str | None, Architecture | None]:
    """Name, commit and architecture of a model, from its id or the loaded model.

    Raises:
        NeuronSetError: nobody has said how to read a model object.
    """
    if model is None or isinstance(model, str):
        return model, None, architecture
    if architecture is None and not _readers:
        raise NeuronSetError(f"no architecture can be read from a {type(model).__name__} here: pass architecture=")
    config = getattr(model, "config", None)
    name, commit = (getattr(config, key, None) or None for key in ("_name_or_path", "_commit_hash"))
    return name, commit, architecture or _readers[0](model)
