"""What a command finds around it: its streams, its folder, what was typed. Set right, or refused, before anything else.

A stream may be closed (``>&-``) or unable to write a character; the folder may be gone; an argument may be no text.
"""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from collections.abc import Iterable

from lnbench._json import is_whole
from lnbench.errors import DataError

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
#: Arguments may be several lines of text: a template, JSON.
_LINES = "\n\r\t"


def open_streams() -> None:
    """Open the streams that are closed, to nothing, and have output write what it has no character for as an escape."""
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))
        elif name == "stdout" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def check(arguments: Iterable[str]) -> None:
    """Refuse to start where nothing could be written, or what was typed could not be shown.

    Args:
        arguments: of the command line.

    Raises:
        DataError: the folder that the command was started in is gone, or an argument or one of lnbench's environment
            variables holds bytes that are no UTF-8, or control characters.
    """
    try:
        os.getcwd()  # noqa: PTH109
    except OSError as error:
        raise DataError("the folder that this was started in is gone; change to another and start again") from error
    variables = (f"{name}={value}" for name, value in os.environ.items() if name.startswith("LNBENCH_"))
    for text in (*arguments, *variables):
        if not is_text(text):
            raise DataError(
                f"{text!r} holds control characters or bytes that are no UTF-8, which no result could name; rename it"
            )


def is_text(text: str) -> bool:
    """Whether a text can be written to a file, and acts on no terminal."""
    return is_whole(text) and not any(unicodedata.category(char) == "Cc" and char not in _LINES for char in text)
