"""JSON: lists of ``{"layer", "neuron"}``, and the nestings in which neurons are met.

========================================  ==========================================================
``[{"layer": 1, "neuron": 5}, ...]``      neurons one by one, also with ``language``, ``site``, ``score``
``[[3, 7], [], [1]]``                     the indices of each layer
``[[[3, 7], []], [[1], [2]]]``            the same for each language, as in LAPE's files
``{"0": [3, 7], "2": [1]}``               layer -> indices
``{"ffn.act": ...}``                      site -> indices of each layer, or layer -> indices
``{"zh": ...}``                           language -> any of these
========================================  ==========================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lnbench import _json
from lnbench.errors import NeuronFileError, NeuronSetError
from lnbench.neurons._header import check_labels
from lnbench.neurons._rows import integers
from lnbench.neurons._sites import SITES
from lnbench.neurons.foreign._csv import named_columns
from lnbench.neurons.foreign._facts import FileFacts
from lnbench.neurons.foreign._names import column_of, number_of
from lnbench.neurons.foreign._records import Records
from lnbench.neurons.foreign._table import Columns, Table, brief, refuse_site, site_of, text_of

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

_KINDS = "a list of {layer, neuron}, lists of indices per layer, or one of these for each language"


def read(path: Path, facts: FileFacts) -> Table:
    """The rows of a JSON file.

    Raises:
        NeuronFileError: it is no JSON, or nested in another way.
        NeuronSetError: a value is of the wrong kind.
    """
    data = _parsed(path)
    if isinstance(data, list) and data and all(isinstance(each, list) for each in data):
        return _of_lists(data, facts)
    if isinstance(data, list):
        return _of_records({None: data}, facts)
    if not isinstance(data, dict) or not data:
        raise NeuronFileError(f"{path} holds {brief(data)}, and neurons in JSON are {_KINDS}: write it so")
    if _by_layer(data) or set(data) <= set(SITES):
        return _of_layers([data], 1, facts)
    labels = check_labels(data)
    if any(_is_records(each) for each in data.values()):
        return _of_records(data, facts)
    return _of_layers(list(data.values()), labels, facts)


def _parsed(path: Path) -> Any:
    try:
        return _json.loads(text_of(path), object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError) as error:
        reason = str(error).split("\n", maxsplit=1)[0][:200]
        raise NeuronFileError(f"{path} is no JSON that can be read ({reason}): write it again") from error


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"the key {brief(name)} comes twice")
        made[name] = value
    return made


def _by_layer(data: Mapping[str, Any]) -> bool:
    return all(number_of(key) is not None for key in data)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _of_records(by_language: Mapping[Any, Any], facts: FileFacts) -> Table:
    """Neurons one by one; a key that is not None names the language of its list."""
    records: Records | None = None
    for label, entries in by_language.items():
        if not isinstance(entries, list):
            raise NeuronSetError(f"{brief(label)} holds {brief(entries)}, and other languages hold lists of neurons")
        for entry in entries:
            values = _values(entry, label)
            records = records or Records(facts, frozenset(name for name in values if not name.startswith("-")))
            _add(records, values)
    if records is None:
        return Table(Columns().rows(), check_labels(label for label in by_language if label is not None))
    if None in by_language:
        return records.table()
    return _all_labels(records, by_language)


def _all_labels(records: Records, labels: Iterable[str]) -> Table:
    """The table with the languages in the order of the file, also those without neurons."""
    order = check_labels(labels)
    table = records.table()
    places = np.array([order.index(label) for label in records.labels], np.int64)
    rows = table.rows.replace(language_id=places[table.rows.language_id])
    return Table(rows, order, scores=table.scores, notes=table.notes)


def _values(entry: Any, label: str | None) -> dict[str, Any]:
    """Our columns of one neuron; names that we do not know come with a ``-`` before them."""
    if not isinstance(entry, dict):
        raise NeuronSetError(f"a neuron is {brief(entry)}, and each must be as in {{layer: 1, neuron: 5}}")
    values: dict[str, Any] = {} if label is None else {"language": label}
    for name, value in entry.items():
        column = column_of(name) or f"-{name}"
        if column in values:
            raise NeuronSetError(f"a neuron says its {column} twice: {brief(str(entry))}")
        values[column] = value
    return values


def _add(records: Records, values: dict[str, Any]) -> None:
    records.ignored.update({brief(name[1:]): None for name in values if name.startswith("-")})
    known = {name: value for name, value in values.items() if not name.startswith("-")}
    if known.keys() != records.has:
        raise NeuronSetError(
            f"one neuron has {', '.join(sorted(known)) or 'nothing'} and the first has "
            f"{', '.join(sorted(records.has))}: each must say the same"
        )
    records.add(known)


def _of_lists(data: list[Any], facts: FileFacts) -> Table:
    """Lists of indices per layer, of one language, or of each."""
    deep = any(isinstance(value, list) for each in data for value in each)
    languages = data if deep else [data]
    return _of_layers(languages, len(languages), facts)


def _of_layers(languages: list[Any], labels: tuple[str, ...] | int, facts: FileFacts) -> Table:
    """Of each language the indices by layer, or these by site."""
    sited = [isinstance(each, Mapping) and bool(each) and set(each) <= set(SITES) for each in languages]
    site, notes = site_of(facts)
    if any(sited):
        refuse_site(facts)
        notes = ()
    columns, stated = Columns(), set()
    for language, (each, by_site) in enumerate(zip(languages, sited, strict=True)):
        for at, layers in each.items() if by_site else [(site, each)]:
            stated.add(_extend(columns, language, at, layers))
    layers_said = stated.pop() if len(stated) == 1 else None
    return Table(columns.rows(), labels, layers=layers_said, notes=notes)


def _extend(columns: Columns, language: int, site: str, layers: Any) -> int | None:
    """Add the indices of each layer; gives the number of layers where all are listed."""
    if isinstance(layers, Mapping) and _by_layer(layers):
        numbered = [(number_of(key) or 0, values) for key, values in layers.items()]
        if len({layer for layer, _ in numbered}) < len(numbered):
            raise NeuronSetError(f"a layer comes twice: {brief(list(layers))}")
    elif isinstance(layers, list) and all(isinstance(values, list) for values in layers):
        numbered = list(enumerate(layers))
    else:
        raise NeuronSetError(f"there is {brief(layers)}, and neurons in JSON are {_KINDS}")
    for layer, values in numbered:
        columns.extend(language, site, layer, integers(values, f"language {language}, {site}, layer {layer}"))
    return len(numbered) if isinstance(layers, list) else None


def to_bytes(neurons: NeuronSet) -> bytes:
    """The file's content: a list of ``{"language", "site", "layer", "neuron"}``, one line each, with any scores."""
    names = ("language", "site", "layer", "neuron", *(("score",) if neurons.scores is not None else ()))
    scores = [] if neurons.scores is None else [neurons.scores.astype(float).tolist()]
    entries = zip(*named_columns(neurons, neurons.rows()), *scores, strict=True)
    lines = (json.dumps(dict(zip(names, entry, strict=True)), ensure_ascii=False) for entry in entries)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()
