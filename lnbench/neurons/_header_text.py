"""Parameters and corpora of a header in lines that fit a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

_WIDTH = 100
#: Of a long list or text no more lines than this; ``--json`` has all.
_MOST = 3
#: Of texts by name no more than these.
_MOST_LISTED = 8
_HASH = 64


def counted(number: int) -> str:
    """``1 neuron``, ``2 neurons``."""
    return f"{number} neuron{'s' * (number != 1)}"


def in_words(value: Any) -> str:
    """A value of a header without the brackets and quotes of a dict or a list."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {in_words(item)}" for key, item in value.items())
    return ", ".join(map(in_words, value)) if isinstance(value, list) else str(value)


def described(values: Mapping[str, Any]) -> list[str]:
    """Lines for a mapping: the plain values together, each list or mapping on a line of its own."""
    plain = {key: value for key, value in values.items() if not isinstance(value, (dict, list))}
    nested = {key: value for key, value in values.items() if isinstance(value, (dict, list)) and value}
    lines = _wrapped(", ".join(f"{key}={_brief(value)}" for key, value in plain.items()))
    for key, value in nested.items():
        if isinstance(value, dict) and _is_long(value):
            lines += _listed(key, value)
        else:
            lines += _wrapped(f"{key}: {_inner(value)}")
    return lines


def _is_long(value: Mapping[str, Any]) -> bool:
    """Texts by name, like the sources of a corpus, that do not fit one line: each gets its own."""
    return len(_inner(value)) > _WIDTH and any(isinstance(v, str) for v in value.values())


def _listed(key: str, values: Mapping[str, Any]) -> list[str]:
    wide = max(map(len, map(str, values)))
    lines = [_wrapped(f"  {name:<{wide}}  {_inner(value)}")[0] for name, value in values.items()]
    more = len(lines) - _MOST_LISTED
    return [f"{key}:", *lines[:_MOST_LISTED], *([f"  and {more} more"] if more > 0 else [])]


def _inner(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inner(item)}" for key, item in value.items())
    return ", ".join(map(_inner, value)) if isinstance(value, list) else _brief(value)


def _brief(value: Any) -> str:
    text = str(value)
    is_hash = len(text) == _HASH and all(char in "0123456789abcdef" for char in text)
    return text[:12] if is_hash else text


def _wrapped(text: str) -> list[str]:
    lines = textwrap.wrap(text[: _WIDTH * _MOST * 2], _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return lines if len(lines) <= _MOST else [*lines[: _MOST - 1], lines[_MOST - 1][: _WIDTH - 4] + " ..."]
