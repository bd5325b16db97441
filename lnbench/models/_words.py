"""Small pieces of text in a spec: lists of codes, and the sentence for a name that does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lnbench._near import hint
from lnbench.errors import SpecError


def unknown(what: str, given: object, exists: Sequence[str]) -> str:
    """One sentence: the unknown name, the nearest one that exists, and all of them."""
    return f"unknown {what} {given!r}; {hint(given, exists)}{what} is one of {', '.join(exists) or '(nothing)'}"


def codes(key: str, given: Any) -> tuple[str, ...]:
    """Split ``"zh+fr"`` or a list of such into names, each once, in order.

    Raises:
        SpecError: nothing is named, or something that is not text is (YAML reads a bare ``no`` as a boolean).
    """
    names: list[str] = []
    for item in given if isinstance(given, (list, tuple)) else [given]:
        names += [name.strip() for name in _text(key, item).split("+")]
    if not names or "" in names:
        raise SpecError(f"{key}={given!r} has an empty name; write names joined by +, or leave {key} out")
    return tuple(dict.fromkeys(names))


def _text(key: str, item: Any) -> str:
    if isinstance(item, bool):
        word, example = ("no, off or false", "no") if not item else ("yes, on or true", "on")
        raise SpecError(
            f"{key}: YAML read an unquoted {word} as the boolean {item}; quote the code, as in {key}: '{example}'"
        )
    if item != item:  # noqa: PLR0124 - NaN: a reader of numbers has met `nan`, the code of Min Nan Chinese
        return "nan"
    if not isinstance(item, str):
        raise SpecError(f"{key}: {item!r} is not a name; write names joined by +, or a list of them")
    return item
