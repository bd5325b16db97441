"""The ablation matrix as a picture: one panel for matched random ablation, one for language-specific ablation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lnbench._write import whole
from lnbench.reporting._matrix import Matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


def plot_matrix(m: Matrix, path: Path, *, title: str) -> None:
    """Write the change against the original (points of 100) as a heat map to a PNG file.

    Raises:
        OutputError: the path cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = {"specific": 100 * (m.specific - m.original)}
    if m.random.size:
        seeds = m.random.shape[1]
        panels = {f"random (mean of {seeds})": 100 * (m.random.mean(axis=1) - m.original)} | panels
    figure = Figure(figsize=(1.2 + 4.6 * len(panels), 1.9 + 0.45 * len(m.ablated)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (name, values) in zip(axes, panels.items(), strict=True):
        image = _panel(axis, m, values, name)
    figure.colorbar(image, ax=list(axes), label="change against the original, points", shrink=0.9)
    figure.suptitle(title, fontsize=11)
    with whole(path) as part:
        figure.savefig(part, dpi=150, format="png")


def _panel(axis: Axes, m: Matrix, values: npt.NDArray[np.float64], name: str) -> AxesImage:
    # One scale for all panels and runs: 100 points down to 100 points up.
    image = axis.imshow(values, cmap="RdBu", vmin=-100, vmax=100, aspect="auto")
    axis.set_xticks(range(len(m.languages)), m.languages)
    axis.set_yticks(range(len(m.ablated)), m.ablated)
    axis.set_xlabel("evaluated language")
    axis.set_ylabel("ablated language")
    axis.set_title(name, fontsize=10)
    for (i, j), value in np.ndenumerate(values):
        shown = "-" if np.isnan(value) else f"{value:+.0f}" if abs(value) >= 0.5 else "0"
        axis.text(j, i, shown, ha="center", va="center", fontsize=8, color="white" if abs(value) > 60 else "black")
    return image
