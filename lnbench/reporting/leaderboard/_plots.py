"""Pictures for papers: heat maps, bars, dose-response and layers with matplotlib, as PNG and SVG in one look.

The same numbers as on the page. Fills differ by hatching and lines by marker, so that print in grey is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lnbench._write import whole
from lnbench.errors import OutputError
from lnbench.reporting._heat import empty_figure, heat_panel
from lnbench.reporting._look import FRAME, LINE_COLOURS, LINE_MARKERS, WHISKERS, caption, mark_words
from lnbench.reporting.leaderboard._board import Leaderboard
from lnbench.reporting.leaderboard._names import shown
from lnbench.reporting.leaderboard._show import doses_of, layers_of
from lnbench.reporting.leaderboard._sources import is_instrument
from lnbench.reporting.page import Bar, Bars, Dose, Heat, bars_of, dose_of, heats_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["plot_bars", "plot_dose", "plot_heats", "plot_layers", "write_plots"]

_FILLS = (("#8C8C8C", ""), ("#FFFFFF", "////"), ("#D55E00", ""), ("#56B4E9", ".."))
_LOOK: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "lnbench",
    "font.family": ["DejaVu Sans"],
}


def write_plots(board: Leaderboard, folder: Path) -> list[Path]:
    """Write every picture of a leaderboard, each as PNG (200 dots an inch) and SVG.

    Returns:
        The files.

    Raises:
        OutputError: a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {str(folder)!r}: {error.strerror}; choose another") from error
    return [path for name, draw in _pictures(board) for path in _saved(draw, folder / name)]


def plot_heats(heats: Sequence[Heat], unit: str, title: str) -> Figure:
    """A panel for each condition, one colour scale."""
    wide, high = len(heats[0].languages), max(len(heat.ablated) for heat in heats)
    figure = empty_figure(max(4.8, 1.5 + (0.5 + 0.5 * wide) * len(heats)), max(2.4, 1.4 + 0.38 * high))
    axes = figure.subplots(1, len(heats), squeeze=False, sharey=all(h.ablated == heats[0].ablated for h in heats))[0]
    for axis, heat in zip(axes, heats, strict=True):
        image = _heat(axis, heat)
    axes[0].set_ylabel("ablated language")
    figure.colorbar(image, ax=list(axes), label=f"change, {unit}", shrink=0.9)
    figure.suptitle(title, fontsize=10)
    marks = "".join(mark for heat in heats for line in heat.marks for mark in line)
    caption(figure, FRAME, mark_words(marks))
    return figure


def plot_bars(bars: Bars, unit: str, title: str) -> Figure:
    """Original, random and specific on the ablated language itself, with intervals."""
    figure = empty_figure(max(4.8, 1.5 + 0.75 * len(bars.languages)), 3.0)
    axis = figure.subplots()
    width = 0.8 / len(bars.groups)
    for kind, (label, group) in enumerate(bars.groups.items()):
        at = np.arange(len(group)) + width * (kind - (len(bars.groups) - 1) / 2)
        colour, hatch = _FILLS[kind % len(_FILLS)]
        known = [0.0 if math.isnan(bar.value) else bar.value for bar in group]
        axis.bar(at, known, 0.92 * width, color=colour, hatch=hatch, edgecolor="black", linewidth=0.6, label=label)
        _whiskers(axis, at, group)
    axis.set_xticks(range(len(bars.languages)), bars.languages)
    axis.set_xlabel("ablated and evaluated language")
    axis.set_ylabel(unit)
    axis.set_title(title, wrap=True)
    figure.legend(loc="outside lower center", ncols=len(bars.groups), title=WHISKERS, title_fontsize=8)
    return figure


def plot_dose(dose: Dose, unit: str, title: str) -> Figure:
    """The score of each ablated language on itself, by dose."""
    figure = empty_figure(4.6, 3.0)
    axis = figure.subplots()
    for at, (code, line) in enumerate(dose.lines.items()):
        x, bars = np.array([point.dose for point in line]), [point.bar for point in line]
        colour, marker = LINE_COLOURS[at % len(LINE_COLOURS)], LINE_MARKERS[at % len(LINE_MARKERS)]
        axis.plot(x, [bar.value for bar in bars], label=code, linewidth=1.3, markersize=5, color=colour, marker=marker)
        _whiskers(axis, x, bars, colour=colour)
    axis.set_xticks(sorted({point.dose for line in dose.lines.values() for point in line}))
    axis.set_xlabel(dose.label)
    axis.set_ylabel(unit)
    axis.set_title(title, wrap=True)
    figure.legend(loc="outside right center")
    caption(figure, "Whiskers: 95 % intervals.")
    return figure


def plot_layers(layers: Mapping[str, Sequence[int]], title: str) -> Figure:
    """Neurons of each language by layer, on one scale; above each its number of neurons."""
    from matplotlib.ticker import MaxNLocator

    columns = min(4, len(layers))
    rows = math.ceil(len(layers) / columns)
    figure = empty_figure(1.0 + 1.5 * columns, 0.9 + 1.1 * rows)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axis in axes.flat[len(layers) :]:
        axis.set_visible(False)
    for axis, (code, counts) in zip(axes.flat, layers.items(), strict=False):
        axis.bar(range(len(counts)), counts, color=LINE_COLOURS[0], width=0.9)
        axis.set_title(f"{code}: {sum(counts)}")
        axis.tick_params(labelbottom=True)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel("layer (above each: neurons in all layers)", fontsize=9)
    figure.supylabel("neurons", fontsize=9)
    figure.suptitle(title, fontsize=10)
    return figure


def _pictures(board: Leaderboard) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name of the files, and what draws them."""
    doses = {source.name: doses_of(source.conditions) for source in board.sources}
    owners = [source.name for source, tables in zip(board.sources, board.tables, strict=True) for _ in tables]
    for owner, (name, table) in zip(owners, board.named, strict=True):
        title, changed = f"{_model(table.model)}: {table.dataset}", "points" if table.percent else table.metric
        unit = f"{table.metric}, percent" if table.percent else table.metric
        heats = [heat for heat in heats_of(table) if heat.condition in ("random", "specific")]
        if heats:
            yield f"{name}-matrix", lambda h=heats, u=changed, t=title: plot_heats(h, u, t)  # type: ignore[misc]
        bars, dose = bars_of(table), dose_of(table, doses[owner])
        if bars is not None:
            yield f"{name}-bars", lambda b=bars, u=unit, t=title: plot_bars(b, u, t)  # type: ignore[misc]
        if dose is not None:
            yield f"{name}-dose", lambda d=dose, u=unit, t=title: plot_dose(d, u, t)  # type: ignore[misc]
    for source, tables in zip(board.sources, board.tables, strict=True):
        layers = layers_of(source, tables)
        if layers:
            yield (
                f"{source.name}-layers",
                lambda n=layers, t=source.model: plot_layers(n, f"{_model(t)}: neurons by layer"),  # type: ignore[misc]
            )


def _model(name: str) -> str:
    """Its name without line breaks and mathematics, and what must be said of the embedded model on every picture."""
    plain = shown(name).replace("\n", " ").replace("$", r"\$")
    return f"{plain} (planted positive control)" if is_instrument(name) else plain


def _saved(draw: Callable[[], Figure], stem: Path) -> list[Path]:
    import matplotlib as mpl

    made = []
    with mpl.rc_context(_LOOK):
        figure = draw()
        for form, more in (("png", {"dpi": 200}), ("svg", {"metadata": {"Date": None}})):
            path = stem.with_name(f"{stem.name}.{form}")
            with whole(path) as part:
                figure.savefig(part, format=form, **more)
            made.append(path)
    return made


def _heat(axis: Axes, heat: Heat) -> AxesImage:
    values = np.array(heat.values, dtype=np.float64)
    digits = 0 if heat.limit > 20 else 2
    shown = [
        [_written(value, digits) + mark for value, mark in zip(line, marks, strict=True)]
        for line, marks in zip(heat.values, heat.marks, strict=True)
    ]
    own = [(row, heat.languages.index(code)) for row, code in enumerate(heat.ablated) if code in heat.languages]
    image = heat_panel(
        *(axis, values, heat.ablated, heat.languages),
        title=heat.condition,
        shown=shown,
        most=heat.limit,
        worse=heat.worse,
        size=7.5,
        framed=own,
        key=False,
    )
    axis.set_xlabel("evaluated language")
    return image


def _written(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:+.{digits}f}" if abs(value) >= 0.5 * 10**-digits else "0"


def _whiskers(axis: Axes, x: Any, bars: Sequence[Bar], colour: str = "black") -> None:
    low, high = ([max(0.0, n) for n in ends] for ends in _lengths(bars))
    known = [math.isfinite(bar.value) and math.isfinite(bar.low) for bar in bars]
    if any(known):
        values = np.array([bar.value for bar in bars])
        lengths = np.array([low, high])[:, known]
        axis.errorbar(x[known], values[known], lengths, fmt="none", ecolor=colour, elinewidth=0.9, capsize=2)


def _lengths(bars: Sequence[Bar]) -> tuple[list[float], list[float]]:
    return [bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars]
