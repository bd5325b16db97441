"""A picture as a list of SVG elements. The template writes and escapes them; here is only where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["MARKERS", "Item", "Scene", "axis_ticks", "finite", "number", "spread", "step"]

_WIDE = 520.0
#: Shapes of the points of one line each, so that no line is told by its colour alone; centred, 8 units wide.
MARKERS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.5 -3.5h7v7h-7z",
    "M0 -4.5L4.5 3.5H-4.5z",
    "M0 -5L5 0L0 5L-5 0z",
    "M0 4.5L4.5 -3.5H-4.5z",
    "M-4 -1.3h2.7v-2.7h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7z",
    "M0 -5L1.5 -1.5L5 -1.2L2.4 1.2L3.2 4.8L0 2.9L-3.2 4.8L-2.4 1.2L-5 -1.2L-1.5 -1.5z",
)


@dataclass(frozen=True)
class Item:
    """One element: its tag, its attributes, its text, and a tip that a pointer shows."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    tip: str = ""


@dataclass
class Scene:
    """A picture.

    Attributes:
        width, height: of its own units.
        title: what a screen reader says of it.
        lead, caption: stand below it, the lead in bold.
    """

    width: float
    height: float
    title: str
    lead: str = ""
    caption: str = ""
    items: list[Item] = field(default_factory=list)

    @property
    def wide(self) -> bool:
        """Whether its text would be too small on a telephone; it scrolls there."""
        return self.width > _WIDE

    def add(self, tag: str, text: str = "", tip: str = "", **attributes: object) -> None:
        """Draw an element; ``cls`` is its class, ``_`` in a name is ``-``, numbers are rounded to a tenth."""
        named = {"class" if k == "cls" else k.replace("_", "-"): _written(v) for k, v in attributes.items()}
        self.items.append(Item(tag, named, text, tip))

    def rect(self, cls: str, box: tuple[float, float, float, float], tip: str = "", **attributes: object) -> None:
        """Draw a rectangle: left, top, width, height."""
        x, y, width, height = box
        self.add("rect", "", tip, x=x, y=y, width=width, height=height, cls=cls, **attributes)

    def label(self, x: float, y: float, text: str, anchor: str = "middle", cls: str = "label") -> None:
        """Draw text."""
        self.add("text", text, x=x, y=y, text_anchor=anchor, cls=cls)


def number(value: float, digits: int, sign: str = "") -> str:
    """Fixed digits, no minus before zero, ``-`` where it is unknown."""
    if not math.isfinite(value):
        return "-"
    text = f"{value:{sign}.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def axis_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers that cover an axis, ends included."""
    if not high > low:
        return [low, low + 1.0]
    by = step((high - low) / most)
    first, last = math.floor(low / by + 1e-9), math.ceil(high / by - 1e-9)
    return [by * at for at in range(first, last + 1)]


def step(rough: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places, moved apart to ``gap`` and kept between ``low`` and ``high`` where there is room."""
    order = sorted(range(len(places)), key=lambda at: places[at])
    moved = list(places)
    floor = low
    for at in order:
        moved[at] = floor = max(moved[at], floor)
        floor += gap
    ceiling = high
    for at in reversed(order):
        moved[at] = ceiling = min(moved[at], ceiling)
        ceiling -= gap
    return moved


def finite(values: Iterable[float]) -> list[float]:
    """Those that are numbers."""
    return [value for value in values if math.isfinite(value)]


def _written(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
