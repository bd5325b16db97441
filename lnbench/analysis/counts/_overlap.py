"""Neurons that languages share, attention and feed-forward apart, with and without those that are English too."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.analysis._grids import render_grids
from lnbench.analysis._section import Picture, Section, ShownTable
from lnbench.detection import compare
from lnbench.errors import DataError
from lnbench.neurons import SHORT_SITES, NeuronSet
from lnbench.reporting import FORMATS, heat_panel, new_figure, png_bytes

__all__ = ["Shared", "overlap_png", "overlap_section", "overlaps_of", "render_overlap"]

ENGLISH = "en"
#: Structure -> short name of its sites.
STRUCTURES = {"attention": "attn", "feed-forward": "ffn"}
#: Which languages, how many neurons, and the shares of them.
_CSV_COLUMNS = (
    *("structure", "without", "a", "b", "of_a", "of_b"),
    *("size_a", "size_b", "shared"),
    *("share", "jaccard", "chance"),
)
_Named = tuple[str, NeuronSet]


@dataclass(frozen=True, eq=False)
class Shared:
    """Shared neurons of every pair of languages at the sites of one structure.

    Attributes:
        structure: ``attention`` or ``feed-forward``.
        without: the language whose neurons are taken away first, None for none.
        a, b: what the sets are called; rows are languages of ``a``, columns of ``b``.
        rows, columns: labels.
        sizes_a, sizes_b: neurons of each, int ``[rows]`` and ``[columns]``.
        shared: neurons in both, int ``[rows, columns]``.
        chance: neurons that random sets of the same sizes in each layer and place would share on average, likewise.
    """

    structure: str
    without: str | None
    a: str
    b: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    sizes_a: npt.NDArray[np.int64]
    sizes_b: npt.NDArray[np.int64]
    shared: npt.NDArray[np.int64]
    chance: npt.NDArray[np.float64]

    @property
    def share(self) -> npt.NDArray[np.float64]:
        """Shared neurons as a share of the smaller of the two, ``[rows, columns]``; NaN where one is empty."""
        return _divided(self.shared, np.minimum.outer(self.sizes_a, self.sizes_b))

    @property
    def by_chance(self) -> npt.NDArray[np.float64]:
        """``chance`` as ``share`` is; NaN also for a language beside itself in the same set."""
        smaller = np.minimum.outer(self.sizes_a, self.sizes_b)
        expected: npt.NDArray[np.float64] = np.where(smaller > 0, self.chance / np.maximum(smaller, 1), math.nan)
        itself = np.equal.outer(np.array(self.rows), np.array(self.columns)) & (self.a == self.b)
        return np.where(itself, math.nan, expected)

    @property
    def jaccard(self) -> npt.NDArray[np.float64]:
        """Shared neurons as a share of those in either; NaN where both are empty."""
        return _divided(self.shared, np.add.outer(self.sizes_a, self.sizes_b) - self.shared)

    @property
    def title(self) -> str:
        """``attention, without the English neurons``."""
        return self.structure + ("" if self.without is None else f", without the neurons of {self.without}")

    def as_json(self) -> dict[str, Any]:
        """Plain values, NaN as None."""
        made = {"structure": self.structure, "without": self.without, "a": self.a, "b": self.b}
        tables = {name: _plain(getattr(self, name)) for name in ("shared", "share", "jaccard", "chance")}
        sizes = {"sizes_a": self.sizes_a.tolist(), "sizes_b": self.sizes_b.tolist()}
        return {**made, "rows": list(self.rows), "columns": list(self.columns), **sizes, **tables}


def _divided(part: npt.NDArray[np.int64], of: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.where(of > 0, part / np.maximum(of, 1), math.nan)


def _plain(values: npt.NDArray[Any]) -> list[list[float | None]]:
    return [[None if math.isnan(value) else value for value in line] for line in values.tolist()]


def overlaps_of(a: _Named, b: _Named | None = None) -> list[Shared]:
    """Shared neurons within one set, or between two sets of one model.

    Feed-forward neuron j is one neuron, whether it is named at ``ffn.act`` or at ``ffn.hidden``.

    Args:
        a: name and set.
        b: another one, or None for ``a`` itself.

    Returns:
        For each structure at which both have neurons: all neurons, and, where both have English, without those that are
        English too.

    Raises:
        DataError: the sets have no structure in common.
        ModelMismatchError: the sets were made for models of different shape.
    """
    first, second = a, a if b is None else b
    found = []
    for structure, short in STRUCTURES.items():
        if all(set(neurons.sites) & set(SHORT_SITES[short]) for _, neurons in (first, second)):
            pair = [(name, neurons.select(sites=short)) for name, neurons in (first, second)]
            found.append(_shared(structure, None, pair))
            if all(ENGLISH in neurons.languages for _, neurons in pair):
                found.append(_shared(structure, ENGLISH, [(name, _without(neurons)) for name, neurons in pair]))
    if not found:
        sites = " and ".join(", ".join(neurons.sites) or "no site" for _, neurons in (first, second))
        raise DataError(f"the sets have no structure in common ({sites}); compare sets with neurons at the same sites")
    return found


def _without(neurons: NeuronSet) -> NeuronSet:
    """Without what is English at any site of the same place: feed-forward neuron j is one neuron at both of its."""
    short = [site for site in neurons.sites if site in SHORT_SITES["ffn"]]
    own: dict[str, Any] = {site: neurons.indices(ENGLISH, site) for site in neurons.sites}
    if len(short) > 1:
        joined = [sorted(set().union(*map(set, layer))) for layer in zip(*(own[site] for site in short), strict=True)]
        own |= dict.fromkeys(short, joined)
    english = NeuronSet.from_indices({ENGLISH: own}, layers=neurons.layers)
    return neurons.without(english).select(languages=[label for label in neurons.languages if label != ENGLISH])


def _shared(structure: str, without: str | None, pair: Sequence[_Named]) -> Shared:
    (name_a, a), (name_b, b) = pair
    found = compare(a, b, (name_a, name_b)).pairs
    shape = (len(a.languages), len(b.languages))
    sizes_a = np.array([one.size_a for one in found]).reshape(shape)[:, 0]
    sizes_b = np.array([one.size_b for one in found]).reshape(shape)[0]
    shared = np.array([one.shared for one in found]).reshape(shape)
    chance = np.array([one.chance for one in found], dtype=np.float64).reshape(shape)
    return Shared(structure, without, name_a, name_b, a.languages, b.languages, sizes_a, sizes_b, shared, chance)


def render_overlap(found: Sequence[Shared], form: str) -> str:
    """The matrices in one of :data:`lnbench.reporting.FORMATS`.

    Raises:
        DataError: there is no such format.
    """
    if form == "json":
        return json.dumps([one.as_json() for one in found], ensure_ascii=False, indent=1) + "\n"
    if form == "csv":
        return _csv(found)
    if form not in FORMATS:
        raise DataError(f"there is no format {form!r}; choose among {', '.join(FORMATS)}")
    grids = [(f"{one.title}: {what}", rows) for one in found for what, rows in _tables(one)]
    first = found[0]
    names = first.a if first.a == first.b else f"{first.a} (down) and {first.b} (across)"
    return render_grids(f"{names}: neurons that languages share", grids, _sentences(found), form)


def _tables(one: Shared) -> list[tuple[str, list[list[str]]]]:
    """What a table shows, its header and its rows."""
    return [
        ("share of the smaller set, percent (by chance)", _rows(one, one.share, one.by_chance)),
        ("Jaccard, percent", _rows(one, one.jaccard)),
    ]


def _rows(
    one: Shared, values: npt.NDArray[np.float64], chance: npt.NDArray[np.float64] | None = None
) -> list[list[str]]:
    rows = [["", "neurons", *one.columns]]
    for at, (label, size) in enumerate(zip(one.rows, one.sizes_a.tolist(), strict=True)):
        beside = [math.nan] * len(one.columns) if chance is None else chance[at].tolist()
        cells = [_cell(*both) for both in zip(values[at].tolist(), beside, strict=True)]
        rows.append([label, str(size), *cells])
    return rows


def _cell(value: float, chance: float) -> str:
    if math.isnan(value):
        return "-"
    expected = "" if math.isnan(chance) else f" ({100 * chance:.{0 if chance >= 0.1 else 1}f})"
    return f"{100 * value:.0f}{expected}"


def _sentences(found: Sequence[Shared]) -> list[str]:
    missing = [structure for structure in STRUCTURES if structure not in {one.structure for one in found}]
    told = ["By chance: what random sets of the same sizes in each layer and site would share on average."]
    return told + [f"There are no {structure} neurons to compare." for structure in missing]


def _csv(found: Sequence[Shared]) -> str:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for one in found:
        writer.writerows(_csv_row(one, i, j) for i, j in np.ndindex(one.shared.shape))
    return made.getvalue()


def _csv_row(one: Shared, i: int, j: int) -> list[str | int]:
    about = [one.structure, one.without or "", one.a, one.b, one.rows[i], one.columns[j]]
    counts = [int(one.sizes_a[i]), int(one.sizes_b[j]), int(one.shared[i, j])]
    numbers = [one.share[i, j], one.jaccard[i, j], one.chance[i, j]]
    return [*about, *counts, *("" if math.isnan(number) else f"{number:.9g}" for number in numbers)]


def overlap_png(found: Sequence[Shared]) -> bytes:
    """Heat maps in percent: a row for each structure with and without English, share of the smaller set and Jaccard."""
    most = max(max(len(one.rows), len(one.columns)) for one in found)
    figure, axes = new_figure(len(found), 2, 2.2 + 0.46 * most, 1.3 + 0.34 * most)
    pairs = [(one, what) for one in found for what in ("share", "jaccard")]
    for axis, (one, what) in zip(axes, pairs, strict=True):
        values = 100 * getattr(one, what)
        shown = [["-" if math.isnan(value) else f"{value:.0f}" for value in line] for line in values]
        name = {"share": "% of the smaller set", "jaccard": "Jaccard, %"}[what]
        title = f"{one.structure}{'' if one.without is None else ' without en'}: {name}"
        heat_panel(axis, values, one.rows, one.columns, title=title, shown=shown, most=100.0)
        axis.tick_params(axis="x", labelrotation=90 if max(map(len, one.columns)) > 4 else 0)
    figure.suptitle("Neurons that languages share", fontsize=11)
    return png_bytes(figure)


def overlap_section(a: _Named, b: _Named | None = None) -> Section:
    """The overlap as a section of a report; errors as in :func:`overlaps_of`."""
    found = overlaps_of(a, b)
    tables = [ShownTable(f"{one.title}: {what}.", rows[0], rows[1:]) for one in found for what, rows in _tables(one)]
    alt = "Shared neurons of every two languages, attention and feed-forward apart, as heat maps."
    text = f"How many neurons languages share. {' '.join(_sentences(found))}"
    data = {"overlap": [one.as_json() for one in found]}
    picture = Picture("overlap", alt, overlap_png(found))
    return Section("overlap", "Neurons that languages share", text, tables, [picture], data)
