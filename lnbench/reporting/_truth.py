"""Precision and recall against planted truth, as tables and as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from lnbench._write import whole
from lnbench.detection import TruthScore
from lnbench.reporting._heat import empty_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["grid_table", "plot_truth", "truth_table"]


def truth_table(scores: Sequence[TruthScore], *, by_layer: bool = False) -> str:
    """One row per language (and layer), the mean over languages last."""
    rows = [
        [_name(one), *(["all" if one.layer is None else str(one.layer)] if by_layer else []), *_cells(one)]
        for one in scores
        if by_layer or one.layer is None
    ]
    headers = ["language", *(["layer"] if by_layer else []), *_HEADERS]
    return tabulate(rows, headers=headers, stralign="right", disable_numparse=True)


def grid_table(found: Mapping[str, Sequence[TruthScore]]) -> str:
    """One row per set: means over the languages, and the F1 of mean precision and mean recall."""
    rows = []
    for name, scores in found.items():
        mean = next(one for one in scores if one.language is None)
        rows.append([name, *_cells(mean), _rate(_f1(mean.precision, mean.recall))])
    headers = ["set", *_HEADERS, "F1"]
    return tabulate(rows, headers=headers, colalign=("left", *["right"] * 7), disable_numparse=True)


_HEADERS = ["found", "planted", "hits", "precision", "recall", "average precision"]


def plot_truth(curves: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], path: Path, *, title: str) -> None:
    """Write precision over recall as PNG: a panel per set, a line per language, its end marked.

    Args:
        curves: set -> language -> (recall, precision) after each neuron in order of score.
        path, title: the file, and the line above.

    Raises:
        OutputError: the path cannot be written.
    """
    columns = min(3, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure = empty_figure(1 + 4 * columns, 0.8 + 3.4 * rows)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis, (name, lines) in zip(axes.flat, curves.items(), strict=False):
        _panel(axis, name, lines)
    for axis in list(axes.flat)[len(curves) :]:
        axis.set_visible(False)
    axes.flat[0].legend(fontsize=7, ncols=2, loc="lower left")
    figure.suptitle(title, fontsize=11)
    with whole(path) as part:
        figure.savefig(part, dpi=150, format="png")


def _name(one: TruthScore) -> str:
    return one.language or "mean"


def _cells(one: TruthScore) -> list[str]:
    counts = [f"{value:.1f}".removesuffix(".0") for value in (one.found, one.planted, one.hits)]
    return [*counts, *map(_rate, (one.precision, one.recall, one.average_precision))]


def _f1(precision: float, recall: float) -> float:
    total = precision + recall
    return math.nan if math.isnan(total) else 2 * precision * recall / total if total else 0.0


def _rate(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _panel(axis: Axes, name: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    for number, (language, curve) in enumerate(lines.items()):
        recall, precision = [r for r, _ in curve], [p for _, p in curve]
        # Colour and dashes both, so that lines are told apart in print and by every eye.
        axis.plot(recall, precision, color=f"C{number % 10}", ls=("-", "--", ":", "-.")[number % 4], label=language)
        axis.plot(recall[-1:], precision[-1:], "o", ms=4, color=f"C{number % 10}")
    axis.set_title(name, fontsize=9)
    axis.grid(color="0.9")
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.02, 1.05)
    axis.set_xlabel("recall")
    axis.set_ylabel("precision")
