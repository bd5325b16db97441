"""From one task's part of a results file and its samples to scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lnbench.errors import DataError
from lnbench.reporting.reading._documents import Documents, position
from lnbench.reporting.reading._files import mapping
from lnbench.reporting.reading._names import dataset_and_language
from lnbench.reporting.reading._results import Scores
from lnbench.reporting.reading._role import Role
from lnbench.scoring import score_of

__all__ = ["Task", "scores_of"]

_Json = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One task of one results file."""

    role: Role
    name: str
    results: _Json
    """The whole results file."""
    samples: Sequence[_Json]
    results_file: Path
    samples_file: Path
    dataset: str | None = None
    language: str | None = None
    pool: dict[Documents, Documents] = field(default_factory=dict, repr=False)
    """Documents met before: cells of one task share them."""


def scores_of(task: Task, notes: list[str]) -> Iterator[Scores]:
    """Every metric of the task that has a number for each document; the others are named in ``notes``.

    Raises:
        DataError: samples are missing, fewer than were evaluated, or without hashes; no results for the task.
    """
    measured = _measured(task)
    _check_number(task)
    for name in dict.fromkeys(key.split(",", 1)[1] for key in measured):
        chosen = [s for s in task.samples if str(s.get("filter", "none")) == name]
        ordered = sorted(chosen, key=position)
        found = Documents.of(ordered, str(task.samples_file))
        documents = task.pool.setdefault(found, found)
        for key, value in measured.items():
            metric, filtered = key.split(",", 1)
            if filtered != name:
                continue
            entry = _scores(task, metric, filtered, value, documents, ordered)
            if entry is None:
                notes.append(f"{metric} of {task.name} has no number for each document and is left out")
            else:
                yield entry


def _measured(task: Task) -> dict[str, float]:
    """lm-eval's aggregates by ``metric,filter``: no standard errors, no text."""
    found = mapping(task.results.get("results")).get(task.name)
    if not isinstance(found, dict):
        raise DataError(f"{task.results_file} has no results of {task.name!r}; was another file put in its place?")
    numbers = {k: v for k, v in found.items() if "," in k and isinstance(v, (int, float)) and not isinstance(v, bool)}
    try:
        return {key: float(value) for key, value in numbers.items() if not key.split(",")[0].endswith("_stderr")}
    except OverflowError:
        raise DataError(f"{task.results_file}: {task.name!r} has a number that no score can be; run it again") from None


def _check_number(task: Task) -> None:
    counted = mapping(mapping(task.results.get("n-samples")).get(task.name)).get("effective")
    filters = {str(s.get("filter", "none")) for s in task.samples} or {"none"}
    per_filter = len(task.samples) / len(filters)
    if counted is not None and per_filter != counted:
        raise DataError(
            f"{task.samples_file} has {per_filter:g} samples, and {counted} were evaluated; was it cut short? Run again"
        )


def _logged(task: Task, metric: str, samples: Sequence[_Json]) -> list[Any]:
    """What the samples have of a metric: all of them, or none.

    Raises:
        DataError: some lack it.
    """
    found = [sample[metric] for sample in samples if metric in sample]
    if found and len(found) != len(samples):
        raise DataError(
            f"{task.samples_file}: {len(samples) - len(found)} of {len(samples)} samples lack {metric!r}; run it again"
        )
    return found


def _scores(
    task: Task, metric: str, filtered: str, value: float, documents: Documents, samples: Sequence[_Json]
) -> Scores | None:
    numbers = [score_of(metric, one) for one in _logged(task, metric, samples)]
    if not numbers or any(number is None for number in numbers):
        return None
    dataset, language = dataset_and_language(task.name)
    better = mapping(mapping(task.results.get("higher_is_better")).get(task.name)).get(metric)
    return Scores(
        role=task.role,
        task=task.name,
        dataset=task.dataset or dataset,
        evaluated=task.language or language,
        metric=metric if filtered == "none" else f"{metric},{filtered}",
        higher_is_better=better if isinstance(better, bool) else None,
        value=math.nan if value is None else value,
        documents=documents,
        scores=np.array(numbers, dtype=np.float64),
        source=task.results_file,
        neurons=_neurons(task),
    )


def _neurons(task: Task) -> int | None:
    found = mapping(mapping(task.results.get("config")).get("lnbench")).get("neurons")
    return found if isinstance(found, int) else None
