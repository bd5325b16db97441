"""Expectations of several languages at once: the non-English mean and the gap, held to direct computation."""

from __future__ import annotations

import numpy as np
import pytest

from lnbench.reporting.checking import baseline_of
from lnbench.reporting.checking._grammar import GrammarError, parse
from lnbench.reporting.checking._words import Words

from ..reporting.conftest import documents, scores
from .conftest import results
from .test_expectations import held

N = 40


def blocks(en=0.0, zh=0.5, fr=0.9, *, ablated=("en", "zh", "fr"), random=0.0, seeds=3):
    """The share of right answers that ablating each language's own neurons costs; all others keep theirs."""
    lost = {"en": en, "zh": zh, "fr": fr}
    found = []
    for code in ("en", "zh", "fr"):
        docs = documents(N, code)
        found.append(scores([1.0] * N, code, docs=docs))
        for target in ablated:
            right = N - round(lost[code] * N) if target == code else N
            found.append(scores(_right(right), code, condition="block", ablated=target, docs=docs))
            for seed in range(seeds):
                left = _right(N - round((random + 0.025 * seed) * N))
                found.append(scores(left, code, condition="random", ablated=target, seed=seed, docs=docs))
    return found


def _right(number):
    return [1.0] * number + [0.0] * (N - number)


WORDS = Words.of(baseline_of([results(*blocks())]).cells)


def said(folder, *sentences, entries=None):
    return [(state, told) for state, _, told in held(folder, *sentences, entries=entries or blocks())]


def test_sentences():
    found = parse("non-english summaries: block drop > random drop", WORDS)
    assert (found.claim, found.mean, found.languages) == ("drops", True, frozenset())
    assert parse("block gap > 5 points", WORDS).claim == "gap" and not parse("block gap > 5 points", WORDS).mean
    assert parse("summaries block gap < random gap", WORDS).claim == "gaps"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("non-english: exact_match >= 0.5", "non-english goes with a drop"),
        ("non-english unchanged within 2 points", "non-english goes with a drop"),
        ("non-english zh: block drop > 2", "is of all languages, and .* names zh"),
        ("zh: block gap > 2", "a gap is of all languages"),
        ("block zh gap > 2", "a gap is of all languages"),
        ("gap > 2", "does not say whose gap"),
        ("block gap > random drop", "'random drop' is no amount"),
        ("block gap >= random gap", "two gaps are compared"),
        ("block gab > 2", "did you mean 'gap'"),
        ("nonenglish: block drop > 2", "did you mean 'non-english'"),
    ],
)
def test_no_sentences(text, message):
    with pytest.raises(GrammarError, match=message):
        parse(text, WORDS)


def test_means_and_gaps_are_those_of_the_documents(tmp_path):
    found = said(
        tmp_path, "non-english: block drop > 69 points", "block gap > 0.69", "non-english: block drop < 69 points"
    )
    assert [state for state, _ in found] == ["failed", "passed", "passed"] or {state for state, _ in found} == {
        "passed",
        "failed",
    }
    assert all("70 points, mean of fr, zh" in told for _, told in found)  # (50 + 90) / 2, English loses nothing
    half = said(tmp_path, "block gap <= 45 points", "block gap > 46 points", entries=blocks(en=0.25))
    assert [(state, told) for state, told in sorted(half)] == [
        ("failed", "a gap of 45 points, mean of fr, zh"),
        ("passed", "a gap of 45 points, mean of fr, zh"),
    ]


def test_english_is_asked_under_the_others_where_it_is_not_ablated(tmp_path):
    found = said(tmp_path, "block gap > 0", entries=blocks(en=0.9, ablated=("zh", "fr")))
    assert found == [("passed", "a gap of 70 points, mean of fr, zh")]  # its own neurons were never off


def test_comparisons_need_to_be_significant(tmp_path):
    sure = said(tmp_path, "non-english: block drop > random drop", "block gap > random gap")
    assert [state for state, _ in sure] == ["passed", "passed"] and "corrected p" in sure[0][1]
    same = said(tmp_path, "block gap > random gap", entries=blocks(zh=0.025, fr=0.025))
    assert same[0][0] == "failed"
    turned = said(tmp_path, "non-english: random drop < block drop")
    assert turned[0][0] == "passed"


def test_two_conditions_are_paired_over_documents(tmp_path):
    entries = blocks()
    less = [
        scores(
            list(np.maximum(s.scores, np.arange(N) % 2)),
            s.evaluated,
            condition="other",
            ablated=s.ablated,
            docs=s.documents,
        )
        for s in entries
        if s.condition == "block"
    ]
    found = said(tmp_path, "non-english: block drop > other drop", "other gap > block gap", entries=[*entries, *less])
    assert sorted(state for state, _ in found) == ["failed", "passed"]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (blocks(ablated=("en",)), "no language but English"),
        (blocks(seeds=1), "one random set says nothing"),
        ([s for s in blocks() if s.condition != "original"], "no original run"),
    ],
    ids=["only-english", "one-draw", "no-original"],
)
def test_what_cannot_be_judged(tmp_path, entries, why):
    found = said(tmp_path, "block gap > random gap", entries=entries)
    assert found[0][0] == "incomparable" and why in found[0][1]
