"""What a command finds around it: its streams, its folder, what was typed, variables that libraries read when they are
imported. Set right, or refused, before anything else.

A stream may be closed (``>&-``) or unable to write a character; the folder may be gone; an argument may be no text.
"""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable

from lnbench._json import is_whole
from lnbench.errors import DataError

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
#: Arguments may be several lines of text: a template, JSON.
_LINES = "\n\r\t"

#: Variables that a library turns into a number as it is imported, with a traceback of its own where it cannot.
_WHOLE = (
    *("TQDM_INITIAL", "TQDM_NCOLS", "TQDM_NROWS", "TQDM_POSITION", "TQDM_UNIT_DIVISOR"),
    *("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT", "SOURCE_DATE_EPOCH"),
)
_NUMBERS = (
    *("TQDM_DELAY", "TQDM_MAXINTERVAL", "TQDM_MININTERVAL", "TQDM_MINITERS", "TQDM_SMOOTHING", "TQDM_TOTAL"),
    "HF_DATASETS_IN_MEMORY_MAX_SIZE",
)
#: Matplotlib's own; other packages add theirs by an entry point, and ``module://`` names any module.
_BACKENDS = frozenset(
    f"{toolkit}{drawn}" for toolkit in ("", "gtk3", "gtk4", "qt", "qt5", "tk", "wx") for drawn in ("agg", "cairo")
) | {"macosx", "nbagg", "notebook", "pdf", "pgf", "ps", "svg", "template", "webagg", "wx"}


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
            variables holds bytes that are no UTF-8, or control characters, or a library could not be imported with a
            variable of its own.
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
    _check_variables()


def _check_variables() -> None:
    for names, kind, words in ((_WHOLE, int, "a whole number"), (_NUMBERS, float, "a number")):
        for name in names:
            if name in os.environ and not _is(kind, os.environ[name]):
                raise DataError(f"{name}={os.environ[name]!r} is not {words}; unset it, or give one")
    backend = os.environ.get("MPLBACKEND", "")
    if backend and not _is_backend(backend):
        raise DataError(f"MPLBACKEND={backend!r} is no backend of matplotlib; unset it, or say agg")


def _is(kind: Callable[[str], object], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _is_backend(name: str) -> bool:
    if name.startswith("module://") or name.lower() in _BACKENDS:
        return True
    from importlib.metadata import entry_points

    return any(entry.name == name for entry in entry_points(group="matplotlib.backend"))


def is_text(text: str) -> bool:
    """Whether a text can be written to a file, and acts on no terminal."""
    return is_whole(text) and not any(unicodedata.category(char) == "Cc" and char not in _LINES for char in text)
