"""The English / non-English gap as a mean over languages, so that all statistics of such means hold for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["gap_parts"]

FloatArray = npt.NDArray[np.float64]


def gap_parts(english: FloatArray, others: Sequence[FloatArray]) -> list[FloatArray]:
    """Arrays whose mean over languages of means over documents is ``mean of the others' means - English mean``.

    With L other languages: each of theirs times (L + 1) / L, and the English one times -(L + 1). What works on the mean
    over languages (:func:`documents`, :func:`against_random`) then works on the gap (Zhao et al. 2024).

    Args:
        english: harm of each English document, ``[documents]``, NaN where unscored.
        others: the same for each other language, at least one.

    Returns:
        The others' arrays, then the English one.
    """
    number = len(others) + 1
    return [*(number / len(others) * harm for harm in others), -number * english]
