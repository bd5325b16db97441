"""One comparison: what it counts, how it turns with the metric, several languages, bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import DataError
from lnbench.reporting import compare, compare_average
from lnbench.reporting.statistics import documents, mcnemar, paired_difference

ORIGINAL = np.array([1.0] * 16 + [0.0] * 4)
SPECIFIC = np.array([0.0] * 10 + [1.0] * 6 + [0.0] * 3 + [1.0])
RANDOMS = [np.where(np.arange(20) == at, 0.0, ORIGINAL) for at in range(5)]


def test_by_hand():
    e = compare(ORIGINAL, SPECIFIC, RANDOMS, seeds=[7, 8, 9, 10, 11])
    assert e.difference == pytest.approx(-9 / 20)
    assert e.p == mcnemar(1, 10)
    assert e.against_random == pytest.approx(9 / 20 - 1 / 20)
    assert e.rank_p == pytest.approx(1 / 6)
    assert (e.K, e.n, e.seeds, e.seed, e.reason) == (5, 20, (7, 8, 9, 10, 11), 0, None)
    assert e.interval[0] < -9 / 20 < e.interval[1] < 0
    assert 0 < e.against_random_interval[0] < e.against_random < e.against_random_interval[1]
    assert e.against_random_p < 0.01


def test_perplexities_turn_round():
    """Twice the bits is as harmful as a drop: only the signs of the metric's own difference change."""
    up = compare(-ORIGINAL, -SPECIFIC, [-r for r in RANDOMS], higher_is_better=False)
    down = compare(ORIGINAL, SPECIFIC, RANDOMS)
    assert up.difference == -down.difference
    assert (up.against_random, up.rank_p, up.p) == (down.against_random, down.rank_p, down.p)
    assert up.against_random_interval == pytest.approx(down.against_random_interval)


def test_only_documents_scored_in_both_count():
    e = compare([1, None, 1, 1, 0], [0, 0, float("nan"), 1, 0], [[1, 1, 1, 1, None], [1, 1, 1, 1, 0]])
    assert (e.n, e.K) == (3, 2)
    assert e.difference == pytest.approx(-1 / 3)
    assert e.against_random == pytest.approx((1 / 2 + 1 / 3) / 2)  # the first random set lacks a document


def test_a_random_set_without_answers_takes_its_seed_along():
    silent = np.full(4, np.nan)
    e = compare([1, 1, 1, 1], [0, 1, 1, 1], [[1, 1, 1, 1], silent, [1, 1, 0, 1]], seeds=(7, 8, 9))
    assert (e.K, e.seeds, e.reason) == (2, (7, 9), None)
    with pytest.raises(DataError, match="3 random sets have not 2 seeds"):
        compare([1], [1], [[1], [1], [1]], seeds=(1, 2))


def test_without_random_sets_the_reason_is_said():
    none, one = compare(ORIGINAL, SPECIFIC, []), compare(ORIGINAL, SPECIFIC, RANDOMS[:1])
    assert none.difference == one.difference == pytest.approx(-0.45)
    assert np.isnan([none.against_random, none.rank_p, none.against_random_p]).all()
    assert (none.K, one.K) == (0, 1)
    assert "no random set" in none.reason
    assert one.rank_p == 0.5
    assert np.isnan(one.against_random_interval).all()
    assert "one random set" in one.reason


@pytest.mark.parametrize(("given", "reason"), [([], "no document"), ([np.nan], "no document"), ([1.0], "one document")])
def test_too_few_documents(given, reason):
    e = compare(given, given, [given] * 3)
    assert reason in e.reason
    assert np.isnan(e.interval).all()


BAD = {
    "lengths": (lambda: compare([1, 0], [1], []), "2 and 1"),
    "random lengths": (lambda: compare([1, 0], [1, 0], [[1, 0, 1]]), "2 and 3"),
    "text": (lambda: compare(["a"], [1], []), "numbers"),
    "nested": (lambda: compare([[1, 0]], [[1, 0]], []), r"\(1, 2\)"),
    "infinite": (lambda: compare([1.0, 2.0], [1.0, np.inf], []), "1 of 2 scores are infinite"),
    "languages": (lambda: compare_average({"en": [1]}, {"zh": [1]}, []), "zh"),
    "no language": (lambda: compare_average({}, {}, []), "no language"),
    "not parallel": (lambda: compare_average({"en": [1], "zh": [1, 0]}, {"en": [1], "zh": [1, 0]}, []), "parallel"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, said = BAD[name]
    with pytest.raises(DataError, match=said):
        call()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30), st.randoms())
def test_order_of_documents_does_not_matter_for_what_is_counted(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    one, two = (compare(*map(np.array, zip(*p)), [], resamples=50) for p in (pairs, shuffled))
    assert one.difference == pytest.approx(two.difference)
    assert one.n == two.n


def test_same_input_same_output():
    rng = np.random.default_rng(0)
    o, s, r = rng.random(70), rng.random(70), list(rng.random((5, 70)))
    assert compare(o, s, r) == compare(o.copy(), s.copy(), [one.copy() for one in r])
    assert compare(o, s, r, seed=1).interval != compare(o, s, r).interval


# Several languages


def test_average_is_the_mean_over_languages():
    o = {"en": ORIGINAL, "zh": ORIGINAL}
    s = {"en": ORIGINAL, "zh": SPECIFIC}
    e = compare_average(o, s, [{"en": r, "zh": r} for r in RANDOMS])
    assert e.difference == pytest.approx(-9 / 40)
    assert e.against_random == pytest.approx(9 / 40 - 1 / 20)
    assert (e.n, e.K) == (20, 5)
    separate = compare_average(o, s, [{"en": r, "zh": r} for r in RANDOMS], parallel=False)
    assert separate.difference == e.difference
    assert separate.n == 40


def test_one_language_averages_to_itself():
    assert compare_average({"zh": ORIGINAL}, {"zh": SPECIFIC}, [{"zh": r} for r in RANDOMS]) == compare(
        ORIGINAL, SPECIFIC, RANDOMS
    )


def test_parallel_documents_rise_and_fall_together():
    """The same change in every language: drawn jointly the interval is that of one language, else far too narrow."""
    rng = np.random.default_rng(1)
    change = rng.normal(-0.2, 0.3, 100)
    o, s = dict.fromkeys("abcd", np.zeros(100)), dict.fromkeys("abcd", change)
    joint, apart = (compare_average(o, s, [], parallel=parallel).interval for parallel in (True, False))
    alone = compare(np.zeros(100), change, []).interval
    assert joint == pytest.approx(alone)
    assert apart[1] - apart[0] == pytest.approx((alone[1] - alone[0]) / 2, rel=0.1)


@pytest.mark.parametrize("parallel", [True, False])
def test_coverage_of_the_average_with_unscored_documents(parallel):
    """Languages with their own effect and their own share of unscored documents; documents hard in all of them."""
    rng = np.random.default_rng(int(parallel))
    effects, hits = np.array([-0.1, -0.3, 0.0]), 0
    for _ in range(300):
        shared = rng.normal(0, 0.3, 80) if parallel else 0
        change = effects[:, None] + shared + rng.normal(0, 0.3, (3, 80))
        change[rng.random((3, 80)) < np.array([[0.0], [0.3], [0.6]])] = np.nan
        units = documents(list(change), parallel=parallel)
        assert units.mean == pytest.approx(np.mean([np.nanmean(row) for row in change]))
        assert units.values.mean() == pytest.approx(units.mean)
        assert units.flips.mean() == pytest.approx(units.mean)
        half = 1.984 * units.values.std(ddof=1) / np.sqrt(units.n)
        hits += abs(units.mean + 0.4 / 3) <= half
    assert 0.92 <= hits / 300 <= 0.98


def test_a_language_without_scored_documents_has_no_average():
    assert documents([np.zeros(3), np.full(3, np.nan)], parallel=True).n == 0
    assert np.isnan(documents([]).mean)


def test_single_language_units_are_its_differences():
    change = np.array([0.5, np.nan, -0.25])
    assert documents([change]).values.tolist() == documents([change], parallel=True).flips.tolist() == [0.5, -0.25]
    assert paired_difference(np.zeros(3), change).mean == 0.125
