"""Rows of files as they are published, each with the place that an error can name; nothing here knows a data set.

Lines end at a newline and nowhere else: published strings hold U+2028, at which ``str.splitlines`` would cut them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lnbench.errors import DataError

#: A row of a file: where it stands, in words, and its fields.
Raw = tuple[str, dict[str, Any]]

_ROW_REMEDY = "mend the row, or fetch the file again"
_FILE_REMEDY = "fetch the file again"
_TOO_MUCH = "nested too deep, or a number too long"


def text_of(path: Path) -> str:
    """The whole of a UTF-8 file (a byte-order mark is left out).

    Raises:
        DataError: it cannot be read, is not UTF-8 or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8, or {_FILE_REMEDY}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the file") from error
    if not text.strip():
        raise DataError(f"{path} is empty; {_FILE_REMEDY}")
    return text


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Lines that are not blank, each with its place; the file is read as far as they are consumed.

    Raises:
        DataError: as for :func:`text_of`.
    """
    number, found = 0, False
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    found = True
                    yield f"{path}, line {number}", line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (after line {number}); save it as UTF-8, or {_FILE_REMEDY}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the file") from error
    if not found:
        raise DataError(f"{path} is empty; {_FILE_REMEDY}")


def json_lines(path: Path) -> Iterator[Raw]:
    """The objects of a file with one JSON object a line.

    Raises:
        DataError: as for :func:`text_of`, or a line is something else.
    """
    for where, line in lines_of(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: not JSON ({getattr(error, 'msg', _TOO_MUCH)}); {_ROW_REMEDY}") from error
        if not isinstance(row, dict):
            raise DataError(f"{where}: not a JSON object; {_ROW_REMEDY}")
        yield where, row


def tab_lines(path: Path, fields: Sequence[str]) -> Iterator[Raw]:
    """The rows of a file without a header whose fields are separated by tabs; a quotation mark is a letter like others.

    Raises:
        DataError: as for :func:`text_of`, or a row has another number of fields.
    """
    for where, line in lines_of(path):
        cells = line.split("\t")
        if len(cells) != len(fields):
            wanted = " and ".join(fields)
            raise DataError(f"{where}: {len(cells)} fields instead of {len(fields)} ({wanted}); {_ROW_REMEDY}")
        yield where, dict(zip(fields, cells, strict=True))


def csv_rows(path: Path, field: str) -> Iterator[Raw]:
    """The rows of a CSV file with a header, in which a quoted cell may run over several lines.

    Raises:
        DataError: as for :func:`text_of`, the header lacks ``field``, or a row is not whole.
    """
    csv.field_size_limit(2**31 - 1)
    reader = csv.DictReader(io.StringIO(text_of(path), newline="\n"), strict=True)
    try:
        if field not in (reader.fieldnames or ()):
            raise DataError(f"{path}, line 1: the header has no {field!r}; {_FILE_REMEDY}")
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row or None in row.values():
                raise DataError(f"{where}: the row has not as many cells as the header; {_ROW_REMEDY}")
            yield where, row
    except csv.Error as error:
        raise DataError(f"{path}, line {max(1, reader.line_num)}: not CSV ({error}); {_ROW_REMEDY}") from error


def json_file(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        DataError: as for :func:`text_of`, or it is not JSON; the line is named.
    """
    try:
        return json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not JSON ({error.msg}); {_FILE_REMEDY}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({_TOO_MUCH}); {_FILE_REMEDY}") from error


def parquet_rows(paths: Sequence[Path]) -> Iterator[Raw]:
    """The rows of parquet files, one file after another.

    Raises:
        DataError: a file is not parquet, or there is no row.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import read_table

    found = False
    for path in paths:
        try:
            rows = read_table(path).to_pylist()
        except (ArrowException, OSError, ValueError, OverflowError) as error:  # the last two: names and dates
            raise DataError(f"{path} is not a parquet file that can be read; {_FILE_REMEDY}") from error
        for number, row in enumerate(rows, start=1):
            found = True
            yield f"{path}, row {number}", row
    if not found:
        raise DataError(f"{', '.join(map(str, paths))} is empty; {_FILE_REMEDY}")


def field(raw: Raw, name: str) -> str:
    """The text in a field of a row, without outer white space.

    Raises:
        DataError: the field is missing, empty or holds no text.
    """
    where, row = raw
    value = row.get(name)
    if not isinstance(value, str):
        raise refuse(where, f"the field {name!r} {'is missing' if value is None else 'is no text'}")
    if not value.strip():
        raise refuse(where, f"the field {name!r} is empty")
    whole(raw, name)
    return value.strip()


def whole(raw: Raw, name: str) -> None:
    """Refuse text with half of a surrogate pair, which JSON can carry and no tokenizer can read.

    Raises:
        DataError: the field holds one.
    """
    where, row = raw
    try:
        row[name].encode()
    except UnicodeEncodeError:
        raise refuse(where, f"the field {name!r} holds half a character (a lone surrogate)") from None


def refuse(where: str, problem: str) -> DataError:
    """The error for a row that is well formed and cannot be right."""
    return DataError(f"{where}: {problem}; {_ROW_REMEDY}")
