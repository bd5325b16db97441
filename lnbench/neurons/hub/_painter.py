"""Who draws the pictures of a card: this room cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

#: From a set and its name to a PNG.
Painter = Callable[["NeuronSet", str], bytes]
_painters: list[Painter] = []


def use_card_painter(painter: Painter) -> None:
    """Set the function that draws a set (and its name, for the title) as a PNG."""
    _painters[:] = [painter]


def painted(neurons: NeuronSet, name: str) -> bytes | None:
    """The picture, None where nobody can draw, or there are no neurons to draw."""
    return _painters[0](neurons, name) if _painters and len(neurons) else None
