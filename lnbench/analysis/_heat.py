"""Heat maps as the experiments draw them: panels with their numbers written in, as the bytes of a PNG file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["heat_panel", "new_figure", "png_bytes"]

#: More places than this have no numbers written in.
_MOST_NUMBERS = 800


def new_figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of panels of so many inches each, and the panels row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def heat_panel(
    figure: Figure,
    axis: Axes,
    values: npt.NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    shown: Sequence[Sequence[str]],
    most: float,
    signed: bool = False,
) -> None:
    """Fill one panel.

    Args:
        figure, axis: of :func:`new_figure`.
        values: ``[rows, columns]``, NaN for a place without a number, which stays grey.
        rows, columns: labels.
        title: above the panel.
        shown: what is written into each place.
        most: the end of the scale.
        signed: whether the scale goes from ``-most``, blue above 0 and red below.
    """
    axis.set_facecolor("0.85")
    low, colours = (-most, "RdBu") if signed else (0.0, "cividis")
    image = axis.imshow(values, cmap=colours, vmin=low, vmax=most, aspect="auto")
    axis.set_xticks(range(len(columns)), columns)
    step = max(1, len(rows) // 48 + (len(rows) > 48))
    axis.set_yticks(range(0, len(rows), step), list(rows)[::step])
    axis.set_title(title, fontsize=10)
    for (i, j), value in np.ndenumerate(values) if values.size <= _MOST_NUMBERS else ():
        strong = bool(abs(value) > 0.6 * most)  # NaN compares false
        colour = ("white" if strong else "black") if signed or np.isnan(value) else ("black" if strong else "white")
        axis.text(j, i, shown[i][j], ha="center", va="center", fontsize=8, color=colour)
    figure.colorbar(image, ax=axis, shrink=0.9)


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file; where it is narrower than its title, the picture is as wide as that."""
    made = io.BytesIO()
    figure.savefig(made, dpi=150, format="png", bbox_inches="tight", pad_inches=0.1)
    return made.getvalue()
