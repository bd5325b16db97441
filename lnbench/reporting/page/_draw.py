"""Pictures for the page: heat map, bars, dose-response and layers, from the numbers of :mod:`_series`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lnbench.reporting._look import FRAME, WHISKERS, mark_words
from lnbench.reporting.page._scene import MARKERS, Scene, axis_ticks, finite, number, spread
from lnbench.reporting.page._series import Bar, Bars, Dose, Heat, Point

__all__ = ["draw_bars", "draw_dose", "draw_heat", "draw_layers"]

_CELL_W, _CELL_H, _LEFT, _TOP = 46.0, 30.0, 44.0, 40.0
_PLOT_W, _PLOT_H = 440.0, 250.0
#: Left, top and bottom of what is plotted, and the room at its right.
_AREA_LEFT, _AREA_TOP, _AREA_BOTTOM, _MARGIN = 46.0, 28.0, 208.0, 16.0
#: From these strengths on a colour is dark (in a light scheme) or bright enough for the other ink.
_STRONG = {"loss": 0.74, "gain": 0.64, "unknown": 2.0}
_SWATCHES = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)


def draw_heat(heat: Heat, unit: str) -> Scene:
    """The change in each cell as colour and as a number; the ablated language's own cell is framed."""
    width = max(_LEFT + _CELL_W * len(heat.languages) + 4, 236.0)
    bottom = _TOP + _CELL_H * len(heat.ablated)
    scene = Scene(width, bottom + 44, f"Heat map, {heat.condition}: change against the original, {unit}")
    scene.label(_LEFT + _CELL_W * len(heat.languages) / 2, 12, "evaluated language", cls="axis")
    for column, code in enumerate(heat.languages):
        scene.label(_LEFT + _CELL_W * (column + 0.5), _TOP - 8, code)
    for row, ablated in enumerate(heat.ablated):
        scene.label(_LEFT - 8, _TOP + _CELL_H * (row + 0.5) + 4, ablated, "end")
        for column in range(len(heat.languages)):
            _heat_cell(scene, heat, row, column, unit)
    _colour_key(scene, heat, bottom + 12)
    scene.lead, scene.caption = f"{heat.condition}.", _heat_words(heat, unit)
    return scene


def _heat_words(heat: Heat, unit: str) -> str:
    what = f"Change of each evaluated language (columns), {unit}, with the neurons of one language (rows) ablated"
    marks = mark_words("".join(mark for line in heat.marks for mark in line))
    if heat.condition.startswith("random"):
        drawn = what.replace("the neurons", "random sets as large as those")
        return f"{drawn}. {FRAME} No colour: size alone does no harm."
    told = f"{what}. {FRAME} Neurons that a language alone needs colour its framed cell and nothing else."
    return f"{told} {marks}".rstrip()


def _heat_cell(scene: Scene, heat: Heat, row: int, column: int, unit: str) -> None:
    value, own = heat.values[row][column], heat.ablated[row] == heat.languages[column]
    x, y = _LEFT + _CELL_W * column, _TOP + _CELL_H * row
    shown = number(value, _digits(heat), "+")
    tip = f"{heat.condition} {heat.ablated[row]} on {heat.languages[column]}: {shown} {unit}"
    side, strength = _colour(heat, value)
    scene.rect(f"heat {side}", (x + 1, y + 1, _CELL_W - 2, _CELL_H - 2), tip, fill_opacity=f"{strength:.2f}")
    if own:
        scene.rect("own", (x + 2, y + 2, _CELL_W - 4, _CELL_H - 4))
    ink = f"heat-number on-{side}" if strength > _STRONG[side] else "heat-number"
    scene.label(x + _CELL_W / 2, y + _CELL_H / 2 + 4, shown + heat.marks[row][column], cls=ink)


def _colour(heat: Heat, value: float) -> tuple[str, float]:
    """Which colour, and how much of it; a place without a number is hatched."""
    if not math.isfinite(value):
        return "unknown", 1.0
    return "loss" if value * heat.worse > 0 else "gain", min(1.0, abs(value) / heat.limit)


def _digits(heat: Heat) -> int:
    return 0 if heat.limit > 20 else 2


def _colour_key(scene: Scene, heat: Heat, y: float) -> None:
    """The scale, the worse at the left, with its ends and what they mean."""
    width = (min(scene.width - _LEFT - 4, 320.0)) / len(_SWATCHES)
    for at, share in enumerate(_SWATCHES):
        side = "loss" if share < 0 else "gain"
        scene.rect(f"heat {side}", (_LEFT + width * at, y, width, 9), fill_opacity=f"{abs(share):.2f}")
    ends = [number(end * heat.worse * heat.limit, _digits(heat), "+") for end in (1.0, -1.0)]
    for x, anchor, text in (
        (_LEFT, "start", f"{ends[0]} worse"),
        (_LEFT + width * len(_SWATCHES) / 2, "middle", "0"),
        (_LEFT + width * len(_SWATCHES), "end", f"better {ends[1]}"),
    ):
        scene.label(x, y + 23, text, anchor, "tick")


def draw_bars(bars: Bars, unit: str) -> Scene:
    """Groups of bars with whiskers; fills differ by pattern as well as by colour."""
    many = len(bars.languages) * (len(bars.groups) * 8.0 + 8.0)
    scene = Scene(max(_PLOT_W, _AREA_LEFT + many + _MARGIN), _PLOT_H, f"Each ablated language on itself, {unit}")
    every = [bar for group in bars.groups.values() for bar in group]
    place = _axes(scene, finite(n for b in every for n in (b.value, b.low, b.high)), unit)
    right = scene.width - _MARGIN
    slot = (right - _AREA_LEFT) / len(bars.languages)
    width = slot * 0.8 / len(bars.groups)
    for kind, (label, group) in enumerate(bars.groups.items()):
        _legend(scene, kind, label, len(bars.groups))
        for at, bar in enumerate(group):
            x = _AREA_LEFT + slot * (at + 0.1) + width * kind
            _bar(scene, bar, x, width, place, f"{label} {bars.languages[at]}: {number(bar.value, 1)}", kind)
    for at, code in enumerate(bars.languages):
        scene.label(_AREA_LEFT + slot * (at + 0.5), _AREA_BOTTOM + 16, code)
    scene.label((_AREA_LEFT + right) / 2, _AREA_BOTTOM + 34, "ablated and evaluated language", cls="axis")
    scene.lead = "Each language on itself."
    scene.caption = (
        f"Score ({unit}) in its own evaluation. Neurons that a language needs put its last bar below the other two. "
        f"{WHISKERS}"
    )
    return scene


class _Place:
    """From a value to its height on the picture."""

    def __init__(self, ticks: Sequence[float]) -> None:
        self.low, self.high = ticks[0], ticks[-1]

    def __call__(self, value: float) -> float:
        return _AREA_BOTTOM - (_AREA_BOTTOM - _AREA_TOP) * (value - self.low) / (self.high - self.low)


def _axes(scene: Scene, values: Sequence[float], unit: str) -> _Place:
    low, high = (0.0, 100.0) if unit == "percent" else (min([0.0, *values]), max([0.0, *values]))
    ticks = axis_ticks(low, high)
    place = _Place(ticks)
    digits = 0 if ticks[1] - ticks[0] >= 1 else 2
    for tick in ticks:
        scene.add("line", x1=_AREA_LEFT, x2=scene.width - _MARGIN, y1=place(tick), y2=place(tick), cls="grid")
        scene.label(_AREA_LEFT - 6, place(tick) + 4, number(tick, digits), "end")
    return place


def _bar(scene: Scene, bar: Bar, x: float, width: float, place: _Place, tip: str, kind: int) -> None:
    if not math.isfinite(bar.value):
        return
    top, foot = place(max(bar.value, 0.0)), place(min(bar.value, 0.0))
    scene.rect(f"bar k{kind % 4}", (x, top, width - 1.5, max(foot - top, 1.0)), tip)
    _whisker(scene, bar, x + (width - 1.5) / 2, place)


def _whisker(scene: Scene, bar: Bar, x: float, place: _Place) -> None:
    if not (math.isfinite(bar.low) and math.isfinite(bar.high)) or bar.low == bar.high:
        return
    low, high = place(max(bar.low, place.low)), place(min(bar.high, place.high))
    scene.add(
        "path", d=f"M{x:.1f} {low:.1f}V{high:.1f}M{x - 3:.1f} {low:.1f}h6M{x - 3:.1f} {high:.1f}h6", cls="whisker"
    )


def _legend(scene: Scene, kind: int, label: str, number_of: int) -> None:
    x = _AREA_LEFT + kind * min(120.0, (scene.width - _MARGIN - _AREA_LEFT) / max(number_of, 1))
    scene.rect(f"bar k{kind % 4}", (x, 6, 12, 12))
    scene.label(x + 17, 16, label, "start")


def draw_dose(dose: Dose, unit: str) -> Scene:
    """A line for each language, named at its end, with a marker of its own."""
    scene = Scene(_PLOT_W, _PLOT_H, f"Dose-response: each ablated language on itself, {unit}")
    points = [point for line in dose.lines.values() for point in line]
    place = _axes(scene, finite(n for p in points for n in (p.bar.value, p.bar.low, p.bar.high)), unit)
    doses = sorted({point.dose for point in points})
    right = scene.width - _MARGIN
    across = {d: _AREA_LEFT + 14 + (right - _AREA_LEFT - 60) * (d - doses[0]) / (doses[-1] - doses[0]) for d in doses}
    for d in doses:
        scene.label(across[d], _AREA_BOTTOM + 16, f"{d:g}")
    scene.label((_AREA_LEFT + right) / 2, _AREA_BOTTOM + 34, dose.label, cls="axis")
    _lines(scene, dose.lines, across, place)
    scene.lead = "Dose."
    scene.caption = (
        f"Score of each ablated language on itself ({unit}) by {dose.label}. Neurons that matter take more the further "
        "they are turned; bars are 95 % intervals."
    )
    return scene


def _lines(scene: Scene, lines: Mapping[str, Sequence[Point]], across: Mapping[float, float], place: _Place) -> None:
    # Lines that lie on each other are told apart by their marker; whiskers are drawn below all of them.
    for line in lines.values():
        for point in line:
            _whisker(scene, point.bar, across[point.dose], place)
    for at, (code, line) in enumerate(lines.items()):
        known = [(across[p.dose], place(p.bar.value), p) for p in line if math.isfinite(p.bar.value)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in known)
        scene.add("path", d=f"M{path}", cls=f"line s{at % 7}")
        for x, y, point in known:
            tip = f"{code} at {point.dose:g}: {number(point.bar.value, 1)}"
            _marker(scene, at, x, y, tip)
    _line_names(scene, lines, place)


def _line_names(scene: Scene, lines: Mapping[str, Sequence[Point]], place: _Place) -> None:
    """A key at the right, in the order of the lines' ends, moved apart."""
    ends = [place(line[-1].bar.value) if math.isfinite(line[-1].bar.value) else _AREA_BOTTOM for line in lines.values()]
    for at, (code, y) in enumerate(zip(lines, spread(ends, 15.0, _AREA_TOP, _AREA_BOTTOM), strict=True)):
        _marker(scene, at, scene.width - _MARGIN - 26, y)
        scene.label(scene.width - _MARGIN - 17, y + 4, code, "start")


def _marker(scene: Scene, at: int, x: float, y: float, tip: str = "") -> None:
    shape = MARKERS[at % len(MARKERS)]
    scene.add("path", tip=tip, d=shape, transform=f"translate({x:.1f} {y:.1f})", cls=f"point s{at % len(MARKERS)}")


def draw_layers(layers: Mapping[str, Sequence[int]]) -> Scene:
    """One small histogram for each language: neurons in each layer."""
    deep, most = max(map(len, layers.values())), max((n for counts in layers.values() for n in counts), default=1)
    columns = min(4, len(layers))
    width, height = 112.0, 100.0
    rows = math.ceil(len(layers) / columns)
    scene = Scene(columns * width, rows * height + 18, "Neurons of each language by layer")
    for at, (code, counts) in enumerate(layers.items()):
        x, y = at % columns * width, at // columns * height
        scene.label(x + width / 2, y + 14, f"{code}: {sum(counts)}")
        _histogram(scene, code, counts, (x + 8, y + 22, width - 16, height - 42), (deep, max(most, 1)))
    scene.label(columns * width / 2, rows * height + 12, "layer, from the input to the output", cls="axis")
    scene.lead = "Layers."
    scene.caption = f"Neurons of each language in each of the {deep} layers; one scale, at most {most} in a layer."
    return scene


def _histogram(
    scene: Scene, code: str, counts: Sequence[int], box: tuple[float, float, float, float], most: tuple[int, int]
) -> None:
    x, y, width, height = box
    slot = width / most[0]
    scene.add("line", x1=x, x2=x + width, y1=y + height, y2=y + height, cls="base")
    for layer, count in enumerate(counts):
        tall = height * count / most[1]
        shape = (x + slot * layer, y + height - tall, max(slot - 1, 0.5), tall)
        scene.rect("bar k2", shape, f"{code}, layer {layer}: {count}")
    for layer in dict.fromkeys((0, most[0] - 1)):
        scene.label(x + slot * (layer + 0.5), y + height + 12, str(layer), cls="tick")
