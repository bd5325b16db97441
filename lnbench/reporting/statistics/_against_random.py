"""Is the specific set more harmful than **a random set** of the same size? Not: than the mean of random sets.

The harms of K random sets, measured on the same documents, say how much random sets differ. If the specific set were
one more of them, its harm would lie within ``mean +- t(K-1) * sd * sqrt(1 + 1/K)`` 95 times in 100: the prediction
interval of one more draw. An interval of the *mean* of the K harms would be too narrow by sqrt(K + 1).

The spread of the measured harms already holds the noise of the documents, since every set meets the same documents;
adding that noise once more would count it twice. But K draws can agree by luck, or because they change no document at
all. So the noise of the documents is a floor: the interval is the wider of the two, and p the larger of the two. Where
the specific set stands for several seeds of a training, so is the spread of these seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from lnbench.reporting.statistics._gain_loss import gain_loss_interval
from lnbench.reporting.statistics._units import documents

__all__ = ["AgainstRandom", "against_random", "mean_of_draws"]

FloatArray = npt.NDArray[np.float64]
_TINY = 1e-12
_NONE = (math.nan, math.nan)
_ALONE = "no random set to compare with"
_UNSCORED = "no document is scored in all conditions that are compared"
_ONE_SET = "one random set says nothing of how much random sets differ; run at least 2, better 5"
_ONE_DOCUMENT = "fewer than 2 documents are scored in both conditions"


@dataclass(frozen=True)
class AgainstRandom:
    """The specific set against matched random sets.

    Attributes:
        difference: harm of the specific set minus mean harm of the random sets; positive: more harmful.
        interval: prediction interval of ``difference``; it contains 0 when the specific set behaves like one more
            random set.
        p: two-sided, of the specific set being one more random set; below 0.05 exactly when ``interval`` excludes 0.
        rank_p: (1 + random sets at least as harmful) / (K + 1), one-sided; no assumption, but never below 1 / (K + 1).
        harms: harm of each random set that was compared with.
        used: which those are; one that shares no scored document with the specific set is left out.
        reason: why numbers are NaN, or None.
    """

    difference: float
    interval: tuple[float, float]
    p: float
    rank_p: float
    harms: tuple[float, ...]
    used: tuple[int, ...]
    reason: str | None = None


def against_random(
    specific: Sequence[Sequence[FloatArray]],
    randoms: Sequence[Sequence[FloatArray]],
    *,
    scale: float,
    parallel: bool = False,
    level: float = 0.95,
) -> AgainstRandom:
    """Compare the harm of one set with the harms of K random sets, each on the documents that both have scored.

    Args:
        specific: per seed of its training (one where nothing is drawn) and language the harm of each document,
            ``[documents]``; NaN where unscored, positive where worse.
        randoms: the same for each of the K random sets.
        scale: how far a score can move, for the case that all documents behave alike.
        parallel: see :func:`lnbench.reporting.statistics.documents`.
        level: of the prediction interval.
    """
    own = mean_of_draws(specific)
    pairs = [_common(own, one) for one in randoms]
    used = tuple(at for at, pair in enumerate(pairs) if math.isfinite(pair[0]))
    if not used:
        alone = not randoms and math.isfinite(_common(own, own)[0])
        return AgainstRandom(math.nan, _NONE, math.nan, math.nan, (), (), _ALONE if alone else _UNSCORED)
    harms = tuple(pairs[at][1] for at in used)
    more = np.array([pairs[at][0] - pairs[at][1] for at in used])
    difference, rank_p = float(more.mean()), (1 + int((more <= _TINY).sum())) / (len(used) + 1)
    noise = _document_noise(own, [randoms[at] for at in used], scale, parallel, level)
    if len(used) == 1 or noise is None:
        return AgainstRandom(difference, _NONE, math.nan, rank_p, harms, used, _ONE_SET if noise else _ONE_DOCUMENT)
    sets = float(more.std(ddof=1)) * math.sqrt(1 + 1 / len(used)), len(used) - 1
    errors = [sets, noise, *_spread_of_seeds(specific)]
    half = max(error * float(stdtrit(freedom, (1 + level) / 2)) for error, freedom in errors)
    p = max(_p(difference, error, freedom) for error, freedom in errors)
    return AgainstRandom(difference, (difference - half, difference + half), p, rank_p, harms, used)


def mean_of_draws(draws: Sequence[Sequence[FloatArray]]) -> list[FloatArray]:
    """Per language the mean of each document over draws, ``[documents]``; NaN where one of them has not scored it."""
    return [np.mean(of_language, axis=0) for of_language in zip(*draws, strict=True)]


def _common(own: Sequence[FloatArray], other: Sequence[FloatArray]) -> tuple[float, float]:
    """Both means over languages, of the documents that both have scored; NaN when a language has none."""
    both = [np.isfinite(a) & np.isfinite(b) for a, b in zip(own, other, strict=True)]
    if not both or not all(scored.any() for scored in both):
        return _NONE
    first, second = ([d[s].mean() for d, s in zip(of, both, strict=True)] for of in (own, other))
    return float(np.mean(first)), float(np.mean(second))


def _spread_of_seeds(draws: Sequence[Sequence[FloatArray]]) -> list[tuple[float, int]]:
    """Standard error over seeds of the mean harm, and its degrees of freedom; nothing where there is one seed."""
    harms = [_common(draw, draw)[0] for draw in draws]
    return [(float(np.std(harms, ddof=1)) / math.sqrt(len(harms)), len(harms) - 1)] if len(harms) > 1 else []


def _document_noise(
    specific: Sequence[FloatArray], randoms: Sequence[Sequence[FloatArray]], scale: float, parallel: bool, level: float
) -> tuple[float, int] | None:
    """Standard error over documents of "specific minus mean random", and its degrees of freedom."""
    contrasts = [own - nanmean([one[i] for one in randoms]) for i, own in enumerate(specific)]
    units = documents(contrasts, parallel=parallel)
    if units.n < 2:
        return None
    freedom = units.n - 1
    error = float(units.values.std(ddof=1)) / math.sqrt(units.n)
    if error < _TINY:  # all documents alike: what was not seen may still be there
        error = scale * gain_loss_interval(0, 0, units.n, level=level)[1] / float(stdtrit(freedom, (1 + level) / 2))
    return error, freedom


def nanmean(rows: Sequence[FloatArray]) -> FloatArray:
    """Mean over arrays of one shape, place by place; NaN counts nowhere, and is the mean where nothing else is."""
    stacked = np.stack(rows)
    known = np.isfinite(stacked)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = np.where(known, stacked, 0.0).sum(axis=0) / known.sum(axis=0)
    return mean


def _p(difference: float, error: float, freedom: int) -> float:
    if abs(difference) < _TINY:
        return 1.0
    return 2 * float(stdtr(freedom, -abs(difference) / error)) if error > _TINY else 0.0
