"""Paired intervals: closed forms, coverage by simulation, and what is unscored."""

import numpy as np
import pytest

from lnbench.errors import DataError
from lnbench.reporting import paired_difference


def test_no_change_has_no_width():
    scores = np.array([0.0, 1.0, 1.0])
    assert paired_difference(scores, scores) == paired_difference(scores, scores, seed=3)
    assert (paired_difference(scores, scores).low, paired_difference(scores, scores).high) == (0, 0)


def test_mean_and_sign():
    d = paired_difference(np.array([1.0, 1, 1, 0]), np.array([0.0, 0, 1, 0]))
    assert d.mean == -0.5
    assert d.low <= -0.5 <= d.high <= 0
    assert d.n == 4


def test_unscored_documents_leave_the_pair():
    d = paired_difference(np.array([1.0, np.nan, 1.0]), np.array([0.0, 0.0, np.nan]))
    assert (d.mean, d.n) == (-1.0, 1)
    assert np.isnan(d.low)  # one document says nothing of others
    assert paired_difference(np.array([np.nan]), np.array([1.0])).n == 0


def test_different_documents_are_refused():
    with pytest.raises(DataError, match="3 and 2"):
        paired_difference(np.zeros(3), np.zeros(2))


def test_interval_agrees_with_the_normal_one():
    rng = np.random.default_rng(0)
    change = rng.normal(0.2, 1.0, 400)
    d = paired_difference(np.zeros(400), change)
    half = 1.96 * change.std() / 20
    assert d.low == pytest.approx(change.mean() - half, abs=0.15 * half)
    assert d.high == pytest.approx(change.mean() + half, abs=0.15 * half)


def test_coverage():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        original = rng.binomial(1, 0.7, 80).astype(float)
        condition = np.where(rng.random(80) < 0.3, 0.0, original)  # true mean change: -0.21
        d = paired_difference(original, condition, resamples=500)
        hits += d.low <= -0.21 <= d.high
    assert 0.89 <= hits / 200 <= 0.99
