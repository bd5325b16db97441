"""The numbers of a tuning experiment: means over seeds with their intervals, and conditions against each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from lnbench.analysis._finite import finite
from lnbench.analysis.tuning._result import Run, TuningResult

_LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % t-interval; the interval is NaN for a single seed."""

    mean: float
    low: float
    high: float
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """From one value for each seed."""
        found = np.asarray(values, np.float64)
        mean, n = float(found.mean()), len(found)
        if n < 2:
            return cls(mean, math.nan, math.nan, n)
        half = float(student.ppf((1 + _LEVEL) / 2, n - 1)) * float(found.std(ddof=1)) / math.sqrt(n)
        return cls(mean, mean - half, mean + half, n)


@dataclass(frozen=True)
class Effect:
    """What tuning did in one condition with so many documents, in bits per byte.

    Attributes:
        own: of the tuned language, after.
        own_change: the same less the original's.
        others_change: mean over the other languages of their change, with its sign.
        others_moved: mean over the other languages of the size of their change.
        parameters, optimizer_bytes: the same for all seeds.
    """

    condition: str
    documents: int
    parameters: int
    optimizer_bytes: int
    own: Estimate
    own_change: Estimate
    others_change: Estimate | None
    others_moved: Estimate | None


@dataclass(frozen=True)
class Contrast:
    """Two conditions on the same documents, seed by seed: bits per byte of the first less those of the second.

    Attributes:
        what: ``own`` (the tuned language after tuning) or ``others`` (the size of the other languages' change).
    """

    what: str
    first: str
    second: str
    documents: int
    difference: Estimate

    @property
    def verdict(self) -> str:
        """``lower`` or ``higher`` where the interval leaves out 0, else ``undecided``."""
        if self.difference.high < 0:
            return "lower"
        return "higher" if self.difference.low > 0 else "undecided"


def effects(result: TuningResult) -> list[Effect]:
    """One for each number of documents and condition."""
    return [_effect(result, condition, size) for size in result.sizes for condition in result.conditions]


def contrasts(result: TuningResult) -> list[Contrast]:
    """The tuned language under specific and random neurons, the others under specific neurons and full tuning."""
    found = []
    for size in result.sizes:
        for what, first, second in (("own", "specific", "random"), ("others", "specific", "full")):
            pairs = _pairs(result, first, second, size)
            if pairs and (what == "own" or result.others):
                value = _own if what == "own" else _moved
                values = [value(result, a) - value(result, b) for a, b in pairs]
                found.append(Contrast(what, first, second, size, Estimate.of(values)))
    return found


def summary(result: TuningResult) -> dict[str, Any]:
    """Effects and contrasts as plain JSON; NaN is None."""
    listed = {"effects": [asdict(one) for one in effects(result)]}
    compared = [{**asdict(one), "verdict": one.verdict} for one in contrasts(result)]
    plain: dict[str, Any] = finite({**listed, "contrasts": compared})
    return plain


def _effect(result: TuningResult, condition: str, documents: int) -> Effect:
    runs = result.of(condition, documents)
    own = [_own(result, run) for run in runs]
    before = result.original[result.language]
    others = bool(result.others)
    return Effect(
        condition,
        documents,
        runs[0].parameters,
        runs[0].optimizer_bytes,
        Estimate.of(own),
        Estimate.of([value - before for value in own]),
        Estimate.of([float(np.mean(_changes(result, run))) for run in runs]) if others else None,
        Estimate.of([_moved(result, run) for run in runs]) if others else None,
    )


def _own(result: TuningResult, run: Run) -> float:
    return run.end[result.language]


def _changes(result: TuningResult, run: Run) -> list[float]:
    return [run.end[language] - result.original[language] for language in result.others]


def _moved(result: TuningResult, run: Run) -> float:
    return float(np.mean(np.abs(_changes(result, run))))


def _pairs(result: TuningResult, first: str, second: str, documents: int) -> list[tuple[Run, Run]]:
    """Runs of the same seed, which were trained on the same documents."""
    by_seed = {run.seed: run for run in result.of(second, documents)}
    return [(run, by_seed[run.seed]) for run in result.of(first, documents) if run.seed in by_seed]
