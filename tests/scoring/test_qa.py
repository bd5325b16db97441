"""Matching of short answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.scoring import qa

#: What ends a sentence in native text; an ASCII list of punctuation lacks all but the first.
FULL_STOPS = {"en": ".", "zh": "。", "ja": "。", "hi": "।", "ar": "؟", "el": "·", "am": "።"}


def test_equal_answers_are_right():
    assert qa("Paris", "Paris", "fr") == dict.fromkeys(("exact_match", "f1", "squad_em", "squad_f1"), 1.0)


@pytest.mark.parametrize("lang", ["zh", "ja", "hi", "ar", "en"])
def test_a_native_full_stop_changes_nothing(lang):
    gold = {"zh": "北京", "ja": "東京", "hi": "दिल्ली", "ar": "القاهرة", "en": "Cairo"}[lang]
    scores = qa(gold + FULL_STOPS[lang], [gold], lang)
    assert scores["exact_match"] == scores["f1"] == 1.0


def test_chinese_is_matched_by_character():
    scores = qa("三百零八个球员吗", "三百零八个球员", "zh")
    assert scores["exact_match"] == 0.0
    assert scores["f1"] == pytest.approx(14 / 15)
    assert scores["squad_f1"] == 0.0


def test_thai_is_matched_by_cluster():
    assert 0 < qa("กรุงเทพมหานคร", "กรุงเทพ", "th")["f1"] < 1


@pytest.mark.parametrize(
    ("lang", "given_answer", "gold"),
    [
        ("en", "the Nile", "Nile"),
        ("fr", "l'école", "école"),
        ("fr", "l’École", "école"),
        ("fr", "La Seine", "Seine"),
        ("es", "El Río", "río"),
        ("de", "Der Rhein", "Rhein"),
    ],
)
def test_native_articles_do_not_count(lang, given_answer, gold):
    assert qa(given_answer, gold, lang)["exact_match"] == 1.0


def test_articles_of_another_language_count():
    assert qa("la Seine", "Seine", "en")["exact_match"] == 0.0
    assert qa("the Rhein", "Rhein", "de")["exact_match"] == 0.0


def test_articles_inside_words_stay():
    assert qa("lavande", "vande", "fr")["exact_match"] == 0.0
    assert qa("theory", "ory", "en")["exact_match"] == 0.0


def test_composed_and_decomposed_accents_are_equal():
    assert qa("Se\u0301oul", "Séoul", "fr")["exact_match"] == 1.0


def test_an_answer_of_articles_or_punctuation_only_still_matches_itself_alone():
    assert qa("The", "the", "en")["exact_match"] == 1.0
    assert qa("?", "?", "en")["exact_match"] == 1.0
    assert qa("?", "!", "en")["exact_match"] == 0.0
    assert qa("", "the", "en")["f1"] == 0.0


def test_the_best_reference_counts():
    assert qa("Nile", ["Amazon", "the Nile"], "en")["exact_match"] == 1.0
    assert qa("Nile", [], "en")["f1"] == 0.0


#: (prediction, gold, exact match, F1) worked out by hand from the definition in evaluate-v1.1.py.
SQUAD = [
    ("The Broncos", "broncos", 1.0, 1.0),
    ("Denver Broncos!", "Broncos", 0.0, 2 / 3),
    ("a b", "b", 1.0, 1.0),
    ("U.S.", "us", 1.0, 1.0),
    ("b b c", "b c c", 0.0, 2 / 3),
    ("the", "the", 1.0, 0.0),
    ("", "x", 0.0, 0.0),
]


@pytest.mark.parametrize(("prediction", "gold", "exact", "f1"), SQUAD)
def test_the_english_rules_are_those_of_squad(prediction, gold, exact, f1):
    scores = qa(prediction, gold, "de")
    assert scores["squad_em"] == exact
    assert scores["squad_f1"] == pytest.approx(f1)


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["en", "zh", "fr", "th", "xx"]))
def test_scores_are_rates_and_a_text_matches_itself(one, other, lang):
    assert all(0 <= score <= 1 for score in qa(one, other, lang).values())
    assert qa(one, one, lang)["exact_match"] == qa(one, one, lang)["f1"] == 1.0


@given(st.text(max_size=30), st.text(max_size=30))
def test_f1_is_symmetric(one, other):
    assert qa(one, other, "zh")["f1"] == pytest.approx(qa(other, one, "zh")["f1"])


def test_published_gold_answers_match_themselves_with_and_without_a_full_stop(test_data):
    paths = sorted((test_data / "xquad").glob("xquad.*.json"))
    assert len(paths) == 12
    for path in paths:
        lang = path.name.split(".")[1]
        rows = json.loads(path.read_text("utf-8"))["data"]
        golds = [q["answers"][0]["text"] for a in rows for p in a["paragraphs"] for q in p["qas"]][::10]
        for gold in golds:
            stopped = gold + FULL_STOPS.get(lang, ".")
            assert qa(gold, gold, lang)["exact_match"] == qa(stopped, gold, lang)["f1"] == 1.0, (lang, gold)
