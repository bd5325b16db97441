"""How `NeuronSet.from_indices(..., model=model)` learns about a model, in a room that knows no models.

Whoever knows models hands in a function once with `use_architecture_reader`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lnbench.errors import NeuronSetError
from lnbench.neurons._architecture import Architecture

_readers: list[Callable[[Any], Architecture]] = []


def use_architecture_reader(reader: Callable[[Any], Architecture]) -> None:
    """Set the function that tells the architecture of a model object."""
    _readers[:] = [reader]


def header_fields(model: Any, architecture: Architecture | None) -> dict[str, Any]:
    """Header fields from the two arguments; a model object tells its architecture, name and commit.

    Raises:
        NeuronSetError: nobody has said how to read a model object.
    """
    if model is None or isinstance(model, str):
        return {"model": model, "architecture": architecture and architecture.to_json()}
    if architecture is None and not _readers:
        raise NeuronSetError(f"no architecture can be read from a {type(model).__name__} here: pass architecture=")
    architecture = architecture or _readers[0](model)
    config = getattr(model, "config", None)
    return {
        "model": getattr(config, "_name_or_path", None) or None,
        "revision": getattr(config, "_commit_hash", None) or None,
        "architecture": architecture.to_json(),
    }
