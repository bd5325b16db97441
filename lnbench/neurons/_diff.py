"""What is in one neuron set and not in another, as numbers, as plain JSON and as text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lnbench.neurons._combine import difference_of_rows
from lnbench.neurons._sites import SITES

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

#: Neurons in the order of the file: language, site, layer, index.
Neuron = tuple[str, str, int, int]


@dataclass(frozen=True)
class DiffPart:
    """One language at one site."""

    language: str
    site: str
    size_a: int
    size_b: int
    both: int

    @property
    def jaccard(self) -> float:
        """Shared / in either; NaN where neither has any."""
        either = self.size_a + self.size_b - self.both
        return self.both / either if either else math.nan


@dataclass(frozen=True)
class SetDiff:
    """Two sets, row by row."""

    hashes: tuple[str, str]
    """Content hashes; equal where the sets hold the same neurons under the same languages."""
    parts: tuple[DiffPart, ...]
    """Each language and site that either set has neurons at."""
    only_a: tuple[Neuron, ...]
    only_b: tuple[Neuron, ...]
    header: dict[str, tuple[Any, Any]]
    """What the headers say differently: the field, and both values as plain JSON."""
    scores: float | None
    """The largest difference between the scores of a row that both have; None where a set has none."""

    @property
    def same(self) -> bool:
        """Whether both hold the same neurons; headers, scores and statistics do not count."""
        return self.hashes[0] == self.hashes[1]

    def as_json(self) -> dict[str, Any]:
        """Plain values with string keys; a Jaccard index of nothing as None."""
        parts = [
            {**dataclasses.asdict(part), "jaccard": None if math.isnan(part.jaccard) else part.jaccard}
            for part in self.parts
        ]
        return {
            "same": self.same,
            "content_hash": list(self.hashes),
            "parts": parts,
            "only_a": _nested(self.only_a),
            "only_b": _nested(self.only_b),
            "header": {name: list(values) for name, values in self.header.items()},
            "largest_score_difference": self.scores,
        }


def diff(a: NeuronSet, b: NeuronSet) -> SetDiff:
    """Compare two sets row by row; also sets of different models, which the headers then say."""
    mine, theirs = difference_of_rows(a, b), difference_of_rows(b, a)
    languages = [*a.languages, *(label for label in b.languages if label not in a.languages)]
    parts = [part for label in languages for site in SITES if (part := _part(a, b, ~mine, label, site)) is not None]
    return SetDiff(
        (a.content_hash, b.content_hash),
        tuple(parts),
        _listed(a, mine),
        _listed(b, theirs),
        _header(a, b),
        _scores(a, b, ~mine, ~theirs),
    )


def _part(a: NeuronSet, b: NeuronSet, both: Any, label: str, site: str) -> DiffPart | None:
    at = [each.mask(label, site) if label in each.languages else np.zeros(len(each), bool) for each in (a, b)]
    if not at[0].any() and not at[1].any():
        return None
    return DiffPart(label, site, int(at[0].sum()), int(at[1].sum()), int((at[0] & both).sum()))


def _listed(neurons: NeuronSet, which: Any) -> tuple[Neuron, ...]:
    rows = neurons.rows().take(which)
    columns = (column.tolist() for column in rows.columns)
    return tuple(
        (neurons.languages[language], neurons.sites[site], layer, index)
        for language, site, layer, index in zip(*columns, strict=True)
    )


def _header(a: NeuronSet, b: NeuronSet) -> dict[str, tuple[Any, Any]]:
    ours, theirs = a.header.to_json(), b.header.to_json()
    return {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}


def _scores(a: NeuronSet, b: NeuronSet, in_a: Any, in_b: Any) -> float | None:
    if a.scores is None or b.scores is None:
        return None
    pairs = [dict(zip(_listed(each, which), each.scores[which].tolist(), strict=True))
             for each, which in ((a, in_a), (b, in_b)) if each.scores is not None]  # fmt: skip
    return max((abs(value - pairs[1][neuron]) for neuron, value in pairs[0].items()), default=0.0)


def _nested(neurons: Sequence[Neuron]) -> dict[str, Any]:
    """Language -> site -> layer -> indices."""
    made: dict[str, Any] = {}
    for language, site, layer, index in neurons:
        made.setdefault(language, {}).setdefault(site, {}).setdefault(str(layer), []).append(index)
    return made


def diff_text(found: SetDiff, names: tuple[str, str], most: int = 10) -> str:
    """The difference for a terminal: one line per language and site, and the first neurons that only one set has."""
    lines = [f"first   {names[0]}  {found.hashes[0]}", f"second  {names[1]}  {found.hashes[1]}"]
    if found.same:
        lines.append("The neurons are the same.")
    else:
        lines += ["", *_table(found), *_some("first", found.only_a, most), *_some("second", found.only_b, most)]
    if found.header:
        lines.append(f"The headers differ in {', '.join(found.header)}.")
    if found.scores:
        lines.append(f"Scores of neurons in both differ by up to {found.scores:.6g}.")
    return "\n".join(lines)


def _table(found: SetDiff) -> list[str]:
    rows = [["language", "site", "first", "second", "both", "only first", "only second", "Jaccard %"]]
    for part in found.parts:
        only = (part.size_a - part.both, part.size_b - part.both)
        counts = [part.size_a, part.size_b, part.both, *only]
        rows.append([part.language, part.site, *map(str, counts), f"{100 * part.jaccard:.1f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_cells(row, widths)).rstrip() for row in rows]


def _cells(row: list[str], widths: list[int]) -> list[str]:
    names = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
    return [*names, *map(str.rjust, row[2:], widths[2:])]


def _some(which: str, neurons: Sequence[Neuron], most: int) -> list[str]:
    if not neurons:
        return []
    shown = [f"  {language} {site} layer {layer} index {index}" for language, site, layer, index in neurons[:most]]
    rest = [f"  and {len(neurons) - most} more (--json lists all)"] if len(neurons) > most else []
    return ["", f"only in the {which}:", *shown, *rest]
