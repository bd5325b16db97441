"""Algebra of sets against Python's own sets, and what is said of each result."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import NeuronSetError, SpecError, UnknownLanguageError
from lnbench.models import Spec, compile_plan
from lnbench.neurons import Architecture, NeuronSet, diff, diff_text, random_set
from tests.neurons.conftest import TINY, full_set, neuron_sets, quick
from tests.neurons.test_algebra import table


@quick
@given(neuron_sets(plain=True), neuron_sets(plain=True))
def test_rows_against_sets(a, b):
    one, two = table(a), table(b)
    assert table(a.difference(b)) == one - two and a.difference(b).languages == a.languages
    assert table(a.symmetric_difference(b)) == one ^ two
    if set(a.languages) & set(b.languages):
        assert table(a.intersection(b)) == one & two
        assert set(a.intersection(b).languages) == set(a.languages) & set(b.languages)
    else:
        with pytest.raises(NeuronSetError, match="no language in common"):
            a.intersection(b)


@quick
@given(neuron_sets(), st.data())
def test_neurons_against_sets(made, data):
    of = {label: {row[1:] for row in table(made) if row[0] == label} for label in made.languages}
    wanted = data.draw(st.lists(st.sampled_from(made.languages), unique=True, min_size=1))
    others = {label: set().union(*(of[x] for x in of if x != label)) for label in of}
    got = made.exclusive(wanted)
    assert table(got) == {(label, *neuron) for label in wanted for neuron in of[label] - others[label]}
    assert len(made.exclusive()) == sum(len(of[label] - others[label]) for label in of)
    if len(wanted) < 2:
        with pytest.raises(SpecError, match="two or more"):
            made.shared(wanted)
        return
    common = set.intersection(*(of[label] for label in wanted))
    assert table(made.shared(wanted)) == {(label, *neuron) for label in wanted for neuron in common}
    assert table(made.shared(wanted, "both")) == {("both", *neuron) for neuron in common}


@quick
@given(neuron_sets(), st.integers(1, 5), st.sets(st.sampled_from(["language", "site", "layer"])))
def test_top_against_sorting(made, k, per):
    if made.scores is None:
        with pytest.raises(SpecError, match="has no scores to choose by"):
            made.top(k)
        return
    rows, kept = made.rows(), set()
    groups: dict = {}
    for language, site, layer, index, score in zip(*rows.columns, made.scores, strict=True):
        values = {"language": language, "site": site, "layer": layer}
        groups.setdefault(tuple(values[name] for name in sorted(per)), []).append(
            (-score, layer, site, index, language)
        )
    for members in groups.values():
        kept |= {(made.languages[e], made.sites[c], int(b), int(d)) for _, b, c, d, e in sorted(members)[:k]}
    assert table(made.top(k, sorted(per))) == kept


def test_what_is_measured_goes_along():
    made = full_set()
    best = made.top(1)
    assert best.scores.tolist() == pytest.approx([0.2, 0.4])
    assert np.array_equal(best.statistics["mean"], made.statistics["mean"][[2, 4]])
    assert made.shared(["zh", "fr"]).count() == 2
    called = made.shared(["zh", "fr"], "both")
    assert called.scores is None and "scores dropped" in called.header.history[-1]
    assert called.statistics["mean"].shape == (1, 3)


def test_every_result_says_how_it_was_made():
    a, b = full_set(), full_set().select("zh")
    short = f"zh+fr@{a.content_hash[:12]}"
    results = {
        "less the rows of": a.difference(b),
        "union of": a.symmetric_difference(b),
        "intersection of": a.intersection(b),
        "neurons of zh alone": a.exclusive("zh"),
        "neurons that zh+fr share": a.shared(),
        "2 highest scores of each language and layer": a.top(2, ["language", "layer"]),
        "3 highest scores in": a.top(3, ()),
        "random control of": random_set(a, 3),
    }
    for words, made in results.items():
        assert any(words in line for line in made.header.history), words
        assert any(short in line for line in made.header.history), words


def test_bad_requests():
    made = full_set()
    for call, error, says in (
        (lambda: made.exclusive("de"), UnknownLanguageError, "'de'"),
        (lambda: made.shared(["zh"]), SpecError, "two or more"),
        (lambda: made.shared(label=" zh"), NeuronSetError, "cannot be a label"),
        (lambda: made.top(0), SpecError, "from 1 on"),
        (lambda: made.top(True), SpecError, "from 1 on"),
        (lambda: made.top(1, "head"), SpecError, "per 'head'"),
        (lambda: made.difference(full_set(header=made.header.replace(model="org/other"))), NeuronSetError, "one model"),
        (lambda: random_set(NeuronSet.from_indices({"zh": {"ffn.act": [[1]]}}), 0), NeuronSetError, "--model"),
        (lambda: random_set(made, 0, "nearly"), SpecError, "nearly"),
    ):
        with pytest.raises(error, match=says):
            call()


@pytest.mark.parametrize("match", ["layer-site", "site", "activation"])
def test_a_random_set_is_what_control_random_draws(match):
    frequency = {"ffn.act": np.random.default_rng(1).random((3, 3, 16)).astype(np.float32)}
    made = full_set(frequency=frequency).select(sites="ffn.act") if match == "activation" else full_set()
    drawn = random_set(made, 3, match)
    for label in made.languages:
        control = compile_plan(Spec.parse("zero", lang=label, control="random", seed=3, match=match), made, TINY)
        written = compile_plan(Spec.parse("zero", lang=label), drawn, TINY)
        assert written.plan_hash == control.plan_hash
        if not drawn.header.parameters["reused"]:
            assert not table(drawn.select(label)) & table(made.select(label))
    assert drawn.header.method == "random" and drawn.header.parameters["target"] == made.content_hash


def test_a_random_set_counts_targets_that_it_had_to_take():
    narrow = NeuronSet.from_indices({"zh": {"ffn.act": [[0, 1, 2]]}}, architecture=Architecture(1, {"ffn.act": 4}))
    assert random_set(narrow, 0).header.parameters["reused"] == 2


@quick
@given(neuron_sets(), neuron_sets())
def test_diff_against_sets(a, b):
    found, one, two = diff(a, b), table(a), table(b)
    assert found.same == (one == two)
    assert (set(found.only_a), set(found.only_b)) == (one - two, two - one)
    for part in found.parts:
        mine, theirs = ({row for row in rows if row[:2] == (part.language, part.site)} for rows in (one, two))
        assert (part.size_a, part.size_b, part.both) == (len(mine), len(theirs), len(mine & theirs))
        assert part.jaccard == len(mine & theirs) / len(mine | theirs)
    data = found.as_json()
    listed = {(label, site, int(layer), index) for label, sites in data["only_a"].items()
              for site, layers in sites.items() for layer, indices in layers.items() for index in indices}  # fmt: skip
    assert listed == one - two


def test_diff_in_words():
    a = full_set()
    same = diff_text(diff(a, full_set()), ("a", "b"))
    assert same.splitlines()[-1] == "The neurons are the same."
    other = full_set(header=a.header.replace(method="plnd"), scores=np.arange(5) / 5).select("zh")
    text = diff_text(diff(a, other), ("a", "b"), most=1)
    assert "fr        ffn.act      2       0     0           2            0        0.0" in text.splitlines()
    assert "  fr ffn.act layer 0 index 3" in text and "and 1 more" in text
    assert "The headers differ in method, history." in text and "differ by up to 0.2." in text
