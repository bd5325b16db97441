"""Which layers a spec means: from ``first:8+20-23`` to layer numbers.

Layers count from 0. A selector is one or more parts joined by ``+``; the result is their union.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lnbench.errors import SpecError

STAGES = ("understanding", "solving", "generation")
SELECTORS = (
    "all, first:N, last:N, middle, numbers and ranges such as 0-7+12, or understanding, solving, generation with n1, n2"
)
_PART = re.compile(
    r"(?P<word>all|middle|understanding|solving|generation)|(?P<end>first|last):(?P<count>\d+)|(?P<low>\d+)(-(?P<high>\d+))?"
)


def parse_layers(selector: Any) -> str:
    """Bring a selector (text, a number, or a list of both) to its text form and check that each part can be read.

    Raises:
        SpecError: the selector is empty or a part is unknown; the sentence lists what exists.
    """
    parts = selector if isinstance(selector, (list, tuple)) else [selector]
    if any(isinstance(part, bool) or not isinstance(part, (int, str)) for part in parts):
        raise SpecError(f"layers: cannot read {selector!r}; layers is {SELECTORS}")
    text = "+".join(str(part).replace(" ", "") for part in parts)
    if not text:
        raise SpecError(f"layers is empty; layers is {SELECTORS}")
    for part in text.split("+"):
        if not _PART.fullmatch(part):
            raise SpecError(f"layers: unknown selector {part!r}; layers is {SELECTORS}")
    return text


def select_layers(
    selector: str | int | Sequence[str | int], layers: int, *, n1: int | None = None, n2: int | None = None
) -> tuple[int, ...]:
    """Layer numbers, ascending, that ``selector`` means in a model of ``layers`` layers.

    ``middle`` is what is left without the first and the last third (each rounded down). ``understanding`` is the
    first ``n1`` layers, ``generation`` the last ``n2``, ``solving`` the layers between them (Zhao et al. 2024,
    "How do Large Language Models Handle Multilingualism?").

    Raises:
        SpecError: a part is unknown, selects nothing, or names a layer that the model does not have.
    """
    parts = parse_layers(selector).split("+")
    _check_stages(parts, layers, n1, n2)
    chosen: set[int] = set()
    for part in parts:
        found = _part(part, layers, n1 or 0, n2 or 0)
        if not found:
            raise SpecError(f"layers: {part!r} selects none of the model's layers 0-{layers - 1}; {_remedy(part)}")
        if found[0] < 0 or found[-1] >= layers:
            raise SpecError(f"layers: {part!r} reaches outside the model, which has {layers} layers, 0-{layers - 1}")
        chosen.update(found)
    return tuple(sorted(chosen))


def _part(part: str, layers: int, n1: int, n2: int) -> range:
    match = _PART.fullmatch(part)
    assert match is not None  # parse_layers has read it
    if match["end"]:
        count = int(match["count"])
        return range(count) if match["end"] == "first" else range(layers - count, layers)
    if match["low"]:
        return range(int(match["low"]), int(match["high"] or match["low"]) + 1)
    third = layers // 3
    return {
        "all": range(layers),
        "middle": range(third, layers - third),
        "understanding": range(n1),
        "solving": range(n1, layers - n2),
        "generation": range(layers - n2, layers),
    }[match["word"]]


def _check_stages(parts: Sequence[str], layers: int, n1: int | None, n2: int | None) -> None:
    needed = {"understanding": (n1,), "solving": (n1, n2), "generation": (n2,)}
    for stage in STAGES:
        if stage in parts and None in needed[stage]:
            raise SpecError(
                f"layers={stage} needs n1 (understanding layers) and n2 (generation layers); add n1=..,n2=.."
            )
    if (n1 is not None or n2 is not None) and not set(parts) & set(STAGES):
        raise SpecError(
            f"n1 and n2 have no effect on layers={'+'.join(parts)}; use layers={'|'.join(STAGES)} or drop them"
        )
    if (n1 or 0) + (n2 or 0) > layers:
        raise SpecError(f"n1={n1 or 0} and n2={n2 or 0} overlap in a model of {layers} layers; make them smaller")


def _remedy(part: str) -> str:
    if part in STAGES:
        return "change n1 or n2"
    low, dash, high = part.partition("-")
    return f"write the range as {high}-{low}" if dash else "choose at least one"
