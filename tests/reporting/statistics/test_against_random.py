"""Against random sets: closed forms, and the false positive rate when the specific set is itself random."""

import numpy as np
import pytest
from scipy.stats import t

from lnbench.reporting.statistics import against_random, holm

EXPERIMENTS = 1000


def harms_of(scores):
    return [[row] for row in scores]


def test_the_prediction_interval_by_hand():
    """Every document harmed almost alike: no noise but that of the sets, so the interval is the textbook's."""
    rng = np.random.default_rng(0)
    harms = [0.01, 0.03, 0.02, 0.05, 0.04]
    almost = rng.normal(0, 1e-4, (6, 50))
    almost -= almost.mean(axis=1, keepdims=True)
    found = against_random([[0.2 + almost[5]]], harms_of(np.array(harms)[:, None] + almost[:5]), scale=1.0)
    error = np.std(harms, ddof=1) * np.sqrt(1 + 1 / 5)
    half = t.ppf(0.975, 4) * error
    assert found.difference == pytest.approx(0.17)
    assert found.harms == pytest.approx(harms)
    assert found.interval == pytest.approx((0.17 - half, 0.17 + half))
    assert found.p == pytest.approx(2 * t.sf(0.17 / error, 4))
    assert found.rank_p == 1 / 6


def test_sets_that_agree_leave_the_noise_of_the_documents():
    randoms = [[np.zeros(40)] for _ in range(5)]
    specific = np.r_[np.ones(4), np.zeros(36)]
    found = against_random([[specific]], randoms, scale=1.0)
    half = t.ppf(0.975, 39) * specific.std(ddof=1) / np.sqrt(40)
    assert found.interval == pytest.approx((0.1 - half, 0.1 + half))
    assert found.interval[1] - found.interval[0] > 0.1
    one = against_random([[np.r_[1.0, np.zeros(39)]]], randoms, scale=1.0)
    assert one.p > 0.3  # one document is no proof, however alike the random sets are


def test_everything_alike_is_no_certainty():
    randoms = [[np.zeros(40)] for _ in range(5)]
    all_lost = against_random([[np.ones(40)]], randoms, scale=1.0)
    assert 0.85 < all_lost.interval[0] < 1 < all_lost.interval[1]
    assert all_lost.p < 1e-6
    nothing = against_random([[np.zeros(40)]], randoms, scale=1.0)
    assert nothing.p == 1
    assert nothing.interval[0] < 0 < nothing.interval[1]


@pytest.mark.parametrize(("harms", "rank"), [([0.1, 0.2, 0.3], 1 / 4), ([0.5, 0.2, 0.3], 2 / 4), ([0.4, 0.5, 0.6], 1)])
def test_rank(harms, rank):
    assert against_random([[np.full(9, 0.4)]], [[np.full(9, h)] for h in harms], scale=1.0).rank_p == rank


def test_without_random_sets_nothing_is_claimed():
    none = against_random([[np.full(9, 0.4)]], [], scale=1.0)
    assert np.isnan([none.difference, *none.interval, none.p, none.rank_p]).all()
    assert "no random set" in none.reason
    one = against_random([[np.full(9, 0.4)]], [[np.full(9, 0.1)]], scale=1.0)
    assert one.difference == pytest.approx(0.3)
    assert one.rank_p == 0.5
    assert np.isnan([*one.interval, one.p]).all()
    assert "at least 2" in one.reason


def test_nothing_scored_is_said():
    found = against_random([[np.full(3, np.nan)]], [[np.zeros(3)]] * 3, scale=1.0)
    assert np.isnan(found.difference)
    assert "no document is scored" in found.reason and found.used == ()
    lost = against_random([[np.zeros(3)]], [[np.zeros(3)], [np.full(3, np.nan)], [np.zeros(3)]], scale=1.0)
    assert len(lost.harms) == 2 and lost.used == (0, 2)  # a random set without answers is no random set to compare with


def test_each_random_set_is_met_on_the_documents_that_both_have_scored():
    """A set that falls silent where no set fails has not failed more than they do."""
    rng = np.random.default_rng(1)
    special = []
    for _ in range(200):
        hard = rng.random((6, 200)) < 0.4 * (np.arange(200) < 100)
        harm = hard.astype(float)
        own = np.where(np.arange(200) < 100, harm[5], np.nan)
        special.append(against_random([[own]], harms_of(harm[:5]), scale=1.0).p < 0.05)
    assert np.mean(special) < 0.1


def test_a_random_set_that_is_silent_elsewhere_by_hand():
    own, silent, whole = np.array([1.0, 0, 1, np.nan]), np.array([np.nan, 0, 1, 1]), np.array([0.0, 0, 1, 1])
    found = against_random([[own]], [[silent], [whole]], scale=1.0)
    assert found.harms == pytest.approx((1 / 2, 1 / 3))
    assert found.difference == pytest.approx((0 + 1 / 3) / 2)
    assert found.rank_p == 2 / 3


def test_seeds_that_differ_are_no_certainty():
    """One seed of five that loses: the mean of the seeds stands for no other five."""
    rng = np.random.default_rng(2)
    randoms = harms_of(rng.normal(0, 0.02, (5, 100)))
    lucky = [[np.full(100, harm)] for harm in (0.6, 0.0, 0.0, 0.0, 0.0)]
    alike = [[np.full(100, harm)] for harm in (0.13, 0.12, 0.11, 0.12, 0.12)]
    one, all_of_them = (against_random(seeds, randoms, scale=1.0) for seeds in (lucky, alike))
    assert one.difference == pytest.approx(all_of_them.difference)
    assert one.p > 0.2 and all_of_them.p < 1e-3
    half = t.ppf(0.975, 4) * np.std([0.6, 0, 0, 0, 0], ddof=1) / np.sqrt(5)
    assert one.interval == pytest.approx((one.difference - half, one.difference + half))


def test_interval_and_p_say_the_same():
    rng = np.random.default_rng(5)
    for _ in range(300):
        specific = rng.normal(0.1, 0.2, 20)
        found = against_random([[specific]], harms_of(rng.normal(0, 0.2, (4, 20))), scale=1.0)
        assert (found.p < 0.05) == (found.interval[0] > 0 or found.interval[1] < 0)


# The specific set is one more random set: how often is it called more (or less) harmful?


def sets_alone(rng, k, n):
    """Sets differ; each document is harmed alike."""
    return 0.03 + rng.normal(0, 0.05, k + 1)[:, None] + rng.normal(0, 1e-4, (k + 1, n))


def sets_and_documents(rng, k, n):
    return 0.03 + rng.normal(0, 0.05, k + 1)[:, None] + rng.normal(0, 0.3, (k + 1, n))


def documents_alone(rng, k, n):
    return 0.03 + rng.normal(0, 0.3, (k + 1, n))


def right_or_wrong(rng, k, n, spread=0.1):
    """Accuracy 0.7, sets lower it by 0.05 +- spread; answers are drawn anew by every set."""
    right = (rng.random(n) < 0.7).astype(float)
    rates = np.clip(0.65 + rng.normal(0, spread, k + 1), 0, 1)
    return right - (rng.random((k + 1, n)) < rates[:, None])


def right_or_wrong_documents_alone(rng, k, n):
    return right_or_wrong(rng, k, n, spread=0.0)


def near_the_edge(rng, k, n):
    """Each document has a margin; sets shift it: the same documents fall first."""
    margin = rng.normal(0.5, 1, n)
    shifted = margin + rng.normal(0, 0.2, k + 1)[:, None] + rng.normal(0, 0.1, (k + 1, n)) > 0
    return (margin > 0).astype(float) - shifted


def rare(rng, k, n):
    """Random sets cost a document now and then: most harms are equal, and their spread means little."""
    return (rng.random((k + 1, n)) < 0.005 * np.exp(rng.normal(0, 0.5, k + 1))[:, None]).astype(float)


def rate(kind, k, n=100):
    rng = np.random.default_rng([k, n])
    drawn = (kind(rng, k, n) for _ in range(EXPERIMENTS))
    found = [against_random([[rows[k]]], harms_of(rows[:k]), scale=1.0) for rows in drawn]
    return np.mean([one.p < 0.05 for one in found])


@pytest.mark.parametrize("k", [5, 20])
@pytest.mark.parametrize("kind", [sets_alone, sets_and_documents, right_or_wrong, near_the_edge])
def test_false_positives_are_near_five_percent(kind, k):
    assert 0.03 <= rate(kind, k) <= 0.065


@pytest.mark.parametrize("k", [5, 20])
@pytest.mark.parametrize("kind", [documents_alone, right_or_wrong_documents_alone])
def test_where_random_sets_differ_by_documents_only_they_are_fewer(kind, k):
    """Chance can make K sets agree more than documents allow; the floor takes away what that would mark."""
    assert 0.012 <= rate(kind, k) <= 0.055


@pytest.mark.parametrize("k", [5, 20])
def test_rare_changes_mark_next_to_nothing(k):
    assert rate(rare, k) <= 0.02


def test_an_interval_of_the_mean_would_not_do():
    """What the prediction interval is for: the interval of the mean calls a third of random sets harmful."""
    rng = np.random.default_rng(0)
    harms = sets_and_documents(rng, 5 * EXPERIMENTS + EXPERIMENTS - 1, 100).mean(axis=1).reshape(EXPERIMENTS, 6)
    randoms, specific = harms[:, :5], harms[:, 5]
    half = t.ppf(0.975, 4) * randoms.std(axis=1, ddof=1) / np.sqrt(5)
    assert 0.28 <= np.mean(np.abs(specific - randoms.mean(axis=1)) > half) <= 0.36


def test_false_positives_of_a_whole_table():
    """49 places, 7 ablated languages by 7 evaluated; each ablation has its own K = 5 random sets; Holm."""
    rng = np.random.default_rng(0)
    marked = 0
    for _ in range(200):
        ps = []
        for _ in range(7):
            effect = rng.normal(0, 0.03, (6, 1))  # of each set, on all languages
            for _ in range(7):
                right = rng.random(50) < 0.8
                lost = rng.random((6, 50)) < np.clip(0.03 + effect + rng.normal(0, 0.02, (6, 1)), 0, 1)
                harm = np.where(right, lost, 0).astype(float)
                ps.append(against_random([[harm[5]]], harms_of(harm[:5]), scale=1.0).p)
        marked += min(holm(ps)) < 0.05
    assert marked / 200 <= 0.06
