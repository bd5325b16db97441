"""The picture of a tuning experiment: learning curves, the tuned language by documents, and the other languages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from lnbench.analysis.tuning._result import TuningResult
from lnbench.analysis.tuning._summary import effects
from lnbench.reporting import empty_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colours that stay apart for the colour-blind (Okabe and Ito), and marks that stay apart in grey.
_STYLE = {"random": ("#999999", "s"), "specific": ("#0072B2", "o"), "full": ("#D55E00", "^")}
_NAMES = {"random": "random neurons", "specific": "language-specific", "full": "all parameters"}


def picture(result: TuningResult, title: str) -> bytes:
    """A PNG: bits per byte over steps, and after tuning over the number of documents; bands are 95 % intervals."""
    panels = 3 if result.others else 2
    figure = empty_figure(0.6 + 4.2 * panels, 3.9)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _curves(axes[0], result)
    _by_documents(axes[1], result, "own", f"{result.language}, after tuning")
    if result.others:
        _by_documents(axes[2], result, "others_change", "other languages, mean change")
    handles, labels = axes[1].get_legend_handles_labels()
    signs = "Left: mean and span of the seeds. Whiskers: 95 % intervals of the mean over seeds."
    place: dict[str, Any] = {"loc": "outside lower center", "ncols": len(labels), "frameon": False}
    figure.legend(handles, labels, **place, fontsize=9, title=signs, title_fontsize=8)
    figure.suptitle(title, fontsize=11)
    out = io.BytesIO()
    figure.savefig(out, dpi=150, format="png")
    return out.getvalue()


def _curves(axis: Axes, result: TuningResult) -> None:
    """The largest number of documents, over optimizer steps; mean over seeds, and the span of the seeds."""
    largest, language = result.sizes[-1], result.language
    start = result.original[language]
    for condition in result.conditions:
        runs = result.of(condition, largest)
        steps = [0, *(point.step for point in runs[0].points)]
        values = np.array([[start, *(point.bits_per_byte[language] for point in run.points)] for run in runs])
        colour, mark = _STYLE[condition]
        axis.plot(steps, values.mean(axis=0), color=colour, marker=mark, markersize=4)
        axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    axis.axhline(start, color="black", linestyle=":", linewidth=1)
    _label(axis, f"{language}, {largest} documents", "optimizer steps", "bits per byte")


def _by_documents(axis: Axes, result: TuningResult, what: str, title: str) -> None:
    before = result.original[result.language] if what == "own" else 0.0
    for condition in result.conditions:
        rows = [one for one in effects(result) if one.condition == condition]
        estimates = [getattr(one, what) for one in rows]
        means = [estimate.mean for estimate in estimates]
        ends = [[e.mean - e.low for e in estimates], [e.high - e.mean for e in estimates]]
        colour, mark = _STYLE[condition]
        shown: dict[str, Any] = {
            "color": colour,
            "marker": mark,
            "markersize": 5,
            "capsize": 3,
            "label": _NAMES[condition],
        }
        axis.errorbar(range(len(rows)), means, yerr=np.nan_to_num(ends), **shown)
    axis.axhline(before, color="black", linestyle=":", linewidth=1, label="original")
    axis.set_xticks(range(len(result.sizes)), [str(size) for size in result.sizes])
    _label(axis, title, "documents", "bits per byte" if what == "own" else "change in bits per byte")


def _label(axis: Axes, title: str, below: str, beside: str) -> None:
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(below)
    axis.set_ylabel(beside)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.25)
