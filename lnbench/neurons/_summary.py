"""A neuron set at a glance: counts as plain JSON, and the same as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lnbench.neurons._header_text import described
from lnbench.neurons._rows import IntArray

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

_BAR_WIDTH = 40
_MOST_LINES = 48
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def summary(neurons: NeuronSet) -> dict[str, Any]:
    """Header, counts and what is measured, as plain JSON.

    Keys: ``neurons`` (rows), ``content_hash``, ``languages``, ``sites``, ``layers``, ``header``, ``counts``
    (``language``, ``site``, ``layer`` (one number per layer), ``language_site``, ``language_layer``), ``scores``
    (whether there are any), ``statistics`` (``kinds``, ``languages``) and ``frequency`` (sites).
    """
    return {
        "neurons": len(neurons),
        "content_hash": neurons.content_hash,
        "languages": list(neurons.languages),
        "sites": list(neurons.sites),
        "layers": neurons.layers,
        "header": neurons.header.to_json(),
        "counts": _counts(neurons),
        "scores": neurons.scores is not None,
        "statistics": {"kinds": list(neurons.statistics), "languages": list(neurons.statistic_languages)},
        "frequency": list(neurons.frequency),
    }


def _counts(neurons: NeuronSet) -> dict[str, Any]:
    rows, languages, sites = neurons.rows(), neurons.languages, neurons.sites
    by_site = _cross(rows.language_id, len(languages), rows.site_id, len(sites))
    by_layer = _cross(rows.language_id, len(languages), rows.layer, neurons.layers)
    return {
        "language": _named(languages, by_site.sum(axis=1)),
        "site": _named(sites, by_site.sum(axis=0)),
        "layer": by_layer.sum(axis=0).tolist(),
        "language_site": {label: _named(sites, row) for label, row in zip(languages, by_site, strict=True)},
        "language_layer": _named(languages, by_layer),
    }


def _cross(a: IntArray, height: int, b: IntArray, width: int) -> npt.NDArray[np.int64]:
    """int [height, width]: how often each pair of ids occurs."""
    counts = np.bincount(a.astype(np.int64) * width + b, minlength=height * width)
    return counts.reshape(height, width)


def _named(names: Sequence[str], values: npt.NDArray[Any]) -> dict[str, Any]:
    return dict(zip(names, values.tolist(), strict=True))


def summary_text(data: dict[str, Any], unicode: bool = True) -> str:
    """The `summary` as text: header lines, a table of languages and sites, a histogram of layers.

    `unicode` False draws the bars with ``#``, for terminals that have no block characters.
    """
    head = [f"{name:<13}{value}" for name, value in _facts(data)]
    table = _aligned([["language", *data["sites"], "all"], *_language_rows(data)])
    bars = histogram(data["counts"]["layer"], unicode)
    return "\n".join([*head, "", *table, "", *bars])


def _facts(data: dict[str, Any]) -> list[tuple[str, str]]:
    """The header, line by line; what is not known is left out."""
    header, architecture = data["header"], data["header"]["architecture"]
    revision = f" @ {header['revision']}" if header["revision"] else ""
    facts = [
        ("neurons", f"{data['neurons']} in {data['layers']} layer{'s' * (data['layers'] != 1)}"),
        ("content hash", data["content_hash"]),
        ("model", f"{header['model']}{revision}" if header["model"] else ""),
        ("architecture", _architecture(architecture) if architecture else ""),
        *_lines("method", _first(header["method"], described(header["parameters"]))),
        *_lines("corpus", described({k: v for k, v in (header["corpus"] or {}).items() if k != "coverage"})),
        ("tool", header["tool"]),
        ("scores", "one per neuron" if data["scores"] else ""),
        *_lines("statistics", _measured(data["statistics"])),
        ("frequency", ", ".join(data["frequency"])),
        *_lines("history", header["history"]),
    ]
    return [(name, _plain(value)) for name, value in facts if value]


def _measured(data: dict[str, Any]) -> list[str]:
    """What is stored for each neuron, and on text of which languages."""
    if not data["kinds"]:
        return []
    active = [kind.removeprefix("active_") for kind in data["kinds"] if kind.startswith("active_")]
    plain = [kind for kind in data["kinds"] if not kind.startswith("active_")]
    told = [f"of all tokens: {', '.join(plain)}"] if plain else []
    told += [f"of tokens where it is active: {', '.join(active)}"] if active else []
    return [*told, f"on text in {', '.join(data['languages'])}"]


def _plain(text: str) -> str:
    """The text without anything that a terminal would obey; a header may come from a stranger."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _architecture(data: dict[str, Any]) -> str:
    widths = ", ".join(f"{site} {_width(width)}" for site, width in data["widths"].items())
    kind = f"{data['model_type']}, " if data["model_type"] else ""
    return f"{kind}{data['layers']} layers, {widths} ({data['fingerprint']})"


def _width(width: int | list[int]) -> str:
    return str(width) if isinstance(width, int) else f"{min(width)}-{max(width)}"


def _lines(name: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    """The lines under one name."""
    return [(name if n == 0 else "", line) for n, line in enumerate(lines)]


def _first(word: str | None, lines: list[str]) -> list[str]:
    """The lines with a word before the first."""
    return [f"{word or ''} {lines[0] if lines else ''}".strip(), *lines[1:]]


def _language_rows(data: dict[str, Any]) -> list[list[str]]:
    counts = data["counts"]
    rows = [
        [label, *map(str, counts["language_site"][label].values()), str(counts["language"][label])]
        for label in data["languages"]
    ]
    return [*rows, ["all", *map(str, counts["site"].values()), str(data["neurons"])]]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    return ["  ".join(line) for line in lines]


def histogram(counts: Sequence[int], unicode: bool = True) -> list[str]:
    """Lines with a bar per layer, or per group of layers where there are more than a screen holds."""
    group = -(-len(counts) // _MOST_LINES) or 1
    sums = [sum(counts[start : start + group]) for start in range(0, len(counts), group)]
    names = [_layers(start, min(start + group, len(counts))) for start in range(0, len(counts), group)]
    width, most = max(map(len, names), default=0), max(sums, default=0)
    digits = len(str(most))
    return [
        f"layer {name:>{width}} {number:>{digits}} {_bar(number, most, unicode)}".rstrip()
        for name, number in zip(names, sums, strict=True)
    ]


def _layers(start: int, end: int) -> str:
    return str(start) if end == start + 1 else f"{start}-{end - 1}"


def _bar(number: int, most: int, unicode: bool) -> str:
    """A bar of up to 40 characters; any number above 0 shows."""
    if not number:
        return ""
    eighths = max(1, round(number / most * _BAR_WIDTH * 8))
    if not unicode:
        return "#" * max(1, eighths // 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
