"""ROUGE in scripts that rouge-score's own tokenizer drops."""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from lnbench.scoring import rouge
from lnbench.scoring._rouge import ROUGE_TYPES
from lnbench.scoring._text import tokens

SAMPLES = {
    "zh": ("他在北京见到了她。", "猫很大"),
    "ja": ("彼は東京で彼女に会った。", "犬"),
    "th": ("เขาพบเธอที่กรุงเทพ", "หมู"),
    "ru": ("Он встретил её в Москве.", "кот"),
    "hi": ("वह दिल्ली में उससे मिला।", "घर"),
    "ar": ("التقى بها في القاهرة.", "بيت"),
    "am": ("በአዲስ አበባ አገኛት።", "ቤት"),
    "ko": ("그는 서울에서 그녀를 만났다.", "집"),
    "my": ("သူသည် ရန်ကုန်တွင် တွေ့ခဲ့သည်။", "အိမ်"),
    "en": ("He met her in Berlin.", "cat"),
}
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@pytest.mark.parametrize("lang", SAMPLES)
def test_equal_texts_score_one_and_disjoint_ones_zero(lang):
    text, other = SAMPLES[lang]
    assert rouge(text, text, lang) == dict.fromkeys(ROUGE_TYPES, 1.0)
    assert rouge(other, text, lang)["rouge1"] == 0.0


def test_a_shared_number_is_not_a_shared_text():
    scores = rouge("三百人在308年去了北京", "他们在308年没有看见猫", "zh")
    assert 0 < scores["rouge1"] < 0.6


def test_fullwidth_and_halfwidth_forms_are_equal():
    assert rouge("ＡＢＣ １２３ ｶﾞｽ", "abc 123 ガス", "ja")["rouge2"] == 1.0


def test_spaces_and_punctuation_are_no_tokens():
    assert rouge("他 在 北京 。 ！", "他在北京", "zh")["rouge2"] == 1.0
    assert rouge("เขา พบ เธอ", "เขาพบเธอ", "th")["rougeL"] == 1.0


@pytest.mark.parametrize("text", ["", " ", "...", "😀", "\u0301"])
def test_texts_without_tokens_score_zero_and_never_raise(text):
    assert rouge(text, "a", "en") == rouge("a", text, "en") == dict.fromkeys(ROUGE_TYPES, 0.0)


@settings(deadline=None)
@given(ASCII, ASCII)
def test_ascii_equals_rouge_score_itself(prediction, reference):
    own = RougeScorer(list(ROUGE_TYPES), use_stemmer=False).score(reference, prediction)
    ours = rouge(prediction, reference, "en")
    assert all(abs(ours[name] - own[name].fmeasure) < 1e-9 for name in ROUGE_TYPES)


@given(st.text(max_size=40))
def test_tokens_of_tokens_are_the_same_tokens(text):
    found = tokens(unicodedata.normalize("NFKC", text).lower())
    assert tokens(" ".join(found)) == found


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_scores_are_rates(one, other):
    assert all(0 <= score <= 1 for score in rouge(one, other, "th").values())


#: In the file, but segmented by words that our character tokens do not follow; and a second Turkish sample.
NOT_BY_SPACES = {"zh", "ja", "thai", "burmese"}
NAMED_IN_WORDS = {"bengali": "bn", "telugu": "te", "swahili": "sw", "urdu": "ur", "ukrainian": "uk", "amharic": "am"}
NAMED_IN_WORDS |= {"persian": "fa", "turkish_udhr": "tr"}


def test_the_published_scorer_agrees_in_languages_with_spaces(test_data):
    golden = json.loads((test_data / "golden_rouge.json").read_text("utf-8"))
    compared = 0
    for name, entry in golden.items():
        if not isinstance(entry, dict) or "pairs" not in entry or name in NOT_BY_SPACES:
            continue
        pairs, lang = entry["pairs"], NAMED_IN_WORDS.get(name, name)
        ours = sum(rouge(pair["hyp"], pair["ref"], lang)["rouge1"] for pair in pairs) / len(pairs)
        theirs = sum(pair["nostem"][0] for pair in pairs) / len(pairs)
        assert abs(ours - theirs) <= 0.01, name
        compared += 1
    assert compared >= 20
