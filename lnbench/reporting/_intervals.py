"""Uncertainty of a paired difference: percentile bootstrap over documents, by scipy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap

from lnbench.errors import DataError


@dataclass(frozen=True)
class Difference:
    """Mean of ``condition - original`` over documents scored in both, and its 95 % interval (NaN with fewer than 2)."""

    mean: float
    low: float
    high: float
    n: int


def paired_difference(
    original: npt.NDArray[np.float64], condition: npt.NDArray[np.float64], *, resamples: int = 2000, seed: int = 0
) -> Difference:
    """The paired difference of two conditions on the same documents.

    Args:
        original, condition: scores ``[documents]`` in the same document order, NaN where unscored.
        resamples: bootstrap resamples of documents (Efron's percentile interval).
        seed: of the resampling; the same input gives the same interval.

    Raises:
        DataError: the two do not have the same number of documents.
    """
    if original.shape != condition.shape:
        raise DataError(
            f"paired scores must come from the same documents, not from {original.size} and {condition.size}; "
            "run both conditions with the same limit"
        )
    change = condition - original
    change = change[np.isfinite(change)]
    if change.size == 0:
        return Difference(np.nan, np.nan, np.nan, 0)
    mean = float(change.mean())
    if change.size == 1:  # one document says nothing of others
        return Difference(mean, np.nan, np.nan, 1)
    if np.all(change == change[0]):  # nothing to resample: every resample has this mean
        return Difference(mean, mean, mean, int(change.size))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = bootstrap((change,), np.mean, n_resamples=resamples, method="percentile", rng=seed)
    interval = found.confidence_interval
    return Difference(mean, float(interval.low), float(interval.high), int(change.size))
