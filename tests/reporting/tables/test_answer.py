"""What a table answers in words: only its own marks count, and every kind of "not known" has words of its own."""

import math

import pytest

from lnbench.reporting.tables import TableCell, answer_words, answers
from tests.reporting.tables.test_render import TableRow, table

LOST = {"value": 0.1, "base": 0.9, "difference": -0.8, "against_random": 0.78}
LOST["against_random_interval"], LOST["n"] = (0.6, 0.96), 25
SPARED = {"n": 25, "against_random_interval": (-0.1, 0.12)}
TESTED = {"corrected_p": 0.6, "K": 5}
MARKED = {"corrected_p": 0.001, "K": 5, "mark": "*"}


def row(ablated, **cells):
    return TableRow("specific", ablated, False, (), {code: TableCell(**cell) for code, cell in cells.items()})


def verdict(better=True, **cells):
    """Of Chinese ablated."""
    harm = {"languages": {"zh": {"off_target": 0.02}}, "diagonal_share": 0.9}
    asked = table(rows=(row("zh", **cells),), higher_is_better=better, selectivity={"specific": harm})
    ((one,),) = [answer.verdicts for answer in answers(asked)]
    return one, answer_words(asked)[0]


@pytest.mark.parametrize(
    ("kind", "cells", "words"),
    [
        ("shown", {"zh": {**LOST, **MARKED}}, "specific: yes for zh against 5 random sets: harmed more than by one"),
        ("shown", {"zh": {**LOST, **MARKED}, "en": {**SPARED, **TESTED}}, "and clearly more than any other language"),
        ("undecided", {"zh": {**LOST, **MARKED}, "en": {**LOST, **TESTED}}, "for zh other languages may be harmed as"),
        ("undecided", {"zh": {**LOST, **MARKED}, "en": {"n": 0}}, "for zh other languages may be harmed as much"),
        ("wider", {"zh": {**LOST, **MARKED}, "en": MARKED}, "for zh the harm reaches other languages too"),
        ("not shown", {"zh": {**LOST, **TESTED}}, "not shown for zh"),
        ("not shown", {"zh": {**LOST, **TESTED, "mark": "+"}}, "not shown for zh"),
        ("nothing to lose", {"zh": {**TESTED, "base": 0.0}}, "the original scores 0"),
        ("untested", {"zh": LOST}, "no telling, with fewer than 2 random sets"),
        ("unscored", {"en": MARKED}, "no telling for zh, where fewer than 2 documents are scored in both conditions"),
        ("unscored", {"zh": {"n": 0, "K": 5}}, "The change of the ablated language itself is not known."),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) and len(value) < 20 else "",
)
def test_each_kind_of_answer(kind, cells, words):
    found, told = verdict(**cells)
    assert found.kind == kind
    assert words in told
    assert ("yes" in told) == (kind == "shown")


def test_the_figures_are_signed_changes():
    found, told = verdict(zh={**LOST, **MARKED})
    assert (found.change, found.random, found.others) == pytest.approx((-0.8, -0.02, -0.02))
    assert told.endswith(
        "Mean change of the ablated language itself -80.0 points, with random sets -2.0, other languages -2.0."
    )


def test_where_lower_is_better_a_rise_is_the_harm():
    found, _ = verdict(better=False, zh={**LOST, **MARKED, "difference": 0.8})
    assert (found.change, found.random, found.others) == pytest.approx((0.8, 0.02, 0.02))
    assert verdict(better=False, zh={**TESTED, "base": 0.0})[0].kind == "not shown"


def test_many_languages_are_counted_not_listed():
    codes = tuple(f"l{at}" for at in range(20))
    rows = tuple(row(code, **{code: {**LOST, **(MARKED if at < 12 else TESTED)}}) for at, code in enumerate(codes))
    (told,) = answer_words(table(languages=codes, rows=rows, selectivity={}))
    assert "yes for l0, l1, l2, l3, l4, l5, l6, l7 and 4 more (12 of 20) against 5 random sets" in told
    assert "not shown for l12, l13, l14, l15, l16, l17, l18, l19 (8 of 20)" in told


def test_a_yes_says_against_how_many_random_sets():
    cells = {code: {code: {**LOST, **MARKED, "K": number}} for code, number in (("zh", 2), ("en", 3))}
    rows = tuple(row(code, **found) for code, found in cells.items())
    (told,) = answer_words(table(rows=rows, selectivity={}))
    assert "yes for zh, en (2 of 2) against 2 to 3 random sets: harmed more than by one more of them" in told
    (alone,) = answer_words(table(rows=rows[:1], selectivity={}))
    assert "yes for zh against 2 random sets:" in alone


def test_specific_comes_first_and_controls_and_other_labels_are_no_answer():
    of = {"zh": TableCell(**LOST)}
    rows = [TableRow(name, who, control, (), of) for name, who, control in (
        ("scale", "zh", False), ("random", "zh", True), ("specific", "zh", False), ("specific", "poets", False),
    )]  # fmt: skip
    assert [one.condition for one in answers(table(rows=tuple(rows)))] == ["specific", "scale"]
    assert math.isnan(answers(table(rows=tuple(rows), selectivity={}))[0].kept)
    assert answers(table(rows=())) == []
