"""Heat maps as every picture draws them: panels with their numbers written in, in colours told apart without red and
green, the same as on the page."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["empty_figure", "heat_panel", "new_figure", "png_bytes"]

#: More places than this have no numbers written in.
_MOST_NUMBERS = 800
#: More rows than this are not all labelled.
_MOST_ROWS = 48
_MISSING = 0.85
#: Changes for the worse, none, changes for the better: Okabe and Ito's vermilion and blue.
_CHANGES = ("#d55e00", "#ffffff", "#2b8fd0")


def empty_figure(width: float, height: float) -> Figure:
    """A figure of so many inches, without panels; it needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def new_figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of panels of so many inches each, and the panels row by row."""
    figure = empty_figure(width * columns, height * rows)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def heat_panel(
    axis: Axes,
    values: npt.NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    shown: Sequence[Sequence[str]],
    most: float,
    worse: int = 0,
    size: float = 8,
    framed: Iterable[tuple[int, int]] = (),
    key: bool = True,
) -> AxesImage:
    """Fill one panel.

    Args:
        axis: one of :func:`new_figure`.
        values: ``[rows, columns]``, NaN for a place without a number, which stays grey.
        rows, columns: labels, shown as they are; without columns the axis keeps its own ticks.
        title: above the panel.
        shown: what is written into each place, black or white, whichever is easier to read there.
        most: the end of the scale.
        worse: 0 for a scale from 0; else the sign of a change for the worse, orange on a scale from ``-most``.
        size: of the numbers, in points.
        framed: places with a frame.
        key: whether the panel has a colour scale of its own.
    """
    axis.set_facecolor(str(_MISSING))
    colours = _changes(worse) if worse else "cividis"
    image = axis.imshow(
        values, cmap=colours, vmin=-most if worse else 0.0, vmax=most, aspect="auto", interpolation="nearest"
    )
    if columns:
        axis.set_xticks(range(len(columns)), columns, parse_math=False)
    step = max(1, len(rows) // _MOST_ROWS + (len(rows) > _MOST_ROWS))
    axis.set_yticks(range(0, len(rows), step), list(rows)[::step], parse_math=False)
    axis.set_title(title, fontsize=10)
    if values.size <= _MOST_NUMBERS:
        _write(axis, image, values, shown, size)
    _frame(axis, framed)
    if key:
        axis.figure.colorbar(image, ax=axis, shrink=0.9)
    return image


def _write(
    axis: Axes, image: AxesImage, values: npt.NDArray[np.float64], shown: Sequence[Sequence[str]], size: float
) -> None:
    grounds = np.asarray(image.cmap(image.norm(values)))[..., :3]
    grounds[np.isnan(values)] = _MISSING
    middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size, "parse_math": False}
    for i, j in np.ndindex(values.shape):
        axis.text(j, i, shown[i][j], color=_ink(grounds[i, j].tolist()), **middle)


def _frame(axis: Axes, places: Iterable[tuple[int, int]]) -> None:
    from matplotlib.patches import Rectangle

    for row, column in places:
        axis.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, linewidth=0.9))


def _ink(ground: Sequence[float]) -> str:
    """Black or white, whichever has more contrast (WCAG 2) to what is below."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in ground]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "white"


@cache
def _changes(worse: int) -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("changes", _CHANGES if worse < 0 else _CHANGES[::-1])


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file; where it is narrower than its title, the picture is as wide as that."""
    made = io.BytesIO()
    figure.savefig(made, dpi=150, format="png", bbox_inches="tight", pad_inches=0.1)
    return made.getvalue()
