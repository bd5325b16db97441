"""Reading and writing bundles: every error names the file and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lnbench._write import whole
from lnbench.errors import DataError, OutputError
from lnbench.reporting.leaderboard._schema import SCHEMA, Bundle

__all__ = ["as_text", "read_bundle", "read_checked", "read_json", "usable_names", "write_text"]

#: A larger file is no bundle: the scores of a million documents take less.
_LARGEST = 64 * 2**20
_Model = TypeVar("_Model", bound=BaseModel)


def read_bundle(path: Path) -> Bundle:
    """A bundle, checked against its schema.

    Raises:
        DataError: it is cut short, of a newer schema, or no bundle.
    """
    bundle = read_checked(path, Bundle)
    if bundle.name != path.stem:
        raise DataError(f"{path} holds the bundle {bundle.name!r}; call the file {bundle.name}.json")
    return bundle


def read_checked(path: Path, kind: type[_Model]) -> _Model:
    """A JSON file of one of our kinds.

    Raises:
        DataError: as :func:`read_bundle`.
    """
    content = read_json(path)
    version = str(content.get("schema"))
    if version.split(".", maxsplit=1)[0] != SCHEMA.split(".", maxsplit=1)[0]:
        raise DataError(f"{path} has schema {version}, and this lnbench reads {SCHEMA}; update lnbench")
    try:
        return kind.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise DataError(
            f"{path} is no {kind.__name__.lower()} of lnbench{_first(error)}; make it with `lnbench leaderboard add`"
        ) from error


@contextmanager
def usable_names(folder: Path) -> Iterator[None]:
    """Turn what the schema refuses of results into one sentence.

    Raises:
        DataError: the results hold a name that is no name.
    """
    try:
        yield
    except ValidationError as error:
        raise DataError(f"{folder} cannot be shown{_first(error)}; correct it in the results") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{f', at {place}' * bool(place)}: {first['msg'].removeprefix('Value error, ')}"


def as_text(content: BaseModel) -> str:
    """The file's text: short lists on one line, so that a difference is readable and the file small."""
    plain = content.model_dump(by_alias=True, mode="json")
    lines = [f" {json.dumps(key)}: {_value(value)}" for key, value in plain.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_text(path: Path, text: str) -> None:
    """Write a text whole, with the folders above it.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {str(path.parent)!r}: {error.strerror}; choose another") from error
    with whole(path) as part:
        part.write_bytes(text.encode("utf-8", "replace"))


def _value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(_one(item) for item in value) + "\n ]"
    return _one(value)


def _one(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: it cannot be read, is cut short, too large or no object.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(f"{path} is larger than {_LARGEST // 2**20} MiB and no bundle; take it away")
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no complete JSON ({error}); was it cut short? Make it again") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object; give a file that `lnbench leaderboard add` made")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")
