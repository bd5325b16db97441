"""Neurons of each language by layer and site."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lnbench.analysis._grids import render_grids
from lnbench.analysis._section import Picture, Section, ShownTable
from lnbench.errors import DataError
from lnbench.neurons import NeuronSet
from lnbench.reporting import FORMATS, heat_panel, new_figure, png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Counts", "counts_of", "counts_png", "counts_section", "render_counts"]

#: More layers than this are no longer a row each in a terminal's eye, but they are printed all the same.
_INCHES = 0.24


@dataclass(frozen=True, eq=False)
class Counts:
    """How many neurons a set names where.

    Attributes:
        name: what the set is called.
        model: the model that it was made for, None where it does not say.
        languages, sites: labels.
        values: int ``[sites, layers, languages]``.
        widths: neurons of the model at each site and layer, int ``[sites, layers]``; None where it is not known.
    """

    name: str
    model: str | None
    languages: tuple[str, ...]
    sites: tuple[str, ...]
    values: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64] | None

    def as_json(self) -> dict[str, Any]:
        """Plain values: site -> language -> one number a layer."""
        by_site = {
            site: {label: self.values[s, :, k].tolist() for k, label in enumerate(self.languages)}
            for s, site in enumerate(self.sites)
        }
        widths = None if self.widths is None else dict(zip(self.sites, self.widths.tolist(), strict=True))
        return {"set": self.name, "model": self.model, "counts": by_site, "widths": widths}


def counts_of(neurons: NeuronSet, name: str = "set") -> Counts:
    """Count the neurons of a set.

    Args:
        neurons: the set.
        name: what to call it.

    Raises:
        DataError: it has no neuron.
    """
    if not len(neurons):
        raise DataError(f"the neuron set {name!r} has no neuron to count; detect with looser thresholds")
    rows = neurons.rows()
    shape = (len(neurons.sites), neurons.layers, len(neurons.languages))
    flat = np.ravel_multi_index((rows.site_id, rows.layer, rows.language_id), shape)
    values = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    built, layers = neurons.header.architecture, range(neurons.layers)
    widths = None if built is None else np.array([[built.width(s, n) for n in layers] for s in neurons.sites])
    return Counts(name, neurons.header.model, neurons.languages, neurons.sites, values.astype(np.int64), widths)


def render_counts(found: Counts, form: str) -> str:
    """The counts in one of :data:`lnbench.reporting.FORMATS`: a table for each site, layers down.

    Raises:
        DataError: there is no such format.
    """
    if form == "json":
        return json.dumps(found.as_json(), ensure_ascii=False, indent=1) + "\n"
    if form == "csv":
        return _csv(found)
    if form not in FORMATS:
        raise DataError(f"there is no format {form!r}; choose among {', '.join(FORMATS)}")
    grids = [(site, _rows(found, at)) for at, site in enumerate(found.sites)]
    return render_grids(_title(found), grids, _sentences(found), form)


def _title(found: Counts) -> str:
    return f"{Path(found.name).name}: neurons by layer and language" + (f" ({found.model})" if found.model else "")


def _rows(found: Counts, site: int) -> list[list[str]]:
    """Header, layers, and a last row with the sum and one with its share of the site."""
    values = found.values[site]
    rows = [["layer", *found.languages]]
    rows += [[str(layer), *map(str, line)] for layer, line in enumerate(values.tolist())]
    rows.append(["all", *map(str, values.sum(axis=0).tolist())])
    if found.widths is not None and found.widths[site].sum():
        rows.append(["% of site", *(f"{100 * n / found.widths[site].sum():.2f}" for n in values.sum(axis=0))])
    return rows


def _sentences(found: Counts) -> list[str]:
    empty = [label for k, label in enumerate(found.languages) if not found.values[..., k].any()]
    told = ["A neuron of several languages counts for each of them."]
    return told + ([f"Without any neuron: {', '.join(empty)}."] if empty else [])


def _csv(found: Counts) -> str:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(["site", "layer", "language", "neurons", "width"])
    for s, n, k in np.ndindex(found.values.shape):
        width = "" if found.widths is None else int(found.widths[s, n])
        writer.writerow([found.sites[s], n, found.languages[k], int(found.values[s, n, k]), width])
    return made.getvalue()


def counts_png(found: Counts) -> bytes:
    """Heat maps, a panel for each site: layers down, languages across."""
    layers, languages = found.values.shape[1:]
    height = 1.4 + _INCHES * min(max(layers, 4), 64)
    across = min(3, len(found.sites))
    figure, axes = new_figure(-(-len(found.sites) // across), across, 1.9 + 0.42 * max(languages, 4), height)
    for at, axis in enumerate(axes[: len(found.sites)]):
        _panel(axis, found, at)
    for axis in axes[len(found.sites) :]:
        axis.set_axis_off()
    figure.suptitle(_title(found), fontsize=11)
    return png_bytes(figure)


def _panel(axis: Axes, found: Counts, site: int) -> None:
    values = found.values[site]
    heat_panel(
        *(axis, values.astype(np.float64), [str(layer) for layer in range(len(values))], found.languages),
        title=found.sites[site],
        shown=[[str(number) if number else "" for number in line] for line in values.tolist()],
        most=float(max(1, found.values.max())),  # of all sites: one scale
    )
    axis.set_ylabel("layer")
    axis.tick_params(axis="x", labelrotation=90 if max(map(len, found.languages)) > 4 else 0)


def counts_section(neurons: NeuronSet, name: str = "set") -> Section:
    """The counts as a section of a report."""
    found = counts_of(neurons, name)
    grids = [(site, _rows(found, at)) for at, site in enumerate(found.sites)]
    tables = [ShownTable(f"{name}, {site}: neurons by layer.", rows[0], rows[1:]) for site, rows in grids]
    text = f"How many neurons each language has in each layer and structure. {' '.join(_sentences(found))}"
    alt = "Neurons by layer and language, a panel for each site, as heat maps."
    picture = Picture("counts", alt, counts_png(found))
    return Section("counts", "Neurons by layer and structure", text, tables, [picture], found.as_json())
