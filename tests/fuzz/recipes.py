"""From the bytes that hypothesis or a fuzzer gives to a damaged file: which one is taken, and what is done to it.

A recipe is one byte (which file to start from, or none), then nine bytes for each step: what, where, how. Steps on the
structure of a file (its JSON tree, its cells, its tensors) come first, then steps on its bytes, or on those of a part.
"""

from __future__ import annotations

import marshal
import re
from typing import Any

from tests.fuzz.formats import Format, Raw
from tests.fuzz.hostile import NUMBERS, TOKENS, VALUES, WORDS

STEP = 9
#: No file that is tried is longer.
LONGEST = 100_000
_NOISE = 232


def damaged(form: Format, recipe: bytes) -> bytes:
    """The file that a recipe makes."""
    first = recipe[0] if recipe else 0
    if first >= _NOISE:
        return _noise(form, recipe[1:], first - _NOISE)
    data, steps = form.seeds[first % len(form.seeds)], list(_steps(recipe))
    in_tree = [step for step in steps if form.trees and step[0] < 144]
    if in_tree:
        data = form.written(_damaged_tree(form, first % len(form.seeds), in_tree))
    for what, where, how in steps:
        if not form.trees or what >= 144:
            data = _damaged_bytes(form, data, what, where, how)
    return data[:LONGEST]


def _steps(recipe: bytes) -> Any:
    for at in range(1, len(recipe) - STEP + 1, STEP):
        where = int.from_bytes(recipe[at + 1 : at + 5], "little")
        yield recipe[at], where, int.from_bytes(recipe[at + 5 : at + 9], "little")


def _noise(form: Format, rest: bytes, kind: int) -> bytes:
    """Bytes as they come, tokens in a row, or both after a beginning that looks right."""
    tokens = (*form.tokens, *TOKENS)
    row = b"".join(tokens[(rest[at] * 256 + rest[at + 1]) % len(tokens)] for at in range(0, len(rest) - 1, 2))
    start = form.seeds[kind % len(form.seeds)]
    return (rest, row, start[: len(rest) * 3] + rest, start[: 1 + sum(rest) % len(start)] + row)[kind % 4][:LONGEST]


# --- trees: lists, dicts and plain values


def _damaged_tree(form: Format, seed: int, steps: list[tuple[int, int, int]]) -> Any:
    box = [marshal.loads(form.trees[seed])]
    for what, where, how in steps:
        places = list(_places(box))
        holder, key = places[where % len(places)]
        _TREE[what % len(_TREE)](holder, key, how, places)
    return box[0]


def _places(holder: Any) -> Any:
    for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, key
        if isinstance(holder[key], (list, dict)):
            yield from _places(holder[key])


def _replace(holder: Any, key: Any, how: int, places: Any) -> None:
    holder[key] = Raw(VALUES[how % len(VALUES)])


def _drop(holder: Any, key: Any, how: int, places: Any) -> None:
    if not (isinstance(holder, list) and len(holder) == 1):
        del holder[key]


def _twice(holder: Any, key: Any, how: int, places: Any) -> None:
    if isinstance(holder, list):
        holder.insert(how % (len(holder) + 1), holder[key])
    elif isinstance(key, str):
        holder[Raw.again(key, how)] = holder[key]


def _rename(holder: Any, key: Any, how: int, places: Any) -> None:
    if isinstance(holder, dict):
        names = [other for _, other in places if isinstance(other, str)]
        new = WORDS[how // 2 % len(WORDS)] if how % 2 else names[how // 2 % len(names)]
        holder[new] = holder.pop(key)


def _wrap(holder: Any, key: Any, how: int, places: Any) -> None:
    value = holder[key]
    holder[key] = ([value], {"a": value}, [value, value], [value] * (how % 500), {"zh": value, "0": value})[how % 5]


def _swap(holder: Any, key: Any, how: int, places: Any) -> None:
    other, name = places[how % len(places)]
    value = holder[key]
    if not isinstance(value, (list, dict)) and not isinstance(other[name], (list, dict)):
        holder[key], other[name] = other[name], value
    else:
        holder[key] = other[name] if not isinstance(other[name], (list, dict)) else str(type(value))


def _retype(holder: Any, key: Any, how: int, places: Any) -> None:
    value = holder[key]
    if isinstance(value, (list, dict)):
        holder[key] = dict(enumerate_names(value)) if isinstance(value, list) else list(value.values())
    elif isinstance(value, (int, float)):
        holder[key] = (str(value), float(value), -value, value + 1, bool(value), value * 10**6, [value])[how % 7]
    else:
        holder[key] = (0, 1.5, [value], {value or "": value}, str(value) * 40, str(value)[: how % 5], None)[how % 7]


def enumerate_names(values: list[Any]) -> Any:
    return ((str(at), value) for at, value in enumerate(values))


def _add(holder: Any, key: Any, how: int, places: Any) -> None:
    value = Raw(VALUES[how // 7 % len(VALUES)])
    if isinstance(holder, list):
        holder.insert(key, value)
    else:
        holder[WORDS[how % len(WORDS)]] = value


def _empty(holder: Any, key: Any, how: int, places: Any) -> None:
    value = holder[key]
    holder[key] = "" if isinstance(value, str) else type(value)() if isinstance(value, (list, dict)) else None


_TREE = (_replace, _replace, _replace, _drop, _twice, _rename, _wrap, _swap, _retype, _retype, _add, _empty)


# --- bytes


def _damaged_bytes(form: Format, data: bytes, what: int, where: int, how: int) -> bytes:
    parts = form.parts(data) if form.parts is not None and what & 1 else None
    if parts:
        at = how % len(parts)
        parts[at] = _BYTES[(what >> 1) % len(_BYTES)](form, parts[at], where, how >> 3)
        return form.joined(parts)
    return _BYTES[(what >> 1) % len(_BYTES)](form, data, where, how)


def _at(data: bytes, where: int) -> int:
    return where % (len(data) + 1)


def _flip(form: Format, data: bytes, where: int, how: int) -> bytes:
    made = bytearray(data or b"\0")
    made[where % len(made)] ^= 1 << how % 8
    return bytes(made)


_SIGNS = b"\0\xff\x7f\x80 \n\t\"'{}[](),:;=-0189"


def _set(form: Format, data: bytes, where: int, how: int) -> bytes:
    made = bytearray(data or b"\0")
    made[where % len(made)] = (how >> 4) % 256 if how % 2 else _SIGNS[(how >> 1) % len(_SIGNS)]
    return bytes(made)


def _cut(form: Format, data: bytes, where: int, how: int) -> bytes:
    at = _at(data, where)
    return data[:at] + data[at + 1 + how % (1 << how % 9) :]


def _put(form: Format, data: bytes, where: int, how: int) -> bytes:
    at, tokens = _at(data, where), form.tokens if form.tokens and how % 2 else TOKENS
    return data[:at] + tokens[(how >> 1) % len(tokens)] + data[at:]


def _repeat(form: Format, data: bytes, where: int, how: int) -> bytes:
    at = _at(data, where)
    piece = data[at : at + 1 + how % 40]
    return data[:at] + piece * (1 + (how >> 6) % (1 << (how >> 20) % 11)) + data[at:]


def _end(form: Format, data: bytes, where: int, how: int) -> bytes:
    return data[: _at(data, where)]


def _splice(form: Format, data: bytes, where: int, how: int) -> bytes:
    other = form.seeds[how % len(form.seeds)]
    return data[: _at(data, where)] + other[_at(other, how >> 2) :]


def _digits(form: Format, data: bytes, where: int, how: int) -> bytes:
    runs = list(re.finditer(rb"-?\d[\d.]*", data[:4000]))
    if not runs:
        return _flip(form, data, where, how)
    run = runs[where % len(runs)]
    return data[: run.start()] + NUMBERS[how % len(NUMBERS)].encode() + data[run.end() :]


def _lines(form: Format, data: bytes, where: int, how: int) -> bytes:
    lines = data.split(b"\n")
    at, to = where % len(lines), (how >> 2) % len(lines)
    if how % 4 == 0:
        lines[at], lines[to] = lines[to], lines[at]
    elif how % 4 == 1:
        lines.insert(to, lines[at])
    elif how % 4 == 2:
        del lines[at]
    else:
        return b" ".join(lines) if how % 8 > 3 else b"\r\n".join(lines)
    return b"\n".join(lines)


def _number(form: Format, data: bytes, where: int, how: int) -> bytes:
    size = (1, 2, 4, 8)[how % 4]
    value = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, len(data), len(data) - 8, 100, 2**40)[
        (how >> 2) % 12
    ]
    at = _at(data, where % 64 if how & 64 else where)
    return data[:at] + (value % (1 << 8 * size)).to_bytes(size, "little") + data[at + size :]


_BYTES = (_flip, _set, _cut, _put, _put, _put, _repeat, _end, _splice, _digits, _digits, _lines, _number)
