"""A neuron set as a picture: how its languages overlap, and in which layers its neurons are."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lnbench.detection import compare
from lnbench.neurons import NeuronSet, summary

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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    languages = len(neurons.languages)
    widths = [1.6 + 0.42 * languages] * (languages > 1) + [1.6 + min(9.0, max(2.4, 0.34 * neurons.layers))]
    figure = Figure(figsize=(sum(widths) + 0.6, 1.7 + 0.38 * languages), layout="constrained")
    FigureCanvasAgg(figure)
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
    image = axis.imshow(jaccard, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    _label(axis, labels)
    axis.set_xticks(range(len(labels)), labels, rotation=90 if max(map(len, labels)) > 3 else 0, parse_math=False)
    axis.set_title("neurons that two languages share", fontsize=10)
    figure.colorbar(image, ax=axis, label="Jaccard")
    _write_numbers(axis, shared, jaccard)


def _layers(figure: Figure, axis: Axes, neurons: NeuronSet) -> None:
    from matplotlib.ticker import MaxNLocator

    counts = summary(neurons)["counts"]["language_layer"]
    values = np.array(list(counts.values()), dtype=np.float64).reshape(len(counts), max(1, neurons.layers))
    most = max(1.0, values.max(initial=0))
    image = axis.imshow(values, cmap="cividis", vmin=0, vmax=most, aspect="auto", interpolation="nearest")
    _label(axis, [_printable(label, _LONGEST_LABEL) for label in counts])
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("layer")
    axis.set_title("neurons by layer", fontsize=10)
    figure.colorbar(image, ax=axis, label="neurons", ticks=MaxNLocator(integer=True))
    if most < 1000:  # wider numbers do not fit
        _write_numbers(axis, values, values / most)


def _label(axis: Axes, labels: list[str]) -> None:
    axis.set_yticks(range(len(labels)), labels, parse_math=False)


def _write_numbers(axis: Axes, numbers: Array, brightness: Array) -> None:
    """Write a number into every cell, dark on bright ones; not where there are too many."""
    if numbers.size > _MOST_NUMBERS:
        return
    size = max(5, 8 - max(numbers.shape) // 10)
    for (i, j), value in np.ndenumerate(brightness):
        color = "black" if not value <= 0.5 else "white"  # NaN (two empty languages) has no colour behind it
        axis.text(j, i, f"{numbers[i, j]:.0f}", ha="center", va="center", fontsize=size, color=color)


def _square(values: list[float], side: int) -> Array:
    return np.array(values, dtype=np.float64).reshape(side, side)


def _printable(text: str, longest: int = 60) -> str:
    """One short line; a label may come from a stranger."""
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 3]}..."
