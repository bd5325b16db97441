"""A neuron set as a picture: how its languages overlap, and in which layers its neurons are."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lnbench.detection import compare
from lnbench.neurons import NeuronSet, summary
from lnbench.reporting._heat import empty_figure, heat_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]
#: More cells than this have no numbers written in them.
_MOST_NUMBERS = 600
_LONGEST_LABEL = 14


def set_picture(neurons: NeuronSet, name: str) -> bytes:
    """A PNG of two heat maps: neurons that every two languages share (colour: Jaccard), and neurons of each layer.

    A set of one language has the second only.

    Args:
        neurons: the set, with at least one language.
        name: for the title.

    Raises:
        SpecError: the set has no language.
    """
    languages = len(neurons.languages)
    widths = [1.6 + 0.42 * languages] * (languages > 1) + [1.6 + min(9.0, max(2.4, 0.34 * neurons.layers))]
    figure = empty_figure(sum(widths) + 0.6, 1.7 + 0.38 * languages)
    axes = figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0]
    if languages > 1:
        _overlap(figure, axes[0], neurons)
    _layers(figure, axes[-1], neurons)
    figure.suptitle(_printable(name), fontsize=11, parse_math=False)
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # drawn as a box
        figure.savefig(data, dpi=120, format="png")
    return data.getvalue()


def _overlap(figure: Figure, axis: Axes, neurons: NeuronSet) -> None:
    labels = [_printable(label, _LONGEST_LABEL) for label in neurons.languages]
    pairs = compare(neurons, neurons).pairs
    jaccard, shared = (_square([getattr(p, of) for p in pairs], len(labels)) for of in ("jaccard", "shared"))
    title = "neurons that two languages share"
    image = heat_panel(
        axis, jaccard, labels, labels, title=title, shown=_numbers(shared), most=1.0, size=_size(shared), key=False
    )
    axis.tick_params(axis="x", labelrotation=90 if max(map(len, labels)) > 3 else 0)
    figure.colorbar(image, ax=axis, label="Jaccard")


def _layers(figure: Figure, axis: Axes, neurons: NeuronSet) -> None:
    from matplotlib.ticker import MaxNLocator

    counts = summary(neurons)["counts"]["language_layer"]
    values = np.array(list(counts.values()), dtype=np.float64).reshape(len(counts), max(1, neurons.layers))
    most = max(1.0, values.max(initial=0))
    labels = [_printable(label, _LONGEST_LABEL) for label in counts]
    shown = _numbers(values if most < 1000 else np.full_like(values, np.nan))  # wider numbers do not fit
    image = heat_panel(
        axis, values, labels, [], title="neurons by layer", shown=shown, most=most, size=_size(values), key=False
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("layer")
    figure.colorbar(image, ax=axis, label="neurons", ticks=MaxNLocator(integer=True))


def _numbers(values: Array) -> list[list[str]]:
    """What is written into each place; nothing where there are too many."""
    fits = values.size <= _MOST_NUMBERS
    return [[f"{value:.0f}" if fits and np.isfinite(value) else "" for value in line] for line in values]


def _size(values: Array) -> float:
    return float(max(5, 8 - max(values.shape) // 10))


def _square(values: list[float], side: int) -> Array:
    return np.array(values, dtype=np.float64).reshape(side, side)


def _printable(text: str, longest: int = 60) -> str:
    """One short line; a label may come from a stranger."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 3]}..."
