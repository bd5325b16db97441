"""Responses from a file, one by one: JSONL of any making, lm-eval's sample logs among it, or one text a line.

A row of lm-eval's log has the response under ``resps`` as it came from the model (``filtered_resps`` may have lost
text), the prompt under ``arguments`` and, in lnbench's tasks, the language in ``doc``::

    {"doc": {"lang": "zh", ...}, "arguments": {"gen_args_0": {"arg_0": "问题：..."}}, "resps": [["答案是 18。"]], ...}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lnbench.errors import DataError, UnknownLanguageError
from lnbench.languages import fold

__all__ = ["TEXT_FIELDS", "Fields", "Response", "read_responses"]

#: Where the response is looked for, in this order, unless a field is named.
TEXT_FIELDS = ("resps", "filtered_resps", "text", "response", "completion")
_PROMPT_FIELDS = ("arguments.gen_args_0.arg_0", "prompt")
_EXPECT_FIELD = "doc.lang"
#: Bytes of a line: a pipe may be read, but not one that never ends a line.
_LONGEST = 64 * 2**20


@dataclass(frozen=True)
class Response:
    """One response of a file."""

    text: str
    """What the model wrote."""
    expect: str
    """The language that it should be in."""
    prompt: str
    """What was asked, or nothing."""
    size: int
    """Bytes of its line in the file."""


@dataclass(frozen=True)
class Fields:
    """Where a row keeps what is needed; ``a.b`` is ``b`` within ``a``. None means the usual places."""

    text: str | None = None
    """The response."""
    prompt: str | None = None
    """What was asked."""
    expect: str | None = None
    """The language to expect, row by row."""


def read_responses(path: Path, *, expect: str | None = None, fields: Fields | None = None) -> Iterator[Response]:
    """The responses of a file, without reading it whole.

    Args:
        path: ``.txt`` is one text a line, everything else JSON Lines in UTF-8.
        expect: the language to expect of all; row by row from ``fields.expect`` or lm-eval's ``doc.lang`` when None.
        fields: where a row keeps what is needed.

    Raises:
        DataError: the file is missing, empty, no UTF-8 or no JSON, or a row lacks a field; the line is named.
        UnknownLanguageError: a language is no language tag.
    """
    if expect is not None:
        fold(expect)
    plain, none = path.suffix.lower() == ".txt", True
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path}, line {number}"
        if plain:
            yield Response(_decoded(line, where), _given(expect, where), "", len(line) + 1)
        elif line.strip():
            yield _response(_row(line, where), expect, fields or Fields(), where, len(line) + 1)
        none &= not (plain or line.strip())
    if none:
        raise DataError(f"{str(path)!r} is empty; give a file with one response a line")


def _lines(path: Path) -> Iterator[bytes]:
    """Lines end with a line feed and nothing else: JSON strings may hold U+2028."""
    try:
        with path.open("rb") as stream:
            for at, line in enumerate(iter(lambda: stream.readline(_LONGEST), b"")):
                if len(line) == _LONGEST:
                    raise DataError(f"{path}, line {at + 1} is longer than {_LONGEST // 2**20} MiB, which no text is; "
                                    "give one response a line")  # fmt: skip
                bare = line.removesuffix(b"\n").removesuffix(b"\r")
                yield bare.removeprefix(b"\xef\xbb\xbf") if at == 0 else bare
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror}; give a JSONL or text file") from error


def _decoded(line: bytes, where: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 (byte {error.start} of the line); save the file as UTF-8") from error


def _row(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(_decoded(line, where))
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "too deep or too long a number")
        raise DataError(f"{where}: not JSON ({reason}); give one JSON object a line, or name the file .txt") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: {type(row).__name__} instead of a JSON object; give one JSON object a line")
    return row


def _response(row: Mapping[str, Any], expect: str | None, fields: Fields, where: str, size: int) -> Response:
    language = _expected(row, expect, fields.expect, where)
    return Response(_text(row, fields.text, where), language, _prompt(row, fields.prompt, where), size)


def _text(row: Mapping[str, Any], field: str | None, where: str) -> str:
    names = TEXT_FIELDS if field is None else (field,)
    name = next((name for name in names if _value(row, name) is not None), names[0])
    value = _first(_value(row, name), 2 if name == "resps" else 1)
    if isinstance(value, str):
        return value
    if name == "resps" and value is not None:
        raise DataError(f"{where}: a sample of likelihoods, without text; give the samples of a generative task")
    looked = " or ".join(map(repr, names))
    raise DataError(f"{where}: no text in the field {looked}; name the field of the responses with --field")


def _first(value: Any, depth: int) -> Any:
    """lm-eval keeps a list of requests, and in ``resps`` for each a list of responses."""
    for _ in range(depth):
        value = value[0] if isinstance(value, list) and value else value
    return value


def _prompt(row: Mapping[str, Any], field: str | None, where: str) -> str:
    found = [value for name in (_PROMPT_FIELDS if field is None else (field,)) if (value := _value(row, name))]
    if found and isinstance(found[0], str):
        return found[0]
    if field is not None and _value(row, field) != "":
        raise DataError(f"{where}: no text in the field {field!r}; name the field of the prompts with --prompt-field")
    return ""


def _expected(row: Mapping[str, Any], expect: str | None, field: str | None, where: str) -> str:
    found = expect if expect is not None and field is None else _value(row, field or _EXPECT_FIELD)
    if field is not None and not isinstance(found, str):
        raise DataError(f"{where}: no language in the field {field!r}; name the field with --expect-field")
    try:
        fold(_given(found, where))
    except UnknownLanguageError as error:
        raise DataError(f"{where}: {error}") from error
    return str(found)


def _given(expect: Any, where: str) -> str:
    if not isinstance(expect, str):
        raise DataError(f"{where}: no language to expect; give one with --expect, or its field with --expect-field")
    return expect


def _value(row: Mapping[str, Any], name: str) -> Any:
    """The value of a field, by its own name before ``a.b`` is taken apart."""
    if name in row:
        return row[name]
    first, _, rest = name.partition(".")
    within = row.get(first)
    return _value(within, rest) if rest and isinstance(within, dict) else None
