"""Expectations: the grammar, what results are held to, and every refusal with its line and the nearest words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import DataError
from lnbench.reporting.checking import ExpectFile, baseline_of, check
from lnbench.reporting.checking._grammar import Condition, GrammarError, parse
from lnbench.reporting.checking._settings import Amount
from lnbench.reporting.checking._words import Words

from ..reporting.conftest import scores
from .conftest import ROOT, effects, results

LABEL = "scale:0.5 layers=0-3"
CELLS = [
    *effects(),
    *effects(metric="fidelity"),
    *effects(metric="fidelity_coverage"),
    scores([1.0] * 30, "no", dataset="xlsum", metric="exact_match,strict-match"),
    scores([1.0] * 30, "zh", condition=LABEL, ablated="zh"),
]
WORDS = Words.of(baseline_of([results(*CELLS)]).cells)


def file(folder, text):
    path = folder / "e.yaml"
    path.write_text(text, encoding="utf-8")
    return ExpectFile.read(path)


def held(folder, *sentences, entries=None):
    """(state, place, what was said) for each finding about these sentences."""
    found = results(*(CELLS if entries is None else entries))
    text = "expect:\n" + "".join(f"  - {sentence}\n" for sentence in sentences)
    report = check([found], baseline_of([found]), file(folder, text))
    return [
        (one.state, one.where.split(" (lnbench_")[-1].rstrip(")"), one.said)
        for one in report.findings
        if "expectation" in one.kind
    ]


def test_the_first_example_of_all():
    found = parse("zh summaries: specific drop > random drop", WORDS)
    assert (found.claim, found.compare) == ("drops", ">")
    assert (found.condition, found.other) == (Condition("specific"), Condition("random"))
    assert found.languages == {"zh"} and found.tasks == {"demo_summ", "xlsum"} and not found.metrics


@pytest.mark.parametrize(
    ("text", "claim", "amount"),
    [
        ("en unchanged within 2 points", "unchanged", Amount(2, "point")),
        ("en: unchanged within 2points", "unchanged", Amount(2, "point")),
        ("zh, en unchanged under specific zh within .5 %", "unchanged", Amount(0.5, "%")),
        ("fidelity >= 0.9", "level", Amount(0.9)),
        ("fidelity>=0.9", "level", Amount(0.9)),
        ("coverage ≥ 1", "level", Amount(1)),
        ("zh specific fidelity < 30 %", "level", Amount(30, "%")),
        ("no exact_match,strict-match >= 1 point", "level", Amount(1, "point")),
        (f'zh: "{LABEL}" drop <= 3', "drop", Amount(3)),
        ("en in summaries: specific zh drop < 2 points", "drop", Amount(2, "point")),
    ],
)
def test_sentences(text, claim, amount):
    found = parse(text, WORDS)
    assert (found.claim, found.amount, found.text) == (claim, amount, text)


def test_a_language_after_a_condition_is_the_ablated_one():
    found = parse("en: specific zh drop < 2 points", WORDS)
    assert (found.languages, found.condition) == ({"en"}, Condition("specific", "zh"))
    assert parse("original zh fidelity >= 0.9", WORDS).languages == {"zh"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zhh: specific drop > random drop", "'zhh' is no language, task, metric or condition .* 'zh'"),
        ("zh sumaries: specific drop > 2", "did you mean 'summaries'"),
        ("zh: specfic drop > 2", "did you mean 'specific'"),
        ("zh: specific dorp > 2", "did you mean 'drop'"),
        ("zh: specific drop > randm drop", "'randm' is no condition of these results; did you mean 'random'"),
        ("zh: drop > 2", "does not say whose drop; name a condition"),
        ("zh: specific drop >= random drop", "two drops are compared with > or <"),
        ("zh: specific drop 2", "lacks one of > >= < <= after 'zh: specific drop'"),
        ("zh: specific random drop > 2", "names two conditions, 'specific' and 'random'"),
        ("zh unchanged 2 points", "lacks 'within' after 'zh unchanged'"),
        ("zh specific unchanged within 2", "write 'unchanged under specific within"),
        ("zh unchanged within two points", "'two points' is no amount"),
        ("fidelity >= 0.9 always", "'0.9 always' is no amount"),
        ("fidelity >= -1", "'-1' is no amount"),
        ("fidelity >=", "'' is no amount"),
        ("fidelity", "claims nothing"),
        ("", "claims nothing"),
        ("__import__('os').system('x') >= 1", "is no language"),
    ],
)
def test_no_sentences(text, said):
    with pytest.raises(GrammarError, match=said):
        parse(text, WORDS)


PIECES = [*sorted(WORDS.all), "drop", ">", "unchanged", "within", "2", ":", "under", "points", '"']


@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join))
def test_any_text_is_understood_or_refused(text):
    try:
        assert parse(text, WORDS).text == text
    except GrammarError as error:
        assert str(error)


def test_what_holds(tmp_path):
    found = held(
        tmp_path,
        "zh summaries: specific drop > random drop",
        "zh: random drop < specific drop",
        "en unchanged within 2 points",
        "fidelity >= 0.9",
        "zh specific fidelity <= 0.3",
        "zh specific drop >= 100 points",
        "en: specific zh drop < 1 %",
        f'zh specific drop > "{LABEL}" drop',
    )
    assert {state for state, *_ in found} == {"passed"}, found
    rounded = [scores([0.1 + 0.2] * 9, "zh", metric="fidelity")]
    assert held(tmp_path, "fidelity <= 0.3", "fidelity >= 30 %", entries=rounded)[0][0] == "passed"
    assert found[0][1] == "demo_summ_zh, specific zh: exact_match"
    assert [place for _, place, _ in found if "original" in place] == [
        "demo_summ_en, original: fidelity",
        "demo_summ_zh, original: fidelity",
    ]


def test_what_does_not(tmp_path):
    worse = effects(zh=1.0, en=0.5)
    found = held(
        tmp_path,
        "zh: specific drop > random drop",
        "zh: specific drop > 20 points",
        "en unchanged within 2 points",
        "exact_match > 1",
        "zh specific exact_match <= 90 %",
        entries=worse,
    )
    assert {state for state, *_ in found} == {"failed"}, found
    assert "0 points not more, corrected p 1" in found[0][2]
    assert found[2][1:] == ("demo_summ_en, specific zh: exact_match", "50 points worse")


def test_more_must_be_significant(tmp_path):
    few = [*effects(n=3)[:-1], scores([0.0, 1.0, 1.0], condition="specific", ablated="zh")]
    ((state, _, said),) = held(tmp_path, "zh: specific drop > random drop", entries=few)
    assert state == "failed" and "33.3 points more, corrected p" in said


def seeded(*lost: float, n: int = 50):
    """Tuned weights of several seeds, each with a share of its answers lost, beside random sets that lose little."""
    cells = [scores([1.0] * n, "zh")]
    for seed in range(5):
        cells.append(scores([0.0] * (seed % 2) + [1.0] * (n - seed % 2), condition="random", ablated="zh", seed=seed))
    for seed, share in enumerate(lost):
        gone = round(share * n)
        cells.append(scores([0.0] * gone + [1.0] * (n - gone), condition="specific", ablated="zh", seed=seed))
    return cells


def test_every_seed_of_a_condition_counts(tmp_path):
    """One seed of five that loses is no effect, whichever it is; four that lose are one, though the first does not."""
    claim = "zh: specific drop > random drop"
    for one in ((0.6, 0, 0, 0, 0), (0, 0, 0, 0, 0.6)):
        ((state, _, said),) = held(tmp_path, claim, entries=seeded(*one))
        assert state == "failed" and "11.2 points more" in said
    ((state, _, said),) = held(tmp_path, claim, entries=seeded(0, 0.6, 0.6, 0.6, 0.6))
    assert state == "passed" and "47.2 points more" in said


def test_the_unit_of_a_claim_is_that_of_the_metric_not_of_one_condition(tmp_path):
    """A score of 0 to 100 of which all are lost is no share, though 0 lies between 0 and 1."""
    cells = [scores([6.0] * 30, "zh"), scores([0.0] * 30, "zh", condition="specific", ablated="zh")]
    ((state, _, said),) = held(tmp_path, "zh: specific drop > 20 points", entries=cells)
    assert state == "failed" and said == "a drop of 6"


def test_claims_are_one_family(tmp_path):
    cells = [c for c in effects(zh=0.65) if c.condition != "random"]
    cells += [scores([1.0] * 30, condition=f"half{at}", ablated="zh") for at in range(9)]
    once = held(tmp_path, "zh specific drop > half0 drop", entries=cells)
    all_of_them = held(tmp_path, *(f"zh specific drop > half{at} drop" for at in range(9)), entries=cells)
    p, corrected = (float(found[0][2].split()[-1]) for found in (once, all_of_them))
    assert corrected == pytest.approx(9 * p, rel=0.05)


def test_what_cannot_be_judged_is_never_passed(tmp_path):
    gone = [c for c in effects() if not (c.evaluated == "zh" and c.condition == "original")]
    unscored = [scores([None] * 9, "zh", metric="fidelity")]
    one_draw = effects(seeds=1)
    other = [scores([1.0] * 9, "zh"), scores([1.0] * 8, "zh", condition="specific", ablated="zh")]
    for entries, sentence, said in (
        (gone, "zh: specific drop > 2 points", "there is no original run"),
        (unscored, "fidelity >= 0.9", "no document is scored"),
        (one_draw, "zh: specific drop > random drop", "one random set says nothing"),
        (other, "zh: specific drop > 2 points", "other documents than the original"),
        ([scores([3.0] * 9, metric="ppl")], "ppl < 5 %", "is no share"),
        (effects(), "en: specific drop > 2 points", "nothing that it speaks of"),
    ):
        ((state, _, why),) = held(tmp_path, sentence, entries=entries)
        assert state == "incomparable" and said in why


def test_yaml_needs_no_quotes_and_no_is_norwegian(tmp_path):
    entries = [scores([1.0] * 9, code) for code in ("no", "zh")]
    sentences = ["no exact_match >= 0.9", "'zh: exact_match >= 0.9'", "zh: exact_match >= 0.9"]
    assert [state for state, *_ in held(tmp_path, *sentences, entries=entries)] == ["passed"] * 3
    report = check([results(*entries)], baseline_of([results(*entries)]),
                   file(tmp_path, "rules:\n- {language: no, tolerance: 1 point}"))  # fmt: skip
    assert report.exit_code == 0


REFUSED = {
    "expct:\n- fidelity >= 0.9": "line 1: 'expct' is no key of the file; did you mean 'expect'",
    "expect:\n- fidelity >= 0.9\n- zhh unchanged within 2": "line 3: 'zhh' is no language.*did you mean 'zh'",
    "expect:\n- {a: b, c: d}": "line 2: an expectation is no plain text",
    "expect:\n- [a]": "line 2: an expectation is no plain text",
    "expect: {a: b}": "line 1: expect is no list",
    "tolerance: 2 miles": "line 1: '2 miles' is no tolerance",
    "tolerance: [1]": "line 1: a tolerance is no plain text",
    "significance: 5 %": "line 1: '5 %' is no significance level",
    "significance: 2": "between 0 and 1",
    "metrics: [fidelty]": "line 1: 'fidelty' is no metric of these results; did you mean 'fidelity'",
    "rules:\n- {langauge: zh}": "line 2: 'langauge' is no key of a rule; did you mean 'language'",
    "rules:\n- {language: zh}": "line 2: the rule sets nothing",
    "rules:\n- {language: xx, tolerance: 1}": "line 2: 'xx' is no language of these results; choose among en, no, zh",
    "tolerance: 1\ntolerance: 2": "line 2: the key 'tolerance' stands twice",
    "- fidelity >= 0.9": "the file holds no keys",
    "expect: [": "not readable YAML",
    "": "is empty",
    "!!python/object/apply:os.system [x]": "the file holds no keys",
    "expect:\n- !!python/object/apply:os.system [x]": "an expectation is no plain text",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text, tmp_path):
    found = results(*CELLS)
    with pytest.raises(DataError, match=REFUSED[text]) as refused:
        check([found], baseline_of([found]), file(tmp_path, text))
    assert "\n" not in str(refused.value) and "e.yaml" in str(refused.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="the expectations"):
        ExpectFile.read(tmp_path / "none.yaml")
    (tmp_path / "e.yaml").write_bytes(b"\xff")
    with pytest.raises(DataError, match="no UTF-8"):
        ExpectFile.read(tmp_path / "e.yaml")


def test_the_example_is_understood(tmp_path):
    found = results(*CELLS)
    example = ExpectFile.read(ROOT / "examples" / "expectations.yaml")
    assert check([found], baseline_of([found]), example).exit_code == 0
