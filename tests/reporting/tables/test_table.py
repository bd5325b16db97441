"""The standardized table: what stands where, what is marked, what is refused."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lnbench.errors import DataError
from lnbench.reporting import Results, Table, compare, compare_average, render, standard_table, standard_tables
from lnbench.reporting.reading import Documents

from ..conftest import documents, scores, study

N = 40


def draw(*names):
    """Random numbers of their own for every name."""
    return np.random.default_rng([sum(map(ord, str(name))) * (at + 1) for at, name in enumerate(names)])


def planted(condition, ablated, seed, evaluated):
    """Right in nine of ten; the specific set takes three of four in its own language; a random set one in fifty."""
    right = draw("original", evaluated).random(N) < 0.9
    lost = 0.75 if (condition, ablated) == ("specific", evaluated) else 0.0 if condition == "original" else 0.02
    return (right & (draw(condition, ablated, seed, evaluated).random(N) >= lost)).astype(float)


@pytest.fixture(scope="module")
def results():
    main = study(planted, languages=("zh", "en", "fr"))
    judged = study(
        lambda *cell: np.where(np.arange(N) % 4 == 0, np.nan, planted(*cell)),
        languages=("zh", "en", "fr"),
        metric="fidelity",
    )
    return Results((*main, *judged))


@pytest.fixture(scope="module")
def table(results):
    return standard_table(results)


def test_rows_and_columns(table):
    assert table.columns == ("zh", "en", "fr", "average", "fidelity")
    assert [(row.condition, row.ablated) for row in table.rows] == [
        ("original", None),
        ("random", "zh"),
        ("specific", "zh"),
        ("random", "en"),
        ("specific", "en"),
    ]
    assert table.documents == {"zh": N, "en": N, "fr": N}
    assert (table.model, table.dataset, table.metric, table.percent) == ("m", "demo_summ", "exact_match", True)
    assert table.row("random", "zh").seeds == (0, 1, 2, 3, 4)


def test_every_number_is_that_of_one_comparison(table):
    """Cell by cell against compare() and compare_average(), called by hand."""
    original = {code: planted("original", None, None, code) for code in table.languages}
    for ablated in ("zh", "en"):
        specific = {code: planted("specific", ablated, None, code) for code in table.languages}
        randoms = [{c: planted("random", ablated, seed, c) for c in table.languages} for seed in range(5)]
        for column in (*table.languages, "average"):
            cell = table.row("specific", ablated).cells[column]
            if column == "average":
                effect = compare_average(original, specific, randoms)
            else:
                effect = compare(original[column], specific[column], [r[column] for r in randoms])
            assert (cell.difference, cell.interval, cell.p) == (effect.difference, effect.interval, effect.p)
            assert cell.against_random_interval == effect.against_random_interval
            assert (cell.against_random, cell.rank_p, cell.K, cell.n) == (
                effect.against_random,
                effect.rank_p,
                effect.K,
                effect.n,
            )
            assert cell.value - cell.base == pytest.approx(cell.difference)


def test_random_row_is_mean_and_spread(table):
    cell = table.row("random", "zh").cells["fr"]
    values = [planted("random", "zh", seed, "fr").mean() for seed in range(5)]
    assert (cell.value, cell.sd, cell.K) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)), 5)
    assert math.isnan(cell.interval[0])
    assert cell.mark == ""


def test_marks_are_where_the_harm_is(table):
    marked = {(row.ablated, column) for row in table.rows for column, cell in row.cells.items() if cell.mark}
    assert marked == {(a, c) for a in ("zh", "en") for c in (a, "average", "fidelity")}
    assert {cell.mark for row in table.rows for cell in row.cells.values()} == {"", "*"}
    assert table.settings["tested"] == 10


def test_marks_are_corrected_for_the_whole_table(table):
    cells = [c for row in table.rows[2::2] for c in row.cells.values()]
    ranked = sorted(cells, key=lambda c: c.against_random_p)
    assert ranked[0].corrected_p == pytest.approx(10 * ranked[0].against_random_p)
    assert all((c.corrected_p < 0.05) == (c.mark == "*") for c in cells)


def test_fidelity_is_the_own_language_on_documents_scored_in_both(table):
    cell = table.row("specific", "zh").cells["fidelity"]
    scored = np.arange(N) % 4 != 0
    assert (cell.n, cell.coverage) == (scored.sum(), 0.75)
    assert cell.value == pytest.approx(planted("specific", "zh", None, "zh")[scored].mean())
    assert cell.base == pytest.approx(planted("original", None, None, "zh")[scored].mean())
    first = table.row("original").cells["fidelity"]
    assert first.value == pytest.approx(
        np.mean([planted("original", None, None, c)[scored].mean() for c in ("zh", "en")])
    )


def test_the_original_has_the_interval_of_its_value(table):
    from scipy.stats import binomtest

    right = int(planted("original", None, None, "zh").sum())
    wilson = binomtest(right, N).proportion_ci(method="wilson")
    assert table.row("original").cells["zh"].interval == pytest.approx((wilson.low, wilson.high))
    low, high = table.row("original").cells["average"].interval
    assert low < table.row("original").cells["average"].value < high


def test_selectivity(table):
    found = table.selectivity["specific"]
    assert found["diagonal_share"] > 0.85
    own = found["languages"]["zh"]
    cells = table.row("specific", "zh").cells
    assert own["target"] == -cells["zh"].difference
    assert own["off_target"] == pytest.approx(-(cells["en"].difference + cells["fr"].difference) / 2)
    assert own["english_gap"] == pytest.approx(
        cells["en"].difference - (cells["zh"].difference + cells["fr"].difference) / 2
    )
    assert 0.7 < own["langspec_f1"] <= 1
    assert table.selectivity["random"]["languages"]["zh"]["langspec_f1"] < 0.2


def test_the_order_of_what_is_read_does_not_matter(results, table):
    again = standard_table(Results(tuple(results)[::-1]), languages=table.languages)
    assert again.as_json() == table.as_json()


def test_same_inputs_same_bytes(results, table):
    again = standard_table(results)
    for form in ("terminal", "markdown", "csv", "json", "latex"):
        assert render(again, form) == render(table, form)
    assert standard_table(results, seed=1).as_json()["rows"] != table.as_json()["rows"]


def test_json_and_back(table):
    assert Table.from_json(table.as_json()).as_json() == table.as_json()
    with pytest.raises(DataError, match="schema 2"):
        Table.from_json({**table.as_json(), "schema": "2.0"})
    with pytest.raises(DataError, match="no table"):
        Table.from_json({"schema": "1.0", "rows": []})


@settings(max_examples=20)
@given(st.randoms())
def test_documents_are_paired_by_hash_not_by_position(random):
    """The specific cell comes in another order, with other doc_ids: nothing changes."""
    order = random.sample(range(N), N)
    values = planted("specific", "zh", None, "zh")
    docs = documents(N, "zh")
    mixed = Documents(
        tuple(docs.keys[at] for at in order), tuple(docs.prompts[at] for at in order), tuple(range(5, N + 5))
    )
    straight = study(planted, languages=("zh",), ablated=("zh",), seeds=2)
    entries = [
        dataclasses.replace(s, documents=mixed, scores=values[order]) if s.condition == "specific" else s
        for s in straight
    ]
    one, two = (standard_table(r, resamples=20) for r in (straight, Results(tuple(entries))))
    assert one.as_json() == two.as_json()


# What depends on what was run


def test_without_random_sets_nothing_is_marked():
    table = standard_table(study(planted, seeds=0))
    cell = table.row("specific", "zh").cells["zh"]
    assert cell.difference < -0.5
    assert (cell.mark, cell.K) == ("", 0)
    assert "no random set" in cell.reason
    assert any("fewer than 2 random sets" in note for note in table.notes)
    one = standard_table(study(planted, seeds=1)).row("specific", "zh").cells["zh"]
    assert "one random set" in one.reason
    assert one.rank_p == 0.5


def test_no_interval_reaches_past_what_a_score_can_lose():
    def gone(condition, ablated, seed, evaluated):
        if condition == "random":
            return (draw(seed, evaluated).random(N) < 0.8 + 0.05 * seed).astype(float)
        return np.zeros(N) if condition == "specific" and ablated == evaluated else np.ones(N)

    cell = standard_table(study(gone)).row("specific", "zh").cells["zh"]
    assert cell.against_random > 0.7
    assert cell.against_random_interval[1] == 1.0
    assert cell.against_random_interval[0] > 0
    assert cell.mark == "*"


def test_a_gain_against_random_is_a_plus():
    def steered(condition, ablated, seed, evaluated):
        if condition == "random":
            return (draw(seed, evaluated).random(N) < 0.2).astype(float)
        return np.ones(N) if condition == "specific" else (np.arange(N) % 2).astype(float)

    cell = standard_table(study(steered)).row("specific", "zh").cells["zh"]
    assert cell.mark == "+"
    assert cell.against_random < 0


def test_perplexity_flips():
    def bits(condition, ablated, seed, evaluated):
        own = condition == "specific" and ablated == evaluated
        return (
            draw("base", evaluated).gamma(4, 0.5, N) + own * 1.5 + draw(condition, seed, evaluated).normal(0, 0.02, N)
        )

    table = standard_table(study(bits, metric="bits_per_byte", better=False, dataset="demo_ppl"))
    cell = table.row("specific", "zh").cells["zh"]
    assert cell.mark == "*"
    assert cell.difference == pytest.approx(1.5, abs=0.05)
    assert cell.against_random > 0
    assert not table.percent
    assert table.selectivity["specific"]["languages"]["zh"]["target"] > 0
    assert math.isnan(table.selectivity["specific"]["languages"]["zh"]["langspec_f1"])


def test_a_dataset_that_lacks_a_language_has_no_such_column(results):
    table = standard_table(results, languages=("en", "fr"))
    assert table.languages == ("en", "fr")
    assert table.row("specific", "zh").cells.keys() == {"en", "fr", "average"}  # fidelity is of a language not shown


def test_a_cell_that_was_not_run_is_missing_and_so_is_its_average():
    whole = study(planted)
    entries = [s for s in whole if not (s.condition == "specific" and s.ablated == "zh" and s.evaluated == "en")]
    table = standard_table(Results(tuple(entries)))
    assert table.row("specific", "zh").cells.keys() == {"zh"}
    assert table.row("specific", "en").cells.keys() == {"en", "zh", "average"}
    assert "-" in render(table, "terminal")


def test_controls_belong_to_what_they_control():
    """Two things done to the same neurons, each with its own random sets."""
    zero, half = (study(planted, ablated=("zh",), what=what) for what in ("zero", "half"))
    more = [s for s in half if s.condition != "original"]
    named = [
        dataclasses.replace(
            s, role=dataclasses.replace(s.role, condition={"random": "random half", "specific": "half"}[s.condition])
        )
        for s in more
        if s.seed != 4
    ]
    table = standard_table(Results((*zero, *named)))
    assert [row.condition for row in table.rows] == ["original", "random", "random half", "specific", "half"]
    assert table.row("specific", "zh").cells["zh"].K == 5
    assert table.row("half", "zh").cells["zh"].K == 4


def test_labels_in_the_order_of_their_numbers():
    extra = [
        scores(planted("specific", "zh", None, "zh"), "zh", condition=name, ablated="zh")
        for name in ("top100", "top20", "top2.5")
    ]
    table = standard_table(Results((*study(planted, languages=("zh",), ablated=("zh",), seeds=2), *extra)))
    assert [row.condition for row in table.rows] == ["original", "random", "specific", "top2.5", "top20", "top100"]


def test_noise_floor():
    flipped = planted("original", None, None, "zh")
    flipped[:8] = 1 - flipped[:8]
    again = [scores(planted("original", None, None, "en"), "en", repeat=1), scores(flipped, "zh", repeat=1)]
    table = standard_table(Results((*study(planted), *again)))
    found = table.noise["exact_match"]
    assert found["by_language"]["en"] == 0
    assert found["floor"] == abs(found["by_language"]["zh"]) > 0
    assert 0 < found["changed"] < 1
    assert not any("noise floor is not measured" in note for note in table.notes)


def test_a_change_below_the_noise_floor_is_not_marked():
    other = 1 - planted("original", None, None, "zh")
    again = [scores(planted("original", None, None, "en"), "en", repeat=1), scores(other, "zh", repeat=1)]
    table = standard_table(Results((*study(planted), *again)))
    assert table.noise["exact_match"]["floor"] > 0.7
    cell = table.row("specific", "zh").cells["zh"]
    assert (cell.mark, "noise floor" in cell.reason) == ("", True)
    assert cell.corrected_p < 0.05


def test_one_table_for_each_model_and_dataset():
    entries = [
        s
        for model in ("m", "other")
        for dataset in ("demo_summ", "demo_mc")
        for s in study(planted, seeds=2, model=model, dataset=dataset)
    ]
    tables = standard_tables(Results(tuple(entries)), resamples=50)
    assert [(t.model, t.dataset) for t in tables] == [
        ("m", "demo_summ"),
        ("m", "demo_mc"),
        ("other", "demo_summ"),
        ("other", "demo_mc"),
    ]


def test_usual_metric():
    main = study(planted, seeds=2, dataset="xlsum", metric="rouge1")
    long = study(planted, seeds=2, dataset="xlsum", metric="rougeL")
    both = Results((*main, *long))
    assert standard_table(both, resamples=20).metric == "rougeL"
    assert standard_table(both, metric="rouge1", resamples=20).metric == "rouge1"
    odd = study(planted, seeds=2, metric="mine")
    assert standard_table(odd, resamples=20).metric == "mine"


# What is refused


def changed(results, which, **change):
    return Results(tuple(dataclasses.replace(s, **change) if which(s) else s for s in results))


def specific_zh(s):
    return s.condition == "specific" and s.ablated == s.evaluated == "zh"


SMALL = study(planted, seeds=2)
REFUSED = {
    "models mixed": (Results((*SMALL, *study(planted, model="n"))), {}, r"several models \(m, n\)"),
    "datasets mixed": (Results((*SMALL, *study(planted, dataset="demo_mc"))), {}, "several datasets"),
    "no such model": (SMALL, {"model": "x"}, "no results with model 'x'; there are m"),
    "no such metric": (SMALL, {"metric": "f1"}, "no metric 'f1'; choose among exact_match"),
    "no original": (Results(tuple(s for s in SMALL if s.condition != "original")), {}, "no original run"),
    "fewer documents": (
        changed(SMALL, specific_zh, documents=documents(30, "zh"), scores=np.zeros(30)),
        {},
        r"40 documents in .* and 30 in .*specific zh.*, 30 of them the same",
    ),
    "other documents": (changed(SMALL, specific_zh, documents=documents(N, "new")), {}, "0 of them the same"),
    "other prompts": (
        changed(SMALL, specific_zh, documents=documents(N, "zh", prompt="p")),
        {},
        "40 of 40 prompts .* differ",
    ),
    "metric in one condition": (
        Results((*SMALL, scores(np.ones(N), "zh", metric="f1"))),
        {"metric": "f1"},
        "has no 'f1' in the condition",
    ),
    "no direction": (study(planted, better=None), {"metric": "exact_match"}, "whether higher 'exact_match' is better"),
    "no metric with a direction": (study(planted, better=None, metric="mine"), {}, "name one with metric="),
    "two tasks of one language": (
        Results((*SMALL, dataclasses.replace(SMALL.entries[1], task="other_zh"))),
        {},
        "both demo_summ in 'zh'",
    ),
    "infinite": (
        changed(SMALL, specific_zh, scores=np.r_[np.inf, np.zeros(N - 1)]),
        {},
        "1 documents of lnbench_demo_summ_zh is infinite",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    given_results, arguments, said = REFUSED[name]
    with pytest.raises(DataError, match=said) as refused:
        standard_table(given_results, **arguments, resamples=20)
    assert "\n" not in str(refused.value)


# The false positive rate of the whole way, from scores to marks


def test_false_marks_of_the_whole_table():
    """Specific sets that are random sets: at most 6 % of tables have any mark (4 by 4 places, average, Holm)."""
    rng = np.random.default_rng(0)
    codes = ("en", "fr", "ru", "zh")
    marked = 0
    for _ in range(80):
        right = {code: rng.random(50) < 0.8 for code in codes}
        effect: dict = {}

        def null(condition, ablated, seed, evaluated, right=right, effect=effect):
            if condition == "original":
                return right[evaluated].astype(float)
            rate = effect.setdefault((condition, ablated, seed), rng.normal(0.04, 0.03)) + rng.normal(0, 0.02)
            return (right[evaluated] & (rng.random(50) >= rate)).astype(float)

        table = standard_table(study(null, languages=codes, ablated=codes), resamples=20)
        marked += any(cell.mark for row in table.rows for cell in row.cells.values())
    assert marked / 80 <= 0.06
