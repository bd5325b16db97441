"""The baseline: one JSON file with the score of every document, as text where there are few different scores."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lnbench._paths import is_endless
from lnbench._write import whole
from lnbench.errors import DataError
from lnbench.reporting.checking._cells import Cell, Keys, Place

__all__ = ["SCHEMA", "Baseline", "read_baseline", "write_baseline"]

#: Version of the file; a reader refuses another major version.
SCHEMA = "1.0"
#: What stands for a score where a cell has few different ones.
_SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, eq=False)
class Baseline:
    """What results are compared with: the model's name, the version that wrote it, and the cells."""

    model: str
    lnbench: str
    cells: tuple[Cell, ...]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class _Cell(_Part):
    task: str
    language: str
    condition: str
    ablated: str | None
    seed: int | None
    dataset: str
    metric: str
    higher_is_better: bool | None
    control: bool
    what: str | None
    value: float | None
    documents: Annotated[int, Field(ge=0)]
    """Place in the file's list of documents."""
    levels: list[float | None] | None
    """The different scores, null for unscored, where ``scores`` is text with one symbol a document."""
    scores: str | list[float | None]


class _File(_Part):
    schema_version: str = Field(alias="schema")
    model: str
    lnbench: str
    documents: list[list[str]]
    cells: list[_Cell]


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        DataError: it is missing, cut short, of a newer schema, or no baseline.
    """
    content = _content(path)
    version = str(content.get("schema"))
    if "schema" in content and version.split(".", maxsplit=1)[0] != SCHEMA.split(".", maxsplit=1)[0]:
        raise DataError(f"{path} has schema {version}, and this lnbench reads {SCHEMA}; update lnbench")
    try:
        file = _File.model_validate(content)
        documents = [Keys(tuple(names)) for names in file.documents]
        cells = tuple(_read(cell, documents) for cell in file.cells)
        _check_once(cells)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path} is no baseline of lnbench, at {where}: {first['msg']}; {_AGAIN}") from error
    except (ValueError, IndexError) as error:
        raise DataError(f"{path} is damaged: {error}; {_AGAIN}") from error
    return Baseline(file.model, file.lnbench, cells)


_AGAIN = "take it from version control, or delete it and make it again with --update"


def _content(path: Path) -> dict[str, Any]:
    if is_endless(path):
        raise DataError(f"the baseline {str(path)!r} is a device or a pipe; name a file")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"there is no baseline {str(path)!r}; make it from results that are good with --update"
        ) from error
    except OSError as error:
        raise DataError(f"the baseline {str(path)!r} cannot be read: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no complete JSON ({error}); was it cut short? Then {_AGAIN}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object and is no baseline of lnbench; {_AGAIN}")
    return found


def _check_once(cells: Sequence[Cell]) -> None:
    named = Counter((cell.place, cell.metric) for cell in cells)
    twice = next((place for (place, _), number in named.items() if number > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} stands twice")


def _read(cell: _Cell, documents: Sequence[Keys]) -> Cell:
    if cell.documents >= len(documents):
        raise ValueError(f"{cell.task} names documents that the file has not")
    scores, keys = _scores(cell), documents[cell.documents]
    if len(scores) != len(keys.names):
        raise ValueError(f"{cell.metric} of {cell.task} has {len(scores)} scores for {len(keys.names)} documents")
    place = Place(cell.task, cell.language, cell.condition, cell.ablated, cell.seed)
    value = math.nan if cell.value is None else cell.value
    array = np.array(scores, dtype=np.float64)
    return Cell(
        place, cell.dataset, cell.metric, cell.higher_is_better, cell.control, cell.what, value, keys, array
    )  # fmt: skip


def _scores(cell: _Cell) -> Sequence[float | None]:
    if not isinstance(cell.scores, str):
        return cell.scores
    levels = dict(zip(_SYMBOLS, cell.levels or [], strict=False))
    if not set(cell.scores) <= set(levels):
        raise ValueError(f"{cell.metric} of {cell.task} has a symbol without a level")
    return [levels[symbol] for symbol in cell.scores]


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a baseline, whole or not at all; the same results give the same bytes.

    Raises:
        OutputError: the path cannot be written.
    """
    documents: dict[tuple[str, ...], int] = {}
    lines = [_one(_written(cell, documents)) for cell in sorted(baseline.cells, key=_order)]
    head = {"schema": SCHEMA, "model": baseline.model, "lnbench": baseline.lnbench}
    parts = [f" {_one(key)}: {_one(value)}" for key, value in head.items()]
    parts += [_list("documents", [_one(names) for names in documents]), _list("cells", lines)]
    with whole(path) as part:
        part.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _order(cell: Cell) -> tuple[str, ...]:
    place = cell.place
    seed = "" if place.seed is None else f"{place.seed:09d}"
    return place.task, place.condition, place.ablated or "", seed, cell.metric


def _written(cell: Cell, documents: dict[tuple[str, ...], int]) -> dict[str, Any]:
    place, scores = cell.place, [_finite(score) for score in cell.scores.tolist()]
    levels = sorted(set(scores), key=lambda score: (score is None, score or 0.0))
    few = len(levels) <= len(_SYMBOLS)
    symbols = dict(zip(levels, _SYMBOLS, strict=False))
    return {
        "task": place.task, "language": place.language, "condition": place.condition, "ablated": place.ablated,
        "seed": place.seed, "dataset": cell.dataset, "metric": cell.metric, "higher_is_better": cell.higher_is_better,
        "control": cell.control, "what": cell.what, "value": _finite(cell.value),
        "documents": documents.setdefault(cell.keys.names, len(documents)),
        "levels": levels if few else None,
        "scores": "".join(symbols[score] for score in scores) if few else scores,
    }  # fmt: skip


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _one(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(", ", ": "))


def _list(key: str, lines: Sequence[str]) -> str:
    return f" {_one(key)}: [\n  " + ",\n  ".join(lines) + "\n ]" if lines else f" {_one(key)}: []"
