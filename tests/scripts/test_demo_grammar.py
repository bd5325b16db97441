"""The demo model's grammar: parallel, agreeing, deterministic, and with combinations that training never sees."""

import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.demo_model import realise
from scripts.demo_model.content import BANK_SIZES, DRAWERS, PERSON_CAUSES, TASK_KINDS, Content, draw, draw_sentences
from scripts.demo_model.grammar import TRAINING_MIX, document, parallel, switched
from scripts.demo_model.lexicon import LANGUAGES, load_lexicon

KINDS = ("plain", *TASK_KINDS)
HAN, CYRILLIC = re.compile("[\u4e00-\u9fff]"), re.compile("[а-яё]", re.IGNORECASE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_banks_are_parallel(language: str) -> None:
    lexicon = load_lexicon(language)
    sizes = {name: len(entries) for name, entries in lexicon.banks.items()}
    assert sizes | {"cause": len(lexicon.causes)} == BANK_SIZES
    assert lexicon.templates.keys() == load_lexicon("en").templates.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_entries_of_a_bank_are_distinct_and_have_the_same_forms(language: str) -> None:
    for entries in load_lexicon(language).banks.values():
        assert len({entry["base"] for entry in entries}) == len(entries)
        assert len({frozenset(entry) for entry in entries}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_are_the_subject_of_the_first_causes_only(language: str) -> None:
    causes = [cause for cause, _ in load_lexicon(language).causes]
    assert [("{name" in cause) for cause in causes] == [index < PERSON_CAUSES for index in range(len(causes))]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), kind=st.sampled_from(KINDS), held_out=st.booleans())
def test_every_document_is_well_formed(seed: int, kind: str, held_out: bool) -> None:
    documents = parallel(kind, random.Random(seed), held_out=held_out)
    assert [document.language for document in documents] == list(LANGUAGES)
    for doc in documents:
        assert not re.search(r"[{}]|  | $|^ |\n ", doc.prompt + "|" + doc.text)
        assert doc.target.startswith(" ") == (doc.language != "zh" and kind != "plain")
        assert bool(HAN.search(doc.text)) == (doc.language == "zh")
        assert bool(CYRILLIC.search(doc.text)) == (doc.language == "ru")
        assert {character for character in doc.text if character.isdigit()} <= set(string.digits)
        assert (doc.wrong != "") == (kind == "choice") and doc.wrong != doc.target
    numbers = [re.findall(r"\d+", doc.text) for doc in documents if kind == "arith" and doc.language != "sw"]
    assert all(found == numbers[0] for found in numbers)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_word_problems_have_the_right_answer(seed: int) -> None:
    content = draw("arith", random.Random(seed))
    sign = -1 if content.kind == "arith.give" else 1
    for language in LANGUAGES:
        item = realise.arith(language, content)
        a, b = map(int, re.findall(r"\d+", item.prompt))
        assert int(item.target) == a + sign * b


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_answers_to_questions_stand_in_the_passage(seed: int) -> None:
    for item in parallel("qa", random.Random(seed)):
        assert item.target.strip() in item.parts["context"]
        assert item.parts["context"] in item.prompt and item.parts["question"] in item.prompt


@pytest.mark.parametrize("kind", DRAWERS)
def test_training_and_test_never_share_a_combination(kind: str) -> None:
    rng = random.Random(3)
    train = {(c.kind, c.key) for c in (draw(kind, rng) for _ in range(1500))}
    test = {(c.kind, c.key) for c in (draw(kind, rng, held_out=True) for _ in range(200))}
    assert not train & test


def test_about_twelve_percent_of_combinations_are_held_out() -> None:
    rng = random.Random(4)
    drawn = {(c.kind, c.key): c for kind in DRAWERS for c in (DRAWERS[kind](rng) for _ in range(2000))}
    assert 0.10 < sum(content.held_out for content in drawn.values()) / len(drawn) < 0.14


def test_every_sentence_of_a_held_out_text_is_held_out() -> None:
    rng = random.Random(5)
    assert all(content.held_out for _ in range(50) for content in draw_sentences(rng, held_out=True))


def test_the_same_seed_gives_the_same_text() -> None:
    texts = [[document("ru", kind, random.Random(9)).text for kind in TRAINING_MIX] for _ in range(2)]
    assert texts[0] == texts[1]
    assert parallel("summ", random.Random(0))[0].text == (
        "Text: On Monday, Adam goes to Berlin. There Adam buys 10 balls. Then Adam meets Samuel.\n"
        "Summary: Adam meets Samuel in Berlin."
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [(2, "2 яблока"), (4, "4 яблока"), (5, "5 яблок"), (11, "11 яблок"), (12, "12 яблок"), (15, "15 яблок")],
)
def test_russian_counts_agree(number: int, expected: str) -> None:
    assert load_lexicon("ru").counted(0, number) == expected


@pytest.mark.parametrize(
    ("language", "bank", "base", "form", "expected"),
    [
        ("es", "country", "Italia", "and", "e Italia"),
        ("es", "country", "India", "and", "e India"),
        ("es", "tongue", "inglés", "and", "e inglés"),
        ("es", "tongue", "hindi", "and", "e hindi"),
        ("es", "country", "Francia", "and", "y Francia"),
        ("es", "object", "manzanas", "how_many", "Cuántas manzanas"),
        ("es", "object", "libros", "how_many", "Cuántos libros"),
        ("fr", "object", "œufs", "of", "d'œufs"),
        ("fr", "object", "pommes", "of", "de pommes"),
        ("ru", "city", "Москва", "in", "в Москве"),
        ("ru", "city", "Вена", "to", "в Вену"),
        ("ru", "name", "Пётр", "gen", "Петра"),
        ("sw", "object", "vitabu", "how_many", "vitabu vingapi"),
        ("sw", "object", "mayai", "how_many", "mayai mangapi"),
        ("de", "city", "Wien", "to", "nach Wien"),
    ],
)
def test_forms(language: str, bank: str, base: str, form: str, expected: str) -> None:
    assert expected in [entry[form] for entry in load_lexicon(language).banks[bank] if entry["base"] == base]


def test_german_keeps_the_verb_second() -> None:
    content = Content("timed", {"time": 6, "name": 0, "activity": 1, "place": 2}, (0, 1, 2))
    assert realise.sentence("de", content) == "Am Montag liest Anna im Garten ein Buch."


def test_pronouns_follow_the_name() -> None:
    woman, man = ({"cause": 1, "wrong": 2, "name": name} for name in (0, 8))
    assert realise.choice("en", Content("choice", woman, (1, 0))).target == " she eats bread."
    assert realise.choice("ru", Content("choice", man, (1, 8))).target == " он ест хлеб."


@pytest.mark.parametrize(
    ("language", "january", "monday"),
    [
        ("en", "January", "Monday"),
        ("zh", "一月", "星期一"),
        ("fr", "janvier", "lundi"),
        ("es", "enero", "lunes"),
        ("de", "Januar", "Montag"),
        ("ru", "январь", "понедельник"),
        ("sw", "Januari", "Jumatatu"),
    ],
)
def test_cldr_names_are_in_their_own_language(language: str, january: str, monday: str) -> None:
    banks = load_lexicon(language).banks
    assert (banks["month"][0]["base"], banks["weekday"][0]["base"]) == (january, monday)
    for bank in ("month", "date_month", "weekday", "country", "tongue"):
        words = " ".join(entry["base"] for entry in banks[bank])
        assert bool(HAN.search(words)) == (language == "zh")
        assert bool(CYRILLIC.search(words)) == (language == "ru")


def test_only_russian_declines_months_in_dates() -> None:
    for language in LANGUAGES:
        banks = load_lexicon(language).banks
        assert (banks["month"] != banks["date_month"]) == (language == "ru")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_switched_documents_begin_in_one_language_and_go_on_in_the_other(seed: int) -> None:
    before, after = switched("zh", "ru", random.Random(seed))
    assert not CYRILLIC.search(before) and not HAN.search(after) and after
    assert after.startswith(" ") == bool(before)
