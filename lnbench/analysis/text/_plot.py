"""Pictures of the matrix, of steering, and of doses, as the bytes of PNG files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lnbench.analysis.text._dose import Curve
from lnbench.analysis.text._matrix import LossMatrix
from lnbench.analysis.text._steering import Measure, Steering
from lnbench.reporting import LINE_COLOURS, LINE_MARKERS, heat_panel, new_figure, png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["dose_png", "matrix_png", "steering_png"]

FloatArray = npt.NDArray[np.float64]
_AXES = {
    ("strength", True): "neurons set to so many times their mean",
    ("strength", False): "activations multiplied with",
    ("top", True): "neurons of each language, highest scores first",
    ("top", False): "neurons off, highest scores first",
}
#: Responses to steering.
_SHARES = ("target", "source")
_STEERED = (*_SHARES, "text")

_READING = (
    "Whiskers: 95 % intervals. Bands: random sets, one standard deviation each way; steered, least to most.\n"
    "Dotted: the original."
)


def matrix_png(found: Sequence[LossMatrix]) -> bytes:
    """A row of panels for each metric: matched random neurons, the language's own; one scale for both."""
    first = found[0]
    figure, axes = new_figure(
        len(found), 2, 1.8 + 0.62 * len(first.languages), max(2.3, 1.2 + 0.36 * len(first.ablated))
    )
    for at, one in enumerate(found):
        _changes(axes[2 * at : 2 * at + 2], one)
    figure.suptitle(f"{first.table.model}: change against the original", fontsize=11)
    return png_bytes(figure)


def _changes(axes: Sequence[Axes], one: LossMatrix) -> None:
    panels = {"random": one.changes(control=True), one.condition: one.changes()}
    most = max(float(np.nanmax(np.abs(values), initial=0.0)) for values in panels.values()) or 1.0
    for axis, (name, values) in zip(axes, panels.items(), strict=True):
        seeds = f" (mean of {_draws(one)})" if name == "random" else ""
        heat_panel(
            *(axis, values, one.ablated, one.languages),
            title=f"{name}{seeds}, {one.unit}",
            shown=_signed(values),
            most=most,
            worse=-1 if one.table.higher_is_better else 1,
        )
        axis.set_xlabel("evaluated language")
        axis.set_ylabel("ablated language")


def steering_png(found: Sequence[Steering]) -> bytes:
    """The share answered in the language steered to, and what its text costs, beside random neurons."""
    sources = list(dict.fromkeys(one.dose.source for one in found))
    targets = list(dict.fromkeys([*sources, *(one.target for one in found)]))
    targets = [code for code in targets if any(one.target == code for one in found)]
    rows = [("share answered in B", lambda one: one.shares["target"], 1.0, "{:.2f}")]
    if any("text" in one.kept for one in found):
        rows.append(("bits per byte of B text", lambda one: one.kept.get("text"), 0.0, "{:.3f}"))
    figure, axes = new_figure(len(rows), 2, 2.0 + 0.62 * max(len(targets), 3), max(2.4, 1.2 + 0.36 * len(sources)))
    for at, (what, measure, most, form) in enumerate(rows):
        panels = [_square(found, sources, targets, measure, random) for random in (True, False)]
        end = most or max(float(np.nanmax(np.abs(values), initial=0.0)) for values in panels) or 1.0
        for axis, values, name in zip(axes[2 * at : 2 * at + 2], panels, ("random", "steered"), strict=True):
            shown = [["-" if math.isnan(value) else form.format(value) for value in row] for row in values]
            heat_panel(axis, values, sources, targets, title=f"{name}: {what}", shown=shown, most=end)
            axis.set_xlabel("steered to (B)")
            axis.set_ylabel("asked in (A)")
    figure.suptitle(f"{found[0].model} on {found[0].dataset}: A's neurons off, B's on", fontsize=11)
    return png_bytes(figure)


def dose_png(found: Sequence[Curve]) -> bytes:
    """A row of panels for each kind of dose, a column for each response; a line for each curve, dashed for random."""
    overs = [over for over in ("strength", "top") if any(one.over == over for one in found)]
    responses = list(dict.fromkeys(one.response for one in found))
    names = list(dict.fromkeys(one.name for one in found))
    figure, axes = new_figure(len(overs), len(responses), 3.9, 3.1)
    for at, over in enumerate(overs):
        for to, response in enumerate(responses):
            drawn = [one for one in found if (one.over, one.response) == (over, response)]
            _panel(axes[at * len(responses) + to], drawn, names)
    _legend(figure, axes[0])
    return png_bytes(figure)


def _legend(figure: Figure, axis: Axes) -> None:
    """One for all panels, below them, in the order of the names."""
    entries = sorted(zip(*axis.get_legend_handles_labels(), strict=True), key=lambda entry: str(entry[1]))
    handles, labels = zip(*entries, strict=True)
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=_legend_columns(figure.get_figwidth(), labels),
        fontsize=8,
        frameon=False,
        title=_READING,
        title_fontsize=7,
    )


def _legend_columns(inches: float, labels: Sequence[str]) -> int:
    """As many as fit beside each other: at 8 points a letter takes 0.065 inches, a line and its space 0.6."""
    return max(1, min(4, len(labels), int(inches / (0.6 + 0.065 * max(map(len, labels))))))


def _panel(axis: Axes, drawn: Sequence[Curve], names: Sequence[str]) -> None:
    if not drawn:
        axis.set_axis_off()
        return
    for one in drawn:
        _curve(axis, one, names.index(one.name))
    axis.set_xlabel(_AXES[drawn[0].over, drawn[0].response in _STEERED], fontsize=8)
    axis.set_title(_common([one.words for one in drawn], drawn[0].response), fontsize=9)
    axis.tick_params(labelsize=8)
    if drawn[0].response in _SHARES:
        axis.set_ylim(-0.05, 1.05)


def _curve(axis: Axes, one: Curve, at: int) -> None:
    """Its line with whiskers, the random neurons' dashed in a band, and the original as a dotted level."""
    colour, marker = LINE_COLOURS[at % len(LINE_COLOURS)], LINE_MARKERS[at % len(LINE_MARKERS)]
    x = [point.dose for point in one.points]
    errors = [
        [max(0.0, point.value - point.low) for point in one.points],
        [max(0.0, point.high - point.value) for point in one.points],
    ]
    axis.errorbar(
        *(x, [point.value for point in one.points]), yerr=np.nan_to_num(np.array(errors)),
        color=colour, marker=marker, markersize=4.5, linewidth=1.4, capsize=2, label=one.name,
    )  # fmt: skip
    label = f"{one.name}, random neurons"
    axis.plot(x, [point.random for point in one.points], "--", color=colour, linewidth=1.2, label=label)
    low, high = ([getattr(point, name) for point in one.points] for name in ("random_low", "random_high"))
    axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.axhline(one.original, color="0.5", linewidth=0.8, linestyle=":")


def _common(words: Sequence[str], response: str) -> str:
    """The title of a panel: the words of its only curve, or what several have in common."""
    general = {
        "target": "share answered in the language steered to",
        "source": "share answered in the language asked in",
        "text": "bits per byte, language steered to",
    }
    return words[0] if len(set(words)) == 1 else general.get(response, response)


def _square(
    found: Sequence[Steering],
    sources: Sequence[str],
    targets: Sequence[str],
    measure: Callable[[Any], Measure | None],
    random: bool,
) -> FloatArray:
    values = np.full((len(sources), len(targets)), np.nan)
    for one in found:
        number = measure(one)
        if number is not None:
            place = (sources.index(one.dose.source), targets.index(one.target))
            values[place] = number.random if random else number.steered
    return values


def _signed(values: FloatArray) -> list[list[str]]:
    return [["-" if math.isnan(value) else f"{value:+.2f}" for value in row] for row in values]


def _draws(one: LossMatrix) -> int:
    return max((one.random(a, e).K for a in one.ablated for e in one.languages), default=0)
