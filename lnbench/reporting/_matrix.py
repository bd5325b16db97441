"""The ablation matrix: rows condition and ablated language, columns evaluated languages, and the fidelity column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from lnbench.reporting.statistics import Difference, paired_difference
from lnbench.studies import Condition, TaskScores

_ORIGINAL = Condition("original")


@dataclass(frozen=True)
class Matrix:
    """Scores of one kind of task under every condition.

    Attributes:
        metric: the metric shown.
        languages: evaluated languages, the columns.
        ablated: ablated languages, the rows.
        original: ``[evaluated]``.
        specific: ``[ablated, evaluated]``.
        random: ``[ablated, seed, evaluated]``.
        change: per ablated language, specific minus original on its own task, with its interval.
        fidelity: fidelity of the own task's answers: row name -> ``[ablated]``, for ``original``, ``random`` (mean over
            seeds) and ``specific``; NaN where nothing could be scored.
        coverage: the same for the share of these answers that fidelity could be asked of: no rate without it.
        documents: documents per task.
    """

    metric: str
    languages: tuple[str, ...]
    ablated: tuple[str, ...]
    original: npt.NDArray[np.float64]
    specific: npt.NDArray[np.float64]
    random: npt.NDArray[np.float64]
    change: tuple[Difference, ...]
    fidelity: dict[str, npt.NDArray[np.float64]]
    coverage: dict[str, npt.NDArray[np.float64]]
    documents: int


@dataclass(frozen=True)
class _Cells:
    """The scores of one kind of task: what was measured under a condition on a language, by metric."""

    chosen: Mapping[tuple[Condition, str, str], TaskScores]
    languages: tuple[str, ...]

    def values(self, condition: Condition, metric: str) -> list[float]:
        """Of every language; NaN where nothing was measured."""
        found = (self.chosen.get((condition, evaluated, metric)) for evaluated in self.languages)
        return [np.nan if scores is None else scores.value for scores in found]

    def own(self, conditions: Iterable[Condition], ablated: str, metric: str) -> float:
        """Of one language, the mean over conditions."""
        at = self.languages.index(ablated)
        return float(np.mean([self.values(condition, metric)[at] for condition in conditions]))

    def change(self, ablated: str, metric: str) -> Difference:
        """What its specific ablation changes in a language, document by document."""
        pair = [self.chosen[c, ablated, metric].samples for c in (_ORIGINAL, Condition("specific", ablated))]
        return paired_difference(pair[0], pair[1])


def matrix(scores: Iterable[TaskScores], kind: str, metric: str) -> Matrix:
    """Arrange the scores of the tasks ``lnbench_demo_{kind}_{language}`` as a matrix."""
    chosen = {(s.condition, s.evaluated, s.metric): s for s in scores if s.task.split("_")[-2] == kind}
    found = list(dict.fromkeys(condition for condition, _, _ in chosen))
    cells = _Cells(chosen, tuple(dict.fromkeys(language for _, language, _ in chosen)))
    ablated = tuple(c.ablated for c in found if c.name == "specific" and c.ablated)
    seeds = sorted({c.seed for c in found if c.seed is not None})
    draws = {language: [Condition("random", language, seed) for seed in seeds] for language in ablated}
    return Matrix(
        metric=metric,
        languages=cells.languages,
        ablated=ablated,
        original=np.array(cells.values(_ORIGINAL, metric)),
        specific=np.array([cells.values(Condition("specific", a), metric) for a in ablated]),
        random=np.array([[cells.values(c, metric) for c in draws[a]] for a in ablated]),
        change=tuple(cells.change(a, metric) for a in ablated),
        fidelity=_owns(cells, draws, "fidelity"),
        coverage=_owns(cells, draws, "fidelity_coverage"),
        documents=max(s.samples.size for s in chosen.values()),
    )


def _owns(cells: _Cells, draws: Mapping[str, Sequence[Condition]], metric: str) -> dict[str, npt.NDArray[np.float64]]:
    """A metric of each ablated language's own answers, by row of the table."""
    rows = {
        "original": {language: [_ORIGINAL] for language in draws},
        "random": draws,
        "specific": {language: [Condition("specific", language)] for language in draws},
    }
    return {
        name: np.array([cells.own(conditions, language, metric) for language, conditions in row.items()])
        for name, row in rows.items()
    }


def matrix_table(m: Matrix) -> str:
    """The matrix as text, in percent; the ablated language's own column is in brackets."""
    judged = [_percent(np.mean(rates["original"])) for rates in (m.fidelity, m.coverage)]
    table = [["original", "-", *map(_percent, m.original), *judged]]
    for i, language in enumerate(m.ablated):
        if m.random.size:
            random = [_percent(v) for v in m.random[i].mean(axis=0)]
            table.append(["random", language, *random, *_judged(m, "random", i)])
        marked = [_percent(v) for v in m.specific[i]]
        marked[m.languages.index(language)] = f"[{marked[m.languages.index(language)]}]"
        table.append(["specific", language, *marked, *_judged(m, "specific", i)])
    return _narrow(["condition", "ablated", *m.languages, "fidelity", "scored"], table)


def change_table(m: Matrix) -> str:
    """What each ablation changes in its own language, in points: specific with its interval, random with its range."""
    table = [
        [language, _interval(m.change[i]), _spread(m, i) if m.random.size else "-"]
        for i, language in enumerate(m.ablated)
    ]
    headers = ["ablated", "specific [95 % interval]", "random (lowest to highest seed)"]
    return tabulate(table, headers=headers, stralign="right", disable_numparse=True)


def changes(m: Matrix) -> list[dict[str, Any]]:
    """The numbers of :func:`change_table`, for a file: per ablated language mean, interval (null when none) and n."""
    listed = []
    for language, d in zip(m.ablated, m.change, strict=True):
        interval = None if math.isnan(d.low) else [d.low, d.high]
        listed.append({"ablated": language, "metric": m.metric, "mean": d.mean, "interval": interval, "n": d.n})
    return listed


def summary_table(matrices: Sequence[tuple[str, Matrix]]) -> str:
    """All kinds of task in one small table: own and other languages, mean over the ablated languages."""
    table = []
    for name, m in matrices:
        own = np.array([[e == a for e in m.languages] for a in m.ablated])
        random = m.random.mean(axis=1) if m.random.size else np.full_like(m.specific, np.nan)
        original = np.broadcast_to(m.original, own.shape)[own]  # of the same languages as the two beside it
        cells = [original, random[own], m.specific[own], random[~own], m.specific[~own]]
        table.append([name, m.metric, *(_percent(c.mean()) for c in cells)])
    headers = ["task", "metric", "original", "random\nown", "specific\nown", "random\nothers", "specific\nothers"]
    return tabulate(table, headers=headers, stralign="right", disable_numparse=True)


def _narrow(headers: list[str], rows: list[list[str]]) -> str:
    """A table for a terminal of 80 columns: tabulate gives real headers two columns of air each."""
    rule = ["-" * max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    return tabulate([headers, rule, *rows], tablefmt="plain", stralign="right", disable_numparse=True)


def _percent(value: float | np.floating[Any]) -> str:
    return "-" if np.isnan(value) else f"{100 * value:.1f}".removesuffix(".0")


def _judged(m: Matrix, row: str, i: int) -> list[str]:
    """Fidelity of the own language, and on how many of its answers it stands."""
    return [_percent(rates[row][i]) for rates in (m.fidelity, m.coverage)]


def _interval(d: Difference) -> str:
    if math.isnan(d.low):
        return f"{100 * d.mean:+.1f} [-]"
    return f"{100 * d.mean:+.1f} [{100 * d.low:+.1f}, {100 * d.high:+.1f}]"


def _spread(m: Matrix, i: int) -> str:
    """Smallest and largest change of the own language over the random draws."""
    own = m.languages.index(m.ablated[i])
    changes = m.random[i][:, own] - m.original[own]
    return f"{100 * changes.mean():+.1f} ({100 * changes.min():+.1f} to {100 * changes.max():+.1f})"
