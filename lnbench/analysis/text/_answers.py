"""The answers of one cell, from lm-eval's sample file: in which language each came, and how good it is elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import DataError
from lnbench.languages import same_language
from lnbench.reporting import Scores
from lnbench.scoring import METRICS, process

__all__ = ["CLASSES", "Answers", "answers_of", "same_document_scores", "shares"]

FloatArray = npt.NDArray[np.float64]

#: Every answer is in one of these: the language steered to, the one asked in, another (also several), or none told.
CLASSES = ("target", "source", "other", "undecided")


@dataclass(frozen=True, eq=False)
class Answers:
    """What was answered, in the order of the original's documents.

    Attributes:
        documents: as the task asked them.
        texts: the responses.
        languages: the language found in each scored line of each; empty where none could be told.
    """

    documents: tuple[Mapping[str, Any], ...]
    texts: tuple[str, ...]
    languages: tuple[tuple[str, ...], ...]


def answers_of(entry: Scores, like: Scores) -> Answers:
    """The answers of a cell, put in the order of ``like``, which has the same documents.

    Raises:
        DataError: the sample file is gone or says nothing of languages.
    """
    rows = _rows(_file(entry))
    if len(rows) != len(entry.documents):
        raise DataError(f"the samples of {entry.source} are not those that its results are from; run the cell again")
    ordered = [rows[entry.documents.at[key]] for key in like.documents.keys]
    found = [row.get("fidelity_found") for row in ordered]
    if not all(isinstance(one, dict) and isinstance(one.get("languages"), list) for one in found):
        raise DataError(f"the samples of {entry.task} do not say in which language the answers are; run another task")
    return Answers(
        tuple(row["doc"] for row in ordered),
        tuple(str((row.get("filtered_resps") or [""])[0]) for row in ordered),
        tuple(tuple(map(str, one["languages"])) for one in found),  # type: ignore[index]
    )


def shares(answers: Answers, source: str, target: str) -> dict[str, FloatArray]:
    """For each of :data:`CLASSES` whether an answer is in it, ``[documents]`` of 0 and 1."""
    classes = [_class(languages, source, target) for languages in answers.languages]
    return {name: np.array([float(one == name) for one in classes]) for name in CLASSES}


def same_document_scores(answers: Answers, documents: Sequence[Mapping[str, Any]], metric: str) -> FloatArray | None:
    """How good answers are as answers to the same documents in another language, by the task's own scorer.

    Args:
        answers: to documents of one language.
        documents: of the other language.
        metric: of the kind of task.

    Returns:
        ``[documents]``, NaN where unscored; None where documents have no common ids (the data are not parallel), or
        the metric is not the scorer's.
    """
    by_id = {document.get("id"): document for document in documents}
    others = [by_id.get(document.get("id")) for document in answers.documents]
    if any(other is None or metric not in METRICS.get(str(other.get("kind")), ()) for other in others):
        return None
    found = [process(other, [text])[metric] for other, text in zip(others, answers.texts, strict=True) if other]
    return np.array([np.nan if one is None else one for one in found], dtype=np.float64)


def _class(languages: Sequence[str], source: str, target: str) -> str:
    if not languages:
        return "undecided"
    for name, code in (("target", target), ("source", source)):
        if all(same_language(one, code) for one in languages):
            return name
    return "other"


def _file(entry: Scores) -> Path:
    """The sample file beside a results file: the one of its date."""
    date = entry.source.stem.split("_")[-1]
    names = (f"samples_{entry.task}_{date}.jsonl", f"samples_{entry.task}.jsonl")
    found = next((path for name in names if (path := entry.source.parent / name).is_file()), None)
    if found is None:
        raise DataError(f"{entry.source} has no samples of {entry.task} beside it; run it again with --log_samples")
    return found


@lru_cache(maxsize=512)
def _rows(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Samples in the order of the dataset, as results are read."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        return tuple(sorted(rows, key=lambda row: int(row["doc_id"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the samples {str(path)!r} cannot be read ({error!r}); run the cell again") from error
