"""The long form of a table: one row for each condition, ablated language, seed, task and metric."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lnbench._write import whole
from lnbench.studies import TaskScores


@dataclass(frozen=True)
class Row:
    """One number of a table.

    Attributes:
        condition: ``original``, ``random`` or ``specific``.
        ablated: the ablated language, None for ``original``.
        evaluated: the language of the task.
        seed: the draw of a random control, else None.
        task, metric: lm-eval's names.
        value: lm-eval's aggregate over the documents.
        n: documents that were scored.
    """

    condition: str
    ablated: str | None
    evaluated: str
    seed: int | None
    task: str
    metric: str
    value: float
    n: int


def rows_from_scores(scores: Iterable[TaskScores]) -> list[Row]:
    """Rows in the order of the scores."""
    return [_row(s) for s in scores]


def _row(s: TaskScores) -> Row:
    c = s.condition
    return Row(c.name, c.ablated, s.evaluated, c.seed, s.task, s.metric, s.value, s.n)


def write_rows(rows: Sequence[Row], path: Path, **about: Any) -> None:
    """Write ``{"rows": [...], **about}`` as JSON, whole or not at all; NaN is written as null.

    Raises:
        OutputError: the path cannot be written.
    """
    listed = [{key: _finite(value) for key, value in asdict(row).items()} for row in rows]
    text = json.dumps({**about, "rows": listed}, ensure_ascii=False, indent=1, allow_nan=False)
    with whole(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
