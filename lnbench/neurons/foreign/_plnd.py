"""PLND's text: five lines ``{layer: {indices}}`` for up, down, q, k and v, of one language.

The layout is that of the released code of Zhao et al. 2024, "How do Large Language Models Handle Multilingualism?"
(arXiv 2402.18815), which writes ``str`` of dicts of sets and reads them with ``eval``. Here nothing is evaluated: a
line is taken apart by a grammar of braces, commas, colons and whole numbers (also ``np.int64(5)``, as numpy 2 has it)
in one pass, so that neither time nor memory depends on anything but the length of the text.

An up row and a down column of one number are one neuron, ``ffn.hidden``. The numbers of k and v count rows of the
*queries*: where several query heads share a key/value head they are mapped (`lnbench.neurons.grouped_query_index`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lnbench.errors import NeuronFileError, NeuronSetError
from lnbench.neurons._architecture import MAX_LAYERS, Architecture
from lnbench.neurons._grouped import Heads, grouped_query_index
from lnbench.neurons._rows import integers
from lnbench.neurons.foreign._facts import FileFacts
from lnbench.neurons.foreign._names import number_of
from lnbench.neurons.foreign._table import Columns, Table, refuse_site, text_of

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

#: What the five lines hold, in their order.
LINES = ("up", "down", "q", "k", "v")

#: One layer of a line: its number, and the neurons in a set or a list. No part can match in two ways.
_ENTRY = re.compile(
    r"\s*([^\s:{}\[\],][^:{}\[\],]{0,40}):\s*"
    r"(?:\{([^{}]*)\}|\[([^\[\]]*)\]|(?:frozen)?set\(\s*(?:\{([^{}]*)\}|\[([^\[\]]*)\])?\s*\))\s*(?:,|$)"
)
_BLANK = re.compile(r"\s*")
#: The longest text of one layer: no width comes near, even where each index is written ``np.int64(12345)``.
_MAX_LAYER_TEXT = 4 * 2**20

Layers = dict[int, npt.NDArray[np.int64]]


def read(path: Path, facts: FileFacts) -> Table:
    """The rows of a PLND file.

    Raises:
        NeuronFileError: it is no text of five such lines.
        NeuronSetError: an index that no model has, a layer that comes twice, or k and v rows of a model whose heads
            nobody knows.
    """
    refuse_site(facts)
    up, down, q, k, v = (_line(path, name, text) for name, text in zip(LINES, _lines(path), strict=True))
    hidden = {layer: np.union1d(up.get(layer, _NONE), down.get(layer, _NONE)) for layer in sorted({*up, *down})}
    notes = [f"up {_count(up)} and down {_count(down)} are {_count(hidden)} neurons of ffn.hidden"]
    sites = {"ffn.hidden": hidden, "attn.q": q}
    for name, line in (("k", k), ("v", v)):
        sites[f"attn.{name}"], note = _mapped(name, line, facts)
        notes += note
    columns = Columns()
    for site, layers in sites.items():
        for layer, indices in layers.items():
            columns.extend(0, site, layer, indices)
    spoken = max((layer + 1 for line in (up, down, q, k, v) for layer in line), default=0)
    return Table(columns.rows(), 1, spoken=spoken, notes=tuple(notes))


_NONE = np.zeros(0, np.int64)


def _lines(path: Path) -> list[str]:
    lines = text_of(path).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) != len(LINES):
        raise NeuronFileError(
            f"{path} has {len(lines)} lines, and PLND's text has five, of {', '.join(LINES)}: write it again"
        )
    return lines


def _line(path: Path, name: str, text: str) -> Layers:
    """Layer -> sorted indices."""
    body = text.strip()
    if not (body.startswith("{") and body.endswith("}")):
        raise NeuronFileError(f"{path} has no {{layer: {{indices}}}} in its line of {name}: write it again")
    end, place, found = len(body) - 1, 1, Layers()
    while _BLANK.match(body, place, end).end() < end:  # type: ignore[union-attr]  # it always matches
        match = _ENTRY.match(body, place, end)
        if match is None:
            raise NeuronFileError(
                f"{path} cannot be read in its line of {name} from {body[place : place + 30]!r} on: each layer is "
                "written as in 0: {1, 2}"
            )
        layer = _new_layer(match[1], found, name)
        text_of_layer = next((part for part in match.groups()[1:] if part is not None), "")
        found[layer] = _indices(text_of_layer, f"{name}, layer {layer}")
        place = match.end()
    return found


def _new_layer(text: str, found: Layers, name: str) -> int:
    layer = number_of(text)
    if layer is None or layer >= MAX_LAYERS or layer in found:
        why = "comes twice" if layer in found else f"is no layer from 0 to {MAX_LAYERS - 1}"
        raise NeuronSetError(f"{text.strip()[:40]!r} in the line of {name} {why}")
    return layer


def _indices(text: str, what: str) -> npt.NDArray[np.int64]:
    if len(text) > _MAX_LAYER_TEXT:
        raise NeuronSetError(f"{what} is {len(text)} characters long, and no layer has so many neurons")
    words = text.split(",") if text.strip() else []
    if words and not words[-1].strip():
        words.pop()
    numbers = [number_of(word) for word in words]
    if None in numbers:
        raise NeuronSetError(f"{what} holds {words[numbers.index(None)].strip()[:40]!r}, which is no whole number")
    indices = np.sort(integers(np.array(numbers, np.int64), what))
    if (same := indices[1:] == indices[:-1]).any():
        raise NeuronSetError(f"{what} lists {indices[1:][same][0]} twice: keep one")
    return indices


def _count(layers: Layers) -> int:
    return sum(map(len, layers.values()))


def _mapped(name: str, layers: Layers, facts: FileFacts) -> tuple[Layers, list[str]]:
    """Query rows as rows of keys or values, with a note where rows are shared."""
    if not _count(layers):
        return layers, []
    heads = _heads(name, facts)
    if heads is None:
        return layers, []
    made = {layer: np.unique(_to_kv(rows, heads, facts.kv_map)) for layer, rows in layers.items()}
    how = "the layout of the heads" if facts.kv_map == "layout" else "i // n, as PLND's code has it"
    note = f"{name}: {_count(layers)} rows in query space are {_count(made)} key/value rows by {how}"
    return made, [note]


def _heads(name: str, facts: FileFacts) -> Heads | None:
    """The heads, None where rows of queries and of keys are the same.

    Raises:
        NeuronSetError: nobody knows.
    """
    if facts.attention is not None:
        return facts.attention if facts.attention.group > 1 else None
    if facts.shape is not None and ungrouped(facts.shape):
        return None
    raise NeuronSetError(
        f"its line of {name} counts rows of the queries, and which rows of the keys and values these share depends on "
        "the model's heads: name the model (--model, pretrained=), or its heads as in --heads 32,8,128"
    )


def ungrouped(architecture: Architecture) -> bool:
    """Whether every query head has a key/value head of its own, as far as widths tell."""
    widths = architecture.widths
    return "attn.q" in widths and widths["attn.q"] == widths.get("attn.k")


def _to_kv(rows: npt.NDArray[np.int64], heads: Heads, kv_map: str) -> npt.NDArray[np.int64]:
    mapped = grouped_query_index(rows, heads.queries, heads.keys, heads.size)
    return mapped if kv_map == "layout" else rows // heads.group


def _to_query(rows: npt.NDArray[np.int64], heads: Heads, kv_map: str) -> npt.NDArray[np.int64]:
    """For each key/value row the first query row that is mapped to it; the inverse of `_to_kv`."""
    if kv_map == "released":
        return rows * heads.group
    return rows // heads.size * heads.group * heads.size + rows % heads.size


def to_bytes(neurons: NeuronSet, language: str, heads: Heads | None, kv_map: str) -> bytes:
    """The file's content for one language; ``ffn.act`` and ``ffn.hidden`` are up and down alike.

    Every layer is written, as in the released code, which looks each of them up.
    """
    layers = range(neurons.layers)
    empty = [_NONE for _ in layers]
    at = {site: neurons.indices(language, site) if site in neurons.sites else empty for site in _SITES}
    up = [np.union1d(act, hidden) for act, hidden in zip(at["ffn.act"], at["ffn.hidden"], strict=True)]
    lines = [up, up, at["attn.q"]]
    for site in ("attn.k", "attn.v"):
        lines.append(at[site] if heads is None else [_to_query(rows, heads, kv_map) for rows in at[site]])
    return "".join(f"{_text(line)}\n" for line in lines).encode()


_SITES = ("ffn.act", "ffn.hidden", "attn.q", "attn.k", "attn.v")


def _text(layers: list[npt.NDArray[np.int64]]) -> str:
    sets = [f"{{{', '.join(map(str, rows.tolist()))}}}" if len(rows) else "set()" for rows in layers]
    return "{" + ", ".join(f"{layer}: {text}" for layer, text in enumerate(sets)) + "}"
