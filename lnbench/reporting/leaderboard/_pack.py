"""Results into a bundle and back: the same results give the same bytes, and the same tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lnbench.reporting.leaderboard._schema import (
    Bundle,
    BundleCondition,
    BundleDocuments,
    BundleMetric,
    BundleTask,
    Vector,
)
from lnbench.reporting.reading import Documents, Results, Role, Scores

__all__ = ["pack_conditions", "pack_tasks", "read_scores", "unpack"]

_DIGITS = 16
_UNSCORED = "-"
#: Scores in a bundle: a character for each document, or numbers.
_Written = str | list[float | None]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def pack_conditions(results: Results) -> list[BundleCondition]:
    """The conditions of one model, in the order of the results."""
    return [
        BundleCondition(
            condition=role.condition,
            ablated=role.ablated,
            seed=role.seed,
            repeat=role.repeat,
            control=role.control,
            what=role.what,
        )
        for role in _roles(results)
    ]


def pack_tasks(results: Results) -> list[BundleTask]:
    """Every task with the scores of all conditions."""
    roles = _roles(results)
    tasks: dict[str, list[Scores]] = {}
    for entry in results:
        tasks.setdefault(entry.task, []).append(entry)
    return [_task(name, entries, roles) for name, entries in tasks.items()]


def unpack(bundle: Bundle, source: Path) -> Results:
    """The results of a bundle.

    Args:
        bundle: checked.
        source: its file, for errors.
    """
    entries = [entry for task in bundle.tasks for entry in _entries(bundle, task, source)]
    return Results(tuple(entries), signatures={bundle.model.name: bundle.signatures})


def _roles(results: Iterable[Scores]) -> list[Role]:
    return list(dict.fromkeys(entry.role for entry in results))


def _task(name: str, entries: Sequence[Scores], roles: Sequence[Role]) -> BundleTask:
    first = entries[0]
    metrics: dict[str, list[Scores]] = {}
    for entry in entries:
        metrics.setdefault(entry.metric, []).append(entry)
    return BundleTask(
        task=name,
        dataset=first.dataset,
        language=first.evaluated,
        documents=_documents(first.documents),
        metrics={metric: _metric(found, roles, first.documents) for metric, found in metrics.items()},
    )


def _documents(documents: Documents) -> BundleDocuments:
    return BundleDocuments(
        doc=[key[0][:_DIGITS] for key in documents.keys],
        prompt=[prompt[:_DIGITS] for prompt in documents.prompts],
        target=[key[1][:_DIGITS] for key in documents.keys],
        position=list(documents.positions),
    )


def _metric(entries: Sequence[Scores], roles: Sequence[Role], documents: Documents) -> BundleMetric:
    rows = {entry.role: _in_order(entry, documents) for entry in entries}
    symbols = _symbols(rows.values())
    written = {entry.role: _written(rows[entry.role], symbols) for entry in entries}
    vectors, of = _distinct(entries, written)
    return BundleMetric(
        higher_is_better=entries[0].higher_is_better,
        symbols={character: _number(value) for value, character in symbols.items()},
        vectors=vectors,
        of=[of.get(role) for role in roles],
    )


def _distinct(entries: Sequence[Scores], written: Mapping[Role, _Written]) -> tuple[list[Vector], dict[Role, int]]:
    """Equal scores once, and which of them each role has."""
    vectors: dict[str, Vector] = {}
    keys: dict[Role, str] = {}
    for entry in entries:
        scores = written[entry.role]
        keys[entry.role] = scores if isinstance(scores, str) else repr(scores)
        vectors.setdefault(keys[entry.role], Vector(value=_number(entry.value), scores=scores))
    places = {key: at for at, key in enumerate(vectors)}
    return list(vectors.values()), {role: places[key] for role, key in keys.items()}


def _in_order(entry: Scores, documents: Documents) -> npt.NDArray[np.float64]:
    if entry.documents is documents:
        return entry.scores
    return entry.scores[[entry.documents.at[key] for key in documents.keys]]


def _symbols(rows: Iterable[npt.NDArray[np.float64]]) -> dict[float, str]:
    """A character for each score, where there are few; none where there are many. NaN is found by ``_written``."""
    every = np.concatenate(list(rows))
    known = sorted({float(value) for value in every[~np.isnan(every)]})
    fixed = {value: character for value, character in ((0.0, "0"), (1.0, "1")) if value in known}
    others = [value for value in known if value not in fixed]
    if len(others) > len(_LETTERS):
        return {}
    unscored = {math.nan: _UNSCORED} if np.isnan(every).any() else {}
    return {**fixed, **dict(zip(others, _LETTERS, strict=False)), **unscored}


def _written(row: npt.NDArray[np.float64], symbols: dict[float, str]) -> _Written:
    values = row.tolist()
    if not symbols and values:
        return [_number(value) for value in values]
    return "".join(_UNSCORED if math.isnan(value) else symbols[value] for value in values)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _entries(bundle: Bundle, task: BundleTask, source: Path) -> Iterator[Scores]:
    documents = _read_documents(task.documents)
    for at, one in enumerate(bundle.conditions):
        role = Role(bundle.model.name, one.condition, one.ablated, one.seed, one.repeat, one.control, one.what)
        for name, metric in task.metrics.items():
            which = metric.of[at]
            if which is None:
                continue
            vector = metric.vectors[which]
            yield Scores(
                role=role,
                task=task.task,
                dataset=task.dataset,
                evaluated=task.language,
                metric=name,
                higher_is_better=metric.higher_is_better,
                value=math.nan if vector.value is None else vector.value,
                documents=documents,
                scores=read_scores(metric, vector),
                source=source,
            )


def read_scores(metric: BundleMetric, vector: Vector) -> npt.NDArray[np.float64]:
    """float [documents], NaN where a document is unscored."""
    if isinstance(vector.scores, str):
        known = {c: math.nan if value is None else value for c, value in metric.symbols.items()}
        return np.array([known[c] for c in vector.scores], dtype=np.float64)
    return np.array([math.nan if value is None else value for value in vector.scores], dtype=np.float64)


def _read_documents(packed: BundleDocuments) -> Documents:
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for pair in zip(packed.doc, packed.target, strict=True):
        keys.append((*pair, seen[pair]))
        seen[pair] += 1
    return Documents(tuple(keys), tuple(packed.prompt), tuple(packed.position))
