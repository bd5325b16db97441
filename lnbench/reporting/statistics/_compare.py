"""One comparison: a condition with the original on the same documents, and with matched random sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import DataError
from lnbench.reporting.statistics._against_random import against_random
from lnbench.reporting.statistics._bootstrap import RESAMPLES
from lnbench.reporting.statistics._intervals import full_range, mean_interval
from lnbench.reporting.statistics._tests import paired_p
from lnbench.reporting.statistics._units import documents

__all__ = ["Effect", "compare", "compare_average"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """What a condition did; every number is NaN where ``reason`` says that it cannot be known.

    Attributes:
        difference: mean over documents of condition minus original, in the metric's unit.
        interval: its 95 % interval over documents.
        p: of no difference: exact McNemar for right or wrong, sign-flip permutation otherwise. Not corrected.
        against_random: harm of the condition minus mean harm of the random sets; positive: more harmful, whichever
            way the metric points.
        against_random_interval: its prediction interval; it contains 0 when the condition behaves like one more
            random set.
        against_random_p: the p that belongs to that interval. Not corrected.
        rank_p: (1 + random sets at least as harmful) / (K + 1).
        K: random sets that were compared with: those that share a scored document with the condition.
        n: documents scored in both, original and condition.
        seeds: of these random sets, where they are known, else their numbers from 0.
        seed: of the bootstrap and the sign-flip test.
        reason: why a number is NaN, in words, or None.
    """

    difference: float
    interval: tuple[float, float]
    p: float
    against_random: float
    against_random_interval: tuple[float, float]
    against_random_p: float
    rank_p: float
    K: int
    n: int
    seeds: tuple[int, ...]
    seed: int
    reason: str | None = None


def compare(
    original: npt.ArrayLike,
    condition: npt.ArrayLike,
    randoms: Sequence[npt.ArrayLike],
    *,
    higher_is_better: bool = True,
    seeds: Sequence[int] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Effect:
    """Compare a condition with the original and with K random controls, on the same documents.

    Args:
        original, condition: scores ``[documents]`` in the same document order; NaN (or None) where unscored. Only
            documents scored in both count.
        randoms: K such arrays, one per matched random set.
        higher_is_better: False for perplexities: more is then more harm.
        seeds: of the random sets, to be carried along.
        seed, resamples: of the bootstrap and the sign-flip test.

    Raises:
        DataError: arrays of different lengths, values that are no finite numbers, or not one seed a random set.
    """
    return compare_average(
        {"": original},
        {"": condition},
        [{"": one} for one in randoms],
        higher_is_better=higher_is_better,
        parallel=False,
        seeds=seeds,
        seed=seed,
        resamples=resamples,
    )


def compare_average(
    original: Mapping[str, npt.ArrayLike],
    condition: Mapping[str, npt.ArrayLike],
    randoms: Sequence[Mapping[str, npt.ArrayLike]],
    *,
    higher_is_better: bool = True,
    parallel: bool = True,
    seeds: Sequence[int] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Effect:
    """As :func:`compare`, of the mean over several languages.

    Args:
        original, condition: language -> scores ``[documents]``.
        randoms: K such mappings.
        higher_is_better, seeds, seed, resamples: as in :func:`compare`.
        parallel: document i is the same document in every language. Documents are then drawn jointly, since a hard
            document is hard in all of them; otherwise each language's documents are drawn by themselves.

    Raises:
        DataError: a language is missing somewhere, arrays of different lengths, values that are no finite numbers.
    """
    rows = [_rows(one, list(original)) for one in (original, condition, *randoms)]
    _check(rows, parallel)
    if seeds is not None and len(seeds) != len(randoms):
        raise DataError(f"{len(randoms)} random sets have not {len(seeds)} seeds; give one seed for each")
    sign = -1.0 if higher_is_better else 1.0
    changes = [[c - o for o, c in zip(rows[0], row, strict=True)] for row in rows[1:]]
    units, scale = documents(changes[0], parallel=parallel), full_range([a for row in rows for a in row])
    harms = [[sign * change for change in one] for one in changes]
    found = against_random(harms[:1], harms[1:], scale=scale, parallel=parallel)
    return Effect(
        difference=units.mean,
        interval=mean_interval(units.values, scale, resamples=resamples, seed=seed),
        p=paired_p(units.flips, resamples=resamples, seed=seed),
        against_random=found.difference,
        against_random_interval=found.interval,
        against_random_p=found.p,
        rank_p=found.rank_p,
        K=len(found.harms),
        n=units.n,
        seeds=tuple(at if seeds is None else seeds[at] for at in found.used),
        seed=seed,
        reason=_reason(units.n, found.reason),
    )


def _reason(n: int, other: str | None) -> str | None:
    if n == 0:
        return "no document is scored in both conditions"
    return "one document says nothing of others" if n == 1 else other


def _rows(given: Mapping[str, npt.ArrayLike], languages: Sequence[str]) -> list[FloatArray]:
    missing = [language for language in languages if language not in given]
    if missing or len(given) != len(languages):
        raise DataError(
            f"the same languages must be in every condition, not {', '.join(given)} beside {', '.join(languages)}; "
            "leave out what is not in all of them"
        )
    return [_scores(given[language]) for language in languages]


def _scores(given: Any) -> FloatArray:
    try:
        scores = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"scores must be numbers, NaN where unscored: {error}; give one number per document") from error
    if scores.ndim != 1:
        raise DataError(f"scores must be one number per document, not an array of shape {scores.shape}; give a list")
    if np.isinf(scores).any():
        raise DataError(
            f"{int(np.isinf(scores).sum())} of {scores.size} scores are infinite and have no mean; "
            "compare bits per byte instead of a perplexity"
        )
    return scores


def _check(rows: Sequence[Sequence[FloatArray]], parallel: bool) -> None:
    if not rows[0]:
        raise DataError("there is no language to compare; give at least one")
    for row in rows[1:]:
        for one, other in zip(rows[0], row, strict=True):
            if one.size != other.size:
                raise DataError(
                    f"paired scores must come from the same documents, not from {one.size} and {other.size}; "
                    "run all conditions with the same limit"
                )
    sizes = sorted({one.size for one in rows[0]})
    if parallel and len(sizes) > 1:
        raise DataError(
            f"languages with {' and '.join(map(str, sizes))} documents are not parallel; use parallel=False"
        )
