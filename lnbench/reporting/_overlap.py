"""Overlap of neuron sets as tables and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from lnbench._write import whole
from lnbench.detection import Comparison
from lnbench.reporting._heat import heat_panel, new_figure, png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = ["overlap_table", "pair_table", "plot_overlap"]


def overlap_table(c: Comparison) -> str:
    """One row per language that both sets have: sizes, shared neurons beside those expected by chance, Jaccard, rank
    correlation of the scores by place."""
    own = [one for one in c.pairs if one.of_a == one.of_b]
    ranks = {
        label: [f"{a.place} {a.rho:+.2f} ({a.n})" for a in c.agreements if a.language == label]
        for label in _labels(c)[0]
    }
    rows = [
        [
            *(one.of_a, str(one.size_a), str(one.size_b), str(one.shared)),
            *(_number(one.chance, 1), _number(one.jaccard, 2)),
            ", ".join(ranks[one.of_a]).replace("+nan", "-") or "-",
        ]
        for one in own
    ]
    headers = ["language", "first", "second", "shared", "by chance", "Jaccard", "rank correlation (neurons)"]
    return tabulate(rows, headers=headers, stralign="right", disable_numparse=True)


def pair_table(c: Comparison) -> str:
    """Jaccard of every language of the first set (rows) with every language of the second (columns), in percent."""
    rows, columns = _labels(c)
    table = [
        [label, *(_number(100 * value, 0) for value in line)] for label, line in zip(rows, _matrix(c), strict=True)
    ]
    return tabulate(table, headers=["", *columns], stralign="right", disable_numparse=True)


def plot_overlap(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write heat maps as PNG: a row of two panels per comparison, language pairs and layers.

    Raises:
        OutputError: the path cannot be written.
    """
    tall = max(max(len(_labels(c)[0]), len(_layer_labels(c))) for c in comparisons)
    figure, axes = new_figure(len(comparisons), 2, 5.5, 1.4 + 0.36 * tall)
    for left, right, c in zip(axes[::2], axes[1::2], comparisons, strict=True):
        rows, columns = _labels(c)
        _panel(left, _matrix(c), rows, columns, "language pairs")
        left.set_xlabel(c.b)
        left.set_ylabel(c.a)
        image = _panel(right, *_layers(c), f"same language, by layer: {c.a} and {c.b}")
    figure.colorbar(image, ax=axes, label="Jaccard", shrink=0.9)
    with whole(path) as part:
        part.write_bytes(png_bytes(figure))


def _panel(
    axis: Axes, values: npt.NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], title: str
) -> AxesImage:
    shown = [[_short(value) for value in line] for line in values]
    return heat_panel(axis, values, rows, columns, title=title, shown=shown, most=1.0, size=7, key=False)


def _short(value: float) -> str:
    return "-" if math.isnan(value) else "0" if value < 0.005 else f"{value:.2f}".removeprefix("0")


def _labels(c: Comparison) -> tuple[list[str], list[str]]:
    return list(dict.fromkeys(one.of_a for one in c.pairs)), list(dict.fromkeys(one.of_b for one in c.pairs))


def _matrix(c: Comparison) -> npt.NDArray[np.float64]:
    rows, columns = _labels(c)
    return np.array([one.jaccard for one in c.pairs], dtype=np.float64).reshape(len(rows), len(columns))


def _layer_labels(c: Comparison) -> list[str]:
    return list(
        dict.fromkeys(f"{one.place} {one.layer}" for one in sorted(c.layers, key=lambda o: (str(o.place), o.layer)))
    )


def _layers(c: Comparison) -> tuple[npt.NDArray[np.float64], list[str], list[str]]:
    """Values [layer, language], their labels."""
    labels, languages = _layer_labels(c), list(dict.fromkeys(one.of_a for one in c.layers))
    values = np.full((max(1, len(labels)), max(1, len(languages))), np.nan)
    for one in c.layers:
        values[labels.index(f"{one.place} {one.layer}"), languages.index(one.of_a)] = one.jaccard
    return values, labels or ["no neurons"], languages or ["-"]


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
