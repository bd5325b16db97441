"""How lines of pictures are told apart: by colour and, for print in grey, by marker."""

__all__ = ["LINE_COLOURS", "LINE_MARKERS"]

#: Okabe and Ito's palette, whose colours are told apart with every kind of colour vision; yellow is too light.
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000", "#56B4E9")
LINE_MARKERS = ("o", "s", "^", "D", "v", "P", "*")
