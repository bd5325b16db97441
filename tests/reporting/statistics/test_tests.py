"""p values and Holm: exact enumeration, scipy, hand examples, and the false positive rate."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from lnbench.reporting import holm
from lnbench.reporting.statistics import mcnemar, paired_p, paired_ps


@given(st.integers(0, 12), st.integers(0, 12))
def test_mcnemar_counts_coins(gained, lost):
    n = gained + lost
    as_extreme = [k for k in range(n + 1) if abs(k - n / 2) >= abs(gained - n / 2)]
    assert mcnemar(gained, lost) == pytest.approx(sum(math.comb(n, k) for k in as_extreme) / 2**n)


def test_mcnemar_by_hand():
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(1, 5) == pytest.approx(2 * 7 / 64)
    assert mcnemar(0, 0) == 1


@given(st.lists(st.sampled_from([-0.5, -0.2, 0.0, 0.1, 0.4, 0.7]), min_size=1, max_size=9))
def test_small_samples_are_enumerated(values):
    signs = itertools.product((-1, 1), repeat=len(values))
    means = [abs(np.dot(s, values)) for s in signs]
    share = np.mean([m >= abs(np.sum(values)) - 1e-9 for m in means])
    assert paired_p(np.array(values)) == pytest.approx(share)


def test_sign_flip_is_scipys():
    rng = np.random.default_rng(0)
    few, many = rng.normal(0.5, 1, 11), rng.normal(0.18, 1, 150)
    exact = permutation_test((few,), np.mean, permutation_type="samples", n_resamples=5000)
    assert paired_p(few) == pytest.approx(exact.pvalue)
    drawn = permutation_test((many,), np.mean, permutation_type="samples", n_resamples=9999, rng=1)
    assert 0.01 < drawn.pvalue < 0.1
    assert paired_p(many) == pytest.approx(drawn.pvalue, abs=0.01)


def test_right_and_wrong_is_mcnemar_all_else_is_not():
    change = np.array([-1.0] * 8 + [1.0] * 2 + [0.0] * 30)
    assert paired_p(change) == mcnemar(2, 8)
    assert paired_p(change / 2) == pytest.approx(mcnemar(2, 8))  # the same signs, enumerated
    assert paired_ps([change, np.zeros(4), np.empty(0)])[1] == 1
    assert np.isnan(paired_p(np.empty(0)))


def test_company_and_zeros_change_no_p():
    rng = np.random.default_rng(2)
    samples = [rng.normal(0.1, 1, 80), rng.normal(0.2, 1, 80)]
    assert paired_ps(samples) == [paired_p(sample) for sample in samples]
    few = np.array([0.3, -0.1, 0.25, 0.5])
    assert paired_p(np.concatenate([few, np.zeros(50)])) == paired_p(few)


def test_p_is_never_zero():
    assert paired_p(np.full(60, 0.5) + np.linspace(0, 0.1, 60)) == pytest.approx(1e-4)


def test_false_positive_rate_is_five_percent():
    rng = np.random.default_rng(0)
    samples = [np.where(rng.random(100) < 0.6, 0, rng.normal(0, 0.3, 100)) for _ in range(1000)]
    ps = np.array(paired_ps(samples, resamples=1000))
    assert 0.035 <= np.mean(ps <= 0.05) <= 0.065


# Holm


@pytest.mark.parametrize(
    ("ps", "corrected"),
    [
        ([0.01], [0.01]),
        ([0.01, 0.04], [0.02, 0.04]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # the example of most textbooks
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.04, math.nan, 0.01], [0.04, math.nan, 0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(ps, corrected):
    assert holm(ps) == pytest.approx(corrected, nan_ok=True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_order_and_never_helps(ps):
    corrected = holm(ps)
    assert all(p <= c <= 1 for p, c in zip(ps, corrected))
    by_p = [c for _, c in sorted(zip(ps, corrected))]
    assert by_p == sorted(by_p)
    # Stepping down by hand: reject while p <= 0.05 / (m - k).
    rejected = set()
    for k, at in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        if ps[at] * (len(ps) - k) > 0.05:
            break
        rejected.add(at)
    assert {at for at, c in enumerate(corrected) if c <= 0.05} == rejected
