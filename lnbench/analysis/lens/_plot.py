"""A lens as pictures: stacked areas by layer for each language, and heat maps of the whole model."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lnbench._write import whole
from lnbench.analysis.lens._lens import Lens
from lnbench.analysis.lens._passes import PARTS
from lnbench.analysis.lens._shares import GROUPS, Shares
from lnbench.analysis.lens._show import NAMES, TEXT
from lnbench.reporting import empty_figure, heat_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

FloatArray = npt.NDArray[np.float64]

#: Colours that stay apart without colour vision; greys for what has no language.
_COLOURS = {"english": "#d55e00", "own": "#0072b2", "other": "#f0c860", "undecided": "#b8b8b8", "none": "#ececec"}
_SHOWN_PARTS = {"prompt": "prompt", "generated": "generated"}


def plot_lens_areas(lenses: Sequence[Lens], path: Path) -> None:
    """Write stacked areas as PNG: a row for each language, a column for each condition and part.

    Args:
        lenses: conditions of one model on the same prompts.
        path: the file.

    Raises:
        OutputError: the path cannot be written.
    """
    _write(_areas(lenses), path)


def plot_lens_heat(lenses: Sequence[Lens], path: Path) -> None:
    """Write heat maps as PNG, languages by layers: the prompt's language and English of what could be judged, and that.

    Raises:
        OutputError: the path cannot be written.
    """
    _write(_heat(lenses), path)


def areas_png(lenses: Sequence[Lens]) -> bytes:
    """What :func:`plot_lens_areas` writes."""
    return _png(_areas(lenses))


def heat_png(lenses: Sequence[Lens]) -> bytes:
    """What :func:`plot_lens_heat` writes."""
    return _png(_heat(lenses))


def _write(figure: Figure, path: Path) -> None:
    with whole(path) as part:
        part.write_bytes(_png(figure))


def _png(figure: Figure) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, dpi=150, format="png", metadata={"Software": None})
    return held.getvalue()


def _columns(lenses: Sequence[Lens]) -> list[tuple[Lens, str]]:
    """Conditions and those parts in which any of them has positions."""
    return [
        (lens, part)
        for lens in lenses
        for part in PARTS
        if any(each.parts[part].documents for one in lenses for each in one.languages)
    ]


def _heading(lens: Lens, part: str, lenses: Sequence[Lens]) -> str:
    return _SHOWN_PARTS[part] if len(lenses) == 1 else f"{_short(lens.condition)}\n{_SHOWN_PARTS[part]}"


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _areas(lenses: Sequence[Lens]) -> Figure:
    columns, languages = _columns(lenses), [each.language for each in lenses[0].languages]
    figure = empty_figure(1.3 + 3.6 * len(columns), 1.5 + 1.35 * len(languages))
    axes = figure.subplots(len(languages), len(columns), squeeze=False, sharey=True)
    for column, (lens, part) in enumerate(columns):
        for row, each in enumerate(lens.languages):
            _stack(axes[row][column], each.parts[part], each.text[part])
            _layer_ticks(axes[row][column], lens, row == len(languages) - 1)
        axes[0][column].set_title(_heading(lens, part, lenses), fontsize=10)
        axes[-1][column].set_xlabel("after layer")
    for row, language in enumerate(languages):
        axes[row][0].set_ylabel(f"{language}, percent")
    labels = {**NAMES, "own": "language of the prompt"}
    handles = [_patch(_COLOURS[group], labels[group]) for group in GROUPS]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(GROUPS), fontsize=9, frameon=False)
    figure.suptitle(lenses[0].model, fontsize=11)
    return figure


def _stack(axis: Axes, found: Shares, text: Shares) -> None:
    """Areas over the layers, and beside them a bar for the text itself."""
    depths = np.arange(len(found.groups))
    colours = [_COLOURS[group] for group in GROUPS]
    axis.stackplot(depths, *(100 * np.nan_to_num(found.groups.T)), colors=colours, linewidth=0)
    foot = 0.0
    for value, colour in zip(100 * np.nan_to_num(text.groups[0]), colours, strict=True):
        axis.bar(_text_place(depths), value, _bar_width(depths), foot, color=colour)
        foot += value
    axis.set_ylim(0, 100)
    axis.set_xlim(0, _text_place(depths) + _bar_width(depths) / 2)
    axis.set_yticks([0, 50, 100])


def _bar_width(depths: npt.NDArray[Any]) -> float:
    return 0.12 * len(depths)


def _text_place(depths: npt.NDArray[Any]) -> float:
    return float(depths[-1]) + _bar_width(depths)


def _layer_ticks(axis: Axes, lens: Lens, labelled: bool) -> None:
    depths = np.arange(len(lens.depths))
    places = _thinned(len(depths))
    names = ["emb", *lens.depths[1:]]
    axis.set_xticks([*places, _text_place(depths)], [*(names[p] for p in places), TEXT] if labelled else [])
    axis.tick_params(axis="x", labelsize=8)


def _thinned(number: int, most: int = 9) -> list[int]:
    """So many places that labels do not touch, the first and the last among them."""
    step = max(1, -(-(number - 1) // (most - 1)))
    places = list(range(0, number - 1, step))
    return [*(p for p in places if number - 1 - p >= step or p == 0), number - 1]


def _patch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, label=label)


#: Of more layers than this no number fits its place.
_MOST_DEPTHS = 16
#: What each panel of a heat map shows, and of what it is a share.
_PANELS = {
    "own": "language of the prompt,\nof judged tokens",
    "english": "English,\nof judged tokens",
    "judged": "judged tokens,\nof all",
}


def _heat(lenses: Sequence[Lens]) -> Figure:
    columns, languages = _columns(lenses), lenses[0].languages
    wide = 0.36 * min(16, len(lenses[0].depths) + 1) + 0.9
    figure = empty_figure(1.4 + wide * len(_PANELS), 1.4 + (0.5 + 0.27 * len(languages)) * len(columns))
    axes = figure.subplots(len(columns), len(_PANELS), squeeze=False)
    for row, (lens, part) in enumerate(columns):
        for axis, panel in zip(axes[row], _PANELS, strict=True):
            image = _panel(axis, _heat_values(lens, part, panel), lens)
        axes[row][0].set_ylabel(_heading(lens, part, lenses), fontsize=9)
    for axis, below, title in zip(axes[0], axes[-1], _PANELS.values(), strict=True):
        axis.set_title(title, fontsize=9)
        below.set_xlabel("after layer", fontsize=9)
    figure.colorbar(image, ax=list(axes.flat), label="percent", shrink=0.8)
    figure.suptitle(lenses[0].model, fontsize=11)
    return figure


def _heat_values(lens: Lens, part: str, panel: str) -> FloatArray:
    """Percent, ``[languages, depths + 1]``; the last column is the text itself. Of English prompts none is English."""
    rows = []
    for each in lens.languages:
        both = (each.parts[part], each.text[part])
        row = np.concatenate([one.judged if panel == "judged" else one.of_judged(panel) for one in both])
        rows.append(np.full_like(row, np.nan) if panel == "english" and each.language == "en" else row)
    return 100 * np.array(rows)


def _panel(axis: Axes, values: FloatArray, lens: Lens) -> AxesImage:
    shown = [["-" if np.isnan(value) else f"{value:.0f}" for value in line] for line in values]
    if values.shape[1] > _MOST_DEPTHS:
        shown = [[""] * values.shape[1]] * len(values)
    labels = [each.language for each in lens.languages]
    image = heat_panel(axis, values, labels, [], title="", shown=shown, most=100.0, size=7, key=False)
    places = _thinned(len(lens.depths))
    names = ["emb", *lens.depths[1:]]
    axis.set_xticks([*places, len(lens.depths)], [*(names[p] for p in places), TEXT], fontsize=8)
    axis.axvline(len(lens.depths) - 0.5, color="white", linewidth=2)
    return image
