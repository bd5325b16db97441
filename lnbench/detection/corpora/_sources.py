"""Documents of a corpus one after another, from wherever it lies; no file is ever read whole.

It knows files, folders and data sets of the hub, and neither tokens nor languages.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lnbench.errors import DataError, SpecError

#: What one document of a text file is: a line, or the lines between two blank ones.
DOCUMENTS = ("line", "blank-line")
#: Only so many characters of a document are kept; the rest of it is skipped.
MOST_CHARACTERS = 1_000_000
#: A longer line of JSON is damage.
_LONGEST_JSON = 64_000_000
_JSON_LINES = (".jsonl", ".ndjson")
_TEXT = (".txt",)
HUB = "datasets:"


def documents_of(source: str, document: str, field: str) -> Iterator[str]:
    """The texts of a source, blank ones left out.

    Args:
        source: a text file, a file of JSON lines (``.jsonl``, ``.ndjson``), either of them with ``.gz``, a folder of
            those (by name, subfolders too), or ``datasets:NAME:CONFIG:SPLIT:FIELD``.
        document: one of :data:`DOCUMENTS`, for text files.
        field: the field that holds the text, for JSON lines.

    Raises:
        DataError: the source is missing, cannot be read, or is not what it should be.
        SpecError: the name of a data set is incomplete.
    """
    if source.startswith(HUB):
        yield from _hub_rows(source)
        return
    for path in _files(Path(source)):
        yield from _json_documents(path, field) if _kind(path) in _JSON_LINES else _TEXT_READERS[document](path)


def check_source(source: str) -> None:
    """Refuse a file or folder that is not there, before a model is loaded to read it.

    Raises:
        DataError: there is none; of a streamed data set nothing is known yet.
    """
    if not source.startswith(HUB) and not Path(source).exists():
        raise _missing(Path(source))


def _missing(path: Path) -> DataError:
    return DataError(f"no corpus at {str(path)!r}; name a UTF-8 text file, .jsonl file or folder")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        if _kind(path) == ".json":
            raise DataError(f"the corpus {str(path)!r} is JSON; write one object a line and call it {path.stem}.jsonl")
        return [path]
    found = sorted(p for p in path.rglob("*") if _kind(p) in (*_TEXT, *_JSON_LINES) and p.is_file())
    if not found:
        raise DataError(f"the corpus folder {str(path)!r} has no .txt or .jsonl file; put some there or name a file")
    return found


def _kind(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


def _lines(path: Path, most: int) -> Iterator[str]:
    """Lines, split at newlines alone, of at most ``most`` characters each; what is longer is cut."""
    with _readable(path) as file:
        begins = True
        while piece := file.readline(most):
            if begins:
                yield piece.rstrip("\r\n")
            begins = piece.endswith("\n")


@contextmanager
def _readable(path: Path) -> Iterator[io.TextIOWrapper]:
    try:
        with open_bytes(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="\n") as file:
            yield file
    except FileNotFoundError:
        raise _missing(path) from None
    except UnicodeDecodeError as error:
        raise DataError(f"the corpus {str(path)!r} is not UTF-8 ({error.reason}); convert it with iconv") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"the corpus {str(path)!r} cannot be read ({reason}); check the file") from error


def open_bytes(path: Path) -> Any:
    """A file's content as bytes, unpacked where it is called ``.gz``."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _one_a_line(path: Path) -> Iterator[str]:
    return (line for line in _lines(path, MOST_CHARACTERS) if line.strip())


def _between_blank_lines(path: Path) -> Iterator[str]:
    kept: list[str] = []
    size = 0
    for line in _lines(path, MOST_CHARACTERS):
        if line.strip():
            kept += [line] if size < MOST_CHARACTERS else []
            size += len(line) + 1
        elif kept:
            yield "\n".join(kept)[:MOST_CHARACTERS]
            kept, size = [], 0
    if kept:
        yield "\n".join(kept)[:MOST_CHARACTERS]


_TEXT_READERS = {"line": _one_a_line, "blank-line": _between_blank_lines}


def _json_documents(path: Path, field: str) -> Iterator[str]:
    for number, line in enumerate(_lines(path, _LONGEST_JSON), 1):
        if line.strip():
            yield from _text_of(_parsed(line, number, path), field, f"line {number} of {str(path)!r}")


def _parsed(line: str, number: int, path: Path) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        cut = f"longer than {_LONGEST_JSON} characters" if len(line) >= _LONGEST_JSON else "not JSON"
        raise DataError(f"line {number} of {str(path)!r} is {cut}; write one JSON object a line") from None


def _text_of(row: Any, field: str, where: str) -> Iterator[str]:
    """The text of a row; nothing where it is null or blank."""
    if not isinstance(row, dict) or field not in row:
        has = f"has the fields {', '.join(map(repr, row))}" if isinstance(row, dict) else f"is a {type(row).__name__}"
        raise DataError(f"{where} {has} and no field {field!r}; name the one that holds the text")
    text = row[field]
    if text is not None and not isinstance(text, str):
        raise DataError(f"{where} holds a {type(text).__name__} in {field!r}, not text; name another field")
    if text and text.strip():
        yield text[:MOST_CHARACTERS]


def _hub_rows(source: str) -> Iterator[str]:
    """Texts of a data set, streamed; ``datasets`` opens a name on the hub or a local folder of data files."""
    name, config, split, field = split_hub_name(source)
    try:
        from datasets import load_dataset

        for number, row in enumerate(load_dataset(name, config or None, split=split, streaming=True), 1):
            yield from _text_of(row, field, f"row {number} of {source!r}")
    except (DataError, GeneratorExit):
        raise
    except Exception as error:  # the network, the hub, and every reader that `datasets` has
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(f"the data set {source!r} cannot be read ({reason}); check its name and the network") from error


def split_hub_name(source: str) -> tuple[str, str, str, str]:
    """NAME, CONFIG (may be empty), SPLIT and FIELD of ``datasets:NAME:CONFIG:SPLIT:FIELD``.

    Raises:
        SpecError: a part is missing.
    """
    parts = source.removeprefix(HUB).rsplit(":", 3)
    if len(parts) != 4 or not (parts[0] and parts[2] and parts[3]):
        raise SpecError(
            f"the data set {source!r} is incomplete; write datasets:NAME:CONFIG:SPLIT:FIELD, as in "
            "datasets:org/wiki:zh:train:text (CONFIG may be empty)"
        )
    return parts[0], parts[1], parts[2], parts[3]
