"""Parameters and corpora of a header in lines that fit a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

_WIDTH = 100
#: Of a long list or text no more lines than this; ``--json`` has all.
_MOST = 3
_HASH = 64


def described(values: Mapping[str, Any]) -> list[str]:
    """Lines for a mapping: the plain values together, each list or mapping on a line of its own."""
    plain = {key: value for key, value in values.items() if not isinstance(value, (dict, list))}
    nested = {key: value for key, value in values.items() if isinstance(value, (dict, list)) and value}
    lines = _wrapped(", ".join(f"{key}={_brief(value)}" for key, value in plain.items()))
    for key, value in nested.items():
        lines += _wrapped(f"{key}: {_inner(value)}")
    return lines


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
