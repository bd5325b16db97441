"""A neuron set as a JSON header and named arrays: what both file formats hold, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import NeuronSetError
from lnbench.neurons._header import SCHEMA, Header
from lnbench.neurons._rows import Rows

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

#: The key under which both formats keep the JSON header, and by which they are recognised.
HEADER_KEY = "lnbench.neurons"

#: The four columns of the table, as arrays are called in a file.
COLUMNS = ("language", "site", "layer", "index")

#: What the header says about the table, beside the fields of `Header`.
TABLE_FIELDS = ("languages", "sites", "layers", "statistic_languages", "content_hash")

Arrays = dict[str, npt.NDArray[Any]]


def pack(neurons: NeuronSet) -> tuple[dict[str, Any], Arrays]:
    """The JSON header and the arrays of a set; `unpack` is the way back."""
    facts = {name: getattr(neurons, name) for name in TABLE_FIELDS}
    table = {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}
    return neurons.header.to_json() | {"schema": SCHEMA} | table, arrays(neurons)


def arrays(neurons: NeuronSet) -> Arrays:
    """The arrays of a set by their names in a file."""
    made: Arrays = dict(zip(COLUMNS, neurons.rows().columns, strict=True))
    if neurons.scores is not None:
        made["scores"] = neurons.scores
    made |= {f"statistics.{kind}": table for kind, table in neurons.statistics.items()}
    return made | {f"frequency.{site}": table for site, table in neurons.frequency.items()}


def unpack(header: Mapping[str, Any], arrays: Arrays) -> NeuronSet:
    """The set that a header and arrays describe.

    Raises:
        NeuronSetError: something is missing, unknown, of the wrong kind, or contradicts the rest.
    """
    from lnbench.neurons._set import NeuronSet

    facts = {key: value for key, value in header.items() if key not in TABLE_FIELDS}
    made = NeuronSet(
        _columns(arrays),
        _list(header, "languages"),
        _list(header, "sites"),
        layers=_layers(header),
        header=Header.from_json({"tool": "unknown"} | facts),
        scores=arrays.get("scores"),
        statistic_languages=_list(header, "statistic_languages", optional=True),
        statistics=_prefixed(arrays, "statistics."),
        frequency=_prefixed(arrays, "frequency."),
    )
    _check_hash(header, made.content_hash)
    return made


def _check_hash(header: Mapping[str, Any], made: str) -> None:
    if header.get("content_hash", made) != made:
        raise NeuronSetError(
            f"the header states the content hash {header['content_hash']!r} and the rows give {made!r}: "
            "the rows were changed after it was written; leave `content_hash` out if that was meant"
        )


def _columns(arrays: Arrays) -> Rows:
    if missing := [name for name in COLUMNS if name not in arrays]:
        raise NeuronSetError(f"the array {missing[0]!r} is missing: a neuron set has {', '.join(COLUMNS)}")
    known = (*COLUMNS, "scores")
    for name, array in arrays.items():
        if name not in known and not name.startswith(("statistics.", "frequency.")):
            raise NeuronSetError(f"unknown array {name!r}: there can be {', '.join(known)}, statistics.*, frequency.*")
        if name in COLUMNS and (array.ndim != 1 or array.dtype.kind not in "iu"):
            raise NeuronSetError(f"the array {name!r} must be a flat array of integers, not {_kind(array)}")
    lengths = {name: len(arrays[name]) for name in COLUMNS}
    if len(set(lengths.values())) != 1:
        raise NeuronSetError(f"the four columns must be of equal length, and they have {lengths}")
    return Rows(*(arrays[name] for name in COLUMNS))


def _kind(array: npt.NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _list(header: Mapping[str, Any], name: str, optional: bool = False) -> list[Any]:
    value = header.get(name, [] if optional else None)
    if not isinstance(value, list):
        raise NeuronSetError(f"the header needs `{name}`, a list of names, and it has {value!r}")
    return value


def _layers(header: Mapping[str, Any]) -> int:
    value = header.get("layers", 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise NeuronSetError(f"`layers` in the header must be a whole number, not {value!r}")
    return value


def _prefixed(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): np.asarray(a) for name, a in arrays.items() if name.startswith(prefix)}
