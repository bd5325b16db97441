"""What lm-eval calls for every response."""

import math

import pytest

from lnbench.errors import TaskError
from lnbench.languages import DEMO_LANGUAGES
from lnbench.scoring import METRICS, cut, languages_found, mean_of_scored, process, signatures


def document(kind, lang, target, prompt="?"):
    return {"id": "1", "kind": kind, "lang": lang, "prompt": prompt, "target": target}


@pytest.mark.parametrize(
    ("kind", "lang", "target"), [("summ", "fr", " Le chat dort."), ("qa", "zh", "北京"), ("arith", "en", " 12")]
)
def test_the_target_is_right(kind, lang, target):
    scores = process(document(kind, lang, target), [target])
    assert tuple(scores) == METRICS[kind]
    assert scores["exact_match"] == 1.0


@pytest.mark.parametrize("kind", METRICS)
@pytest.mark.parametrize("response", ["", " ", "...", "12", "\ufffd", "𝟙", "\u0301", "👍"])
def test_degenerate_responses_never_raise(kind, response):
    scores = process(document(kind, "ru", " Кот спит."), [response])
    assert all(value is None or isinstance(value, dict) or 0 <= value <= 1 for value in scores.values())
    assert scores["empty"] == float(not response.strip())


def test_every_metric_has_the_signature_of_its_own_rule():
    named = {kind: signatures(kind) for kind in METRICS}
    assert {kind: tuple(found) for kind, found in named.items()} == METRICS
    rules = [named[kind]["exact_match"].split("|")[0] for kind in ("summ", "qa", "arith")]
    assert rules == ["exact_match", "qa_exact_match", "number"]
    assert f"|langs:{len(DEMO_LANGUAGES)}|" in named["summ"]["fidelity"]
    assert "|names:out|" in named["summ"]["fidelity"]
    with pytest.raises(TaskError, match="'nope'"):
        signatures("nope")


def test_an_answer_ends_where_the_next_question_begins():
    assert cut("5\nQuestion: Tom has 9", "en") == "5\n"
    assert cut("5\n问题：9", "zh") == "5\n"
    assert cut("5 Question: 9", "xx") == "5 Question: 9"
    assert process(document("arith", "en", " 5"), ["5 Question: how many are 4 and 9?"])["exact_match"] == 1.0


def test_a_sum_is_compared_as_a_number():
    for response, right in (
        ("12.0", 1.0),
        (" 12 apples", 1.0),
        ("1.2", 0.0),
        ("twelve", 0.0),
        ("13, not 12 but 13", 0.0),
    ):
        assert process(document("arith", "en", " 12"), [response])["exact_match"] == right, response


def test_several_right_answers_may_be_given():
    row = document("qa", "en", "Paris") | {"answers": ["Paris", "the capital of France"]}
    assert process(row, ["capital of France"])["exact_match"] == 1.0


def test_a_sentence_that_is_mostly_names_is_judged_by_its_other_words():
    prompt = "Text: Heute fährt David nach Mombasa. Danach trifft David Nina.\nZusammenfassung:"
    answer = " David trifft Nina in Mombasa."
    found = process(document("summ", "de", answer, prompt), [answer])
    assert found["fidelity_found"] == {"state": "right", "languages": ["de"]}
    unaided = process(document("summ", "de", answer, "?"), [answer])
    assert unaided["fidelity"] == 0.0


@pytest.mark.parametrize(
    "response", ["O gato dorme na cadeira velha perto da janela.", "Il gatto dorme sulla vecchia sedia in cucina."]
)
def test_only_languages_of_the_embedded_model_are_found(response):
    assert set(process(document("summ", "ru", "x"), [response])["fidelity_found"]["languages"]) < set(DEMO_LANGUAGES)


def test_unscored_is_left_out_of_the_mean():
    assert mean_of_scored([1.0, None, 0.0, None]) == 0.5
    assert math.isnan(mean_of_scored([None, None]))
    assert math.isnan(mean_of_scored([]))


def test_found_languages_are_counted_most_frequent_first():
    one, both = {"state": "right", "languages": ["zh"]}, {"state": "wrong", "languages": ["zh", "fr", "fr"]}
    none = {"state": "unscored", "languages": []}
    assert languages_found([none, one, both, one]) == "zh 2, fr+zh 1, unscored 1"
    assert languages_found([]) == ""


def test_a_kind_without_a_scorer_is_named():
    with pytest.raises(TaskError, match=r"'poem'.*arith, qa, summ"):
        process(document("poem", "en", "x"), ["x"])
