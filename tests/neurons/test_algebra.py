import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import NeuronSetError, SpecError, UnknownLanguageError
from lnbench.neurons import SITES, Architecture, NeuronSet
from tests.neurons.conftest import TINY, full_set, neuron_sets, quick


def table(made):
    """The rows as a set of (language, site, layer, index)."""
    rows = made.rows()
    columns = [column.tolist() for column in rows.columns]
    return {(made.languages[a], made.sites[b], c, d) for a, b, c, d in zip(*columns, strict=True)}


def places(made):
    return {row[1:] for row in table(made)}


@quick
@given(neuron_sets(), st.data())
def test_select_keeps_what_is_named(made, data):
    languages = data.draw(st.lists(st.sampled_from(made.languages)))
    layers = data.draw(st.lists(st.integers(0, 3)))
    sites = data.draw(st.lists(st.sampled_from(SITES), min_size=1)) if not len(made) else list(made.sites)
    got = made.select(languages, sites, layers)
    assert table(got) == {r for r in table(made) if r[0] in languages and r[1] in sites and r[2] in layers}
    assert got.languages == tuple(label for label in made.languages if label in languages)
    assert got.layers == made.layers and got.header.architecture == made.header.architecture


def test_select_takes_single_names_and_short_sites(neurons):
    assert neurons.select("zh", "ffn", 0).count() == 1
    assert neurons.select(sites="attn").sites == ("attn.q",)
    assert neurons.select(languages=["fr", "zh"]).languages == ("zh", "fr")
    assert neurons.select(layers=[]).count() == 0
    everything = neurons.select()
    assert everything.content_hash == neurons.content_hash and everything.scores.tolist() == neurons.scores.tolist()


def test_what_is_measured_goes_along(neurons):
    got = neurons.select("fr")
    assert got.scores.tolist() == neurons.scores[3:].tolist()
    assert np.array_equal(got.statistics["mean"], neurons.statistics["mean"][3:])
    assert np.array_equal(got.frequency["ffn.act"], neurons.frequency["ffn.act"])


def test_select_says_what_it_did(neurons):
    history = neurons.select("fr", "ffn", [0, 2]).header.history
    assert history == (
        f"selected languages fr, sites ffn.act+ffn.hidden, layers 0+2 from zh+fr@{neurons.content_hash[:12]}",
    )


def test_select_refuses_unknown_names(neurons):
    with pytest.raises(UnknownLanguageError, match="'de'"):
        neurons.select("de")
    with pytest.raises(SpecError, match="'mlp'"):
        neurons.select(sites="mlp")
    with pytest.raises(SpecError, match=r"no neurons at attn\.o: it has ffn\.act, attn\.q"):
        neurons.select(sites=["attn.o"])
    with pytest.raises(SpecError, match="no layer 3"):
        neurons.select(layers=[0, 3])


@quick
@given(neuron_sets(), neuron_sets())
def test_without_another_set(a, b):
    got = a.without(b)
    assert table(got) == {row for row in table(a) if row[1:] not in places(b)}
    assert got.languages == a.languages


@quick
@given(neuron_sets(), st.data())
def test_without_languages(made, data):
    gone = data.draw(st.lists(st.sampled_from(made.languages)))
    got = made.without(gone)
    others = {row[1:] for row in table(made) if row[0] in gone}
    assert table(got) == {row for row in table(made) if row[1:] not in others}
    assert all(got.count(label) == 0 for label in gone) and got.languages == made.languages


def test_without_a_shared_neuron(neurons):
    got = neurons.without("fr")  # zh shares (ffn.act, 0, 3) with fr
    assert table(got) == {("zh", "ffn.act", 2, 7), ("zh", "attn.q", 1, 1)}
    with pytest.raises(UnknownLanguageError):
        neurons.without(["de"])


@quick
@given(neuron_sets(plain=True), neuron_sets(plain=True))
def test_a_union_has_the_rows_of_both(a, b):
    got = a.union(b)
    assert table(got) == table(a) | table(b)
    assert got.languages == tuple(dict.fromkeys([*a.languages, *b.languages]))
    assert got.content_hash == b.union(a).content_hash


@quick
@given(neuron_sets(plain=True), neuron_sets(plain=True), neuron_sets(plain=True))
def test_union_is_associative_in_its_rows(a, b, c):
    assert a.union(b).union(c).content_hash == a.union(b.union(c)).content_hash


@quick
@given(neuron_sets())
def test_parts_join_to_the_whole(made):
    parts = [made.select(label) for label in made.languages]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    assert whole.content_hash == made.content_hash
    assert whole.header.architecture == made.header.architecture and whole.header.model == made.header.model
    assert (whole.scores is None) == (made.scores is None)
    if made.scores is not None:
        assert np.array_equal(whole.scores, made.scores)
    assert whole.statistics.keys() == made.statistics.keys()
    assert all(np.array_equal(whole.statistics[k], made.statistics[k]) for k in made.statistics)
    assert all(np.array_equal(whole.frequency[k], made.frequency[k]) for k in made.frequency)


def test_a_row_in_both_keeps_the_score_of_the_first(neurons):
    other = full_set(scores=np.arange(5) + 10)
    assert neurons.union(other).scores.tolist() == neurons.scores.tolist()
    assert other.union(neurons.select("zh")).scores.tolist() == other.scores.tolist()


def test_scores_of_two_methods_are_dropped_and_that_is_said(neurons):
    other = full_set(header=neurons.header.replace(parameters={"rate": 0.5}))
    got = neurons.union(other)
    assert got.scores is None and got.header.method == "union" and got.header.parameters == {}
    assert "scores dropped: they are not comparable" in got.header.history


def test_statistics_on_other_languages_are_dropped_and_that_is_said(neurons):
    got = neurons.union(full_set(statistic_languages=["zh", "fr", "de"]))
    assert not got.statistics and not got.frequency and got.statistic_languages == ()
    lost = "statistics dropped: measured on different languages, (zh, fr, en) and (zh, fr, de)"
    assert lost in got.header.history
    bare = full_set(statistic_languages=[], statistics=None, frequency=None)
    assert any("(zh, fr, en) and (none)" in line for line in neurons.union(bare).header.history)
    assert not any("statistics" in line for line in bare.union(bare).header.history)


def test_kinds_that_only_one_has_are_dropped_and_named(neurons):
    other = full_set(
        statistics={"mean": np.zeros((5, 3)), "median": np.zeros((5, 3))},
        frequency={"ffn.act": np.zeros((3, 3, 16)), "attn.q": np.zeros((3, 3, 8))},
    )
    got = neurons.union(other)
    assert list(got.statistics) == ["mean"] and list(got.frequency) == ["attn.q"]
    assert "dropped, not the same in both: diff, median, frequency of ffn.act" in got.header.history


@pytest.mark.parametrize(
    ("field", "value"),
    [("model", "org/other"), ("revision", "def"), ("architecture", Architecture(3, {"ffn.act": 32, "attn.q": 8}))],
)
def test_sets_of_two_models_are_not_joined(neurons, field, value):
    with pytest.raises(NeuronSetError, match=f"{field} .* is not .*join sets of one model"):
        neurons.union(full_set(header=neurons.header.replace(**{field: value}), frequency=None))


def test_what_only_one_header_knows_is_kept(neurons):
    by_hand = NeuronSet.from_indices({"de": {"ffn.act": [[5]]}})
    for got in (neurons.union(by_hand), by_hand.union(neurons)):
        assert (got.header.model, got.header.revision) == ("org/tiny", "abc")
        assert got.header.architecture == TINY and got.layers == 3


def test_a_union_outside_the_known_architecture_is_refused(neurons):
    with pytest.raises(NeuronSetError, match="index 99"):
        neurons.union(NeuronSet.from_indices({"de": {"ffn.act": [[99]]}}))
    deeper = NeuronSet.from_indices({"de": {"ffn.act": [[1]] * 40}})
    with pytest.raises(
        NeuronSetError, match=r"cannot be joined: one is of a model of \d+ layers, and the other counts 40"
    ):
        neurons.union(deeper)


def test_where_added_statistics_come_from_does_not_part_the_scores(neurons):
    """The same method with the same parameters chose both, although the statistics of one were measured later."""
    parameters = neurons.header.to_json()["parameters"]
    measured = full_set(header=neurons.header.replace(parameters={**parameters, "statistics": {"model": "org/tiny"}}))
    for a, b, kept in ((neurons, measured, parameters), (measured, measured, measured.header.parameters)):
        joined = a.select(layers=0).union(b.select(layers=2))
        assert joined.scores is not None and joined.header.method == "lape"
        assert joined.header.parameters == kept
