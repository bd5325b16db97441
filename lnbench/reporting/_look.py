"""How lines of pictures are told apart: by colour and, for print in grey, by marker. And what their signs mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FRAME", "LINE_COLOURS", "LINE_MARKERS", "WHISKERS", "caption", "mark_words"]

#: Okabe and Ito's palette, whose colours are told apart with every kind of colour vision; yellow is too light.
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000", "#56B4E9")
LINE_MARKERS = ("o", "s", "^", "D", "v", "P", "*")

#: What signs of pictures mean, the same words wherever they are.
FRAME = "Frame: the ablated language itself."
WHISKERS = "Whiskers: 95 % intervals; of random sets one standard deviation over the draws."


def mark_words(marks: str) -> str:
    """What ``*`` and ``+`` mean, of those that a picture has; empty where it has none."""
    signs = {"*": "*: more harmful", "+": "+: less harmful", "*+": "*: more harmful, +: less,"}
    found = signs.get("".join(mark for mark in "*+" if mark in marks))
    return f"{found} than one more random set would be." if found else ""


def caption(figure: Figure, *sentences: str) -> None:
    """Write below a picture what its signs mean, a line for each sentence."""
    figure.supxlabel("\n".join(filter(None, sentences)), fontsize=8)
