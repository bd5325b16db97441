"""p of "no difference to the original": exact McNemar for right or wrong, sign-flip permutation for all else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from lnbench.reporting.statistics._bootstrap import RESAMPLES, sign_flipped_means

__all__ = ["mcnemar", "paired_p", "paired_ps"]

FloatArray = npt.NDArray[np.float64]

#: Up to this many changed documents all sign patterns are counted (2^13 = 8192).
_EXACT = 13
#: Sums that differ by rounding alone are ties, and ties count.
_TINY = 1e-12


@lru_cache(maxsize=65536)
def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided McNemar test: of the documents that changed, half would gain if nothing were the matter.

    Q. McNemar, Psychometrika 12 (1947) 153-157; the binomial test of ``gained`` among ``gained + lost``. 1 when no
    document changed.
    """
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def paired_p(differences: FloatArray, *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """p of one sample; see :func:`paired_ps`."""
    return paired_ps([differences], resamples=resamples, seed=seed)[0]


def paired_ps(samples: Sequence[FloatArray], *, resamples: int = RESAMPLES, seed: int = 0) -> list[float]:
    """Two-sided p of "no difference" for several samples of per-document differences.

    Args:
        samples: differences ``[documents]`` each, finite. All -1, 0 or 1: exact McNemar. Otherwise the sign-flip test
            (:func:`scipy.stats.permutation_test` with ``permutation_type="samples"``): exact up to 13 changed
            documents, else ``resamples - 1`` random sign patterns and the observed one, so that p is at least
            1 / ``resamples``. Samples of one size share their patterns.
        resamples, seed: of the random patterns.

    Returns:
        p per sample, NaN without documents.
    """
    found = [np.nan] * len(samples)
    flipped = []
    for at, sample in enumerate(np.round(s, 12) for s in samples):
        if sample.size and np.isin(sample, (-1.0, 0.0, 1.0)).all():
            found[at] = mcnemar(int((sample == 1).sum()), int((sample == -1).sum()))
        elif sample.size:
            flipped.append(at)
    for at, p in zip(flipped, _sign_flips([samples[at] for at in flipped], resamples, seed), strict=True):
        found[at] = p
    return found


def _sign_flips(samples: Sequence[FloatArray], resamples: int, seed: int) -> list[float]:
    found = [np.nan] * len(samples)
    wanted = defaultdict(list)
    for at, sample in enumerate(samples):
        if np.count_nonzero(sample) <= _EXACT:
            found[at] = _exact(sample[sample != 0])
        else:
            wanted[sample.size].append(at)
    for places in wanted.values():
        columns = np.stack([samples[at] for at in places], axis=1)
        flipped = sign_flipped_means(columns, resamples=resamples - 1, seed=seed)
        observed = np.abs(columns.mean(axis=0))
        extreme = (np.abs(flipped) >= observed * (1 - 1e-9) - _TINY).sum(axis=0)
        for at, count in zip(places, extreme, strict=True):
            found[at] = float((count + 1) / resamples)
    return found


def _exact(changed: FloatArray) -> float:
    """All 2^n sign patterns of the documents that changed; those that did not make no difference."""
    if changed.size == 0:
        return 1.0
    patterns = np.indices((2,) * changed.size).reshape(changed.size, -1) * 2 - 1
    sums = np.abs(changed @ patterns)
    return float(np.mean(sums >= abs(changed.sum()) * (1 - 1e-9) - _TINY))
