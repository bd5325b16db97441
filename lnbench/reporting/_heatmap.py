"""The ablation matrix as a picture: one panel for matched random ablation, one for language-specific ablation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lnbench._write import whole
from lnbench.reporting._heat import heat_panel, new_figure, png_bytes
from lnbench.reporting._look import FRAME, caption
from lnbench.reporting._matrix import Matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


def plot_matrix(m: Matrix, path: Path, *, title: str) -> None:
    """Write the change against the original (points of 100) as a heat map to a PNG file.

    Raises:
        OutputError: the path cannot be written.
    """
    panels = {"specific": 100 * (m.specific - m.original)}
    if m.random.size:
        seeds = m.random.shape[1]
        panels = {f"random (mean of {seeds})": 100 * (m.random.mean(axis=1) - m.original)} | panels
    figure, axes = new_figure(1, len(panels), 5.2 + 0.1 * len(panels), 1.9 + 0.45 * len(m.ablated))
    for axis, (name, values) in zip(axes, panels.items(), strict=True):
        image = _panel(axis, m, values, name)
    figure.colorbar(image, ax=axes, label="change against the original, points", shrink=0.9)
    figure.suptitle(title, fontsize=11)
    caption(figure, FRAME)
    with whole(path) as part:
        part.write_bytes(png_bytes(figure))


def _panel(axis: Axes, m: Matrix, values: npt.NDArray[np.float64], name: str) -> AxesImage:
    # One scale for all panels and runs: 100 points down to 100 points up.
    shown = [["-" if np.isnan(v) else f"{v:+.0f}" if abs(v) >= 0.5 else "0" for v in line] for line in values]
    own = [(row, m.languages.index(code)) for row, code in enumerate(m.ablated) if code in m.languages]
    image = heat_panel(
        *(axis, values, m.ablated, m.languages), title=name, shown=shown, most=100.0, worse=-1, framed=own, key=False
    )
    axis.set_xlabel("evaluated language")
    axis.set_ylabel("ablated language")
    return image
