"""Amounts as people type them: ``500k`` tokens, ``1M``, ``2.5G``."""

from __future__ import annotations

import re
from fractions import Fraction

from lnbench.errors import SpecError

_SCALE = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def parse_amount(text: str | int, what: str = "tokens") -> int:
    """A whole number above 0: ``20000``, ``20_000``, ``20k``, ``1.5M``, ``1G`` (decimal thousands, either case).

    Raises:
        SpecError: the text is no such number.
    """
    match = re.fullmatch(r"(\d[\d_]{0,30}(?:\.\d{1,30})?)([kmgKMG]?)", str(text).strip(), re.ASCII)
    amount = Fraction(match[1].replace("_", "")) * _SCALE[match[2].lower()] if match else Fraction(0)
    if amount < 1 or amount.denominator != 1:
        raise SpecError(f"{what} cannot be {text!r}; write a whole number above 0, such as 20000, 500k, 1M or 1G")
    return int(amount)
