"""Plans: composition, the hash, and what a spec makes of a neuron set."""

from __future__ import annotations

import hashlib
import json
import logging
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lnbench.errors import LnbenchError, ModelMismatchError, SpecError, UnknownLanguageError
from lnbench.models import Edit, Plan, Spec, compile_plan
from lnbench.neurons import Architecture, NeuronSet

ARCHITECTURE = Architecture(4, {"ffn.act": 16, "ffn.hidden": 16, "attn.q": 8, "attn.k": 4, "attn.v": 4, "attn.o": 8})
NEURONS = {
    "en": {"ffn.act": [[0, 1], [5], [], []]},
    "fr": {"ffn.act": [[2, 3], [5, 6], [], [1]], "attn.q": [[0], [], [], []]},
    "zh": {"ffn.act": [[1, 4, 7], [], [8], [9, 10]], "attn.q": [[], [2, 3], [], []]},
    "th": {"ffn.act": [[], [], [], []]},
}
ROWS = sum(len(layer) for sites in NEURONS.values() for layers in sites.values() for layer in layers)

Triples = dict[tuple[int, str, int], tuple[float, float]]


def a_set(mapping: Any = NEURONS, **header: Any) -> NeuronSet:
    return NeuronSet.from_indices(mapping, architecture=ARCHITECTURE, **header)


def with_statistics(seed: int = 0) -> NeuronSet:
    plain = a_set()
    rng = np.random.default_rng(seed)
    tables = {kind: rng.normal(size=(ROWS, 2)).astype(np.float32) for kind in ("mean", "median", "diff")}
    return NeuronSet(
        plain.rows(),
        plain.languages,
        plain.sites,
        header=plain.header,
        statistic_languages=("en", "fr"),
        statistics=tables,
    )


def compiled(spec: Any = "zero", neurons: NeuronSet | None = None, **inline: Any) -> Plan:
    return compile_plan(Spec.parse(spec, **inline), a_set() if neurons is None else neurons, ARCHITECTURE)


def triples(plan: Plan) -> Triples:
    """{(layer, site, index): (scale, offset)}"""
    return {
        (layer, site, int(index)): (float(scale), float(offset))
        for layer, site, edit in plan
        for index, scale, offset in zip(edit.indices, edit.scale, edit.offset, strict=True)
    }


def neurons_of(*languages: str) -> set[tuple[int, str, int]]:
    return {
        (layer, site, index)
        for language in languages
        for site, layers in NEURONS[language].items()
        for layer, indices in enumerate(layers)
        for index in indices
    }


# Edits

values = st.floats(-4, 4).map(lambda x: round(x, 3))
edits = st.dictionaries(st.integers(0, 12), st.tuples(values, values)).map(
    lambda d: Edit.of(list(d), [s for s, _ in d.values()], [c for _, c in d.values()])
)


def run(edit: Edit, activations: np.ndarray) -> np.ndarray:
    after = activations.copy()
    for index, scale, offset in zip(edit.indices, edit.scale, edit.offset, strict=True):
        after[index] = scale * after[index] + offset
    return after


@settings(deadline=None)
@given(edits, edits, edits)
def test_composition_is_one_edit_after_another(first: Edit, second: Edit, third: Edit) -> None:
    activations = np.linspace(-2, 3, 13)
    one_by_one = run(third, run(second, run(first, activations)))
    np.testing.assert_allclose(run(first.then(second).then(third), activations), one_by_one, atol=1e-9)
    np.testing.assert_allclose(run(first.then(second.then(third)), activations), one_by_one, atol=1e-9)


def test_edits_are_sorted_copies_that_nobody_changes() -> None:
    given_indices = np.array([5, 2])
    edit = Edit.of(given_indices, [0.5, 2.0], 1.0)
    given_indices[0] = 9
    assert (edit.indices.tolist(), edit.scale.tolist(), edit.offset.tolist()) == ([2, 5], [2.0, 0.5], [1.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        edit.scale[0] = 3.0


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (([1, 1], 0.0, 0.0), ["neuron 1", "twice"]),
        (([-1], 0.0, 0.0), ["-1", "negative"]),
        (([1.5], 0.0, 0.0), ["whole numbers", "float"]),
        (([[1]], 0.0, 0.0), ["(1, 1)"]),
        (([1, 2], [0.0], 0.0), ["scale", "(1,)", "2 neurons"]),
        (([1], 0.0, float("inf")), ["offset", "finite", "inf"]),
        (([1], float("nan"), 0.0), ["scale", "finite", "nan"]),
    ],
)
def test_malformed_edits_are_refused(edit: Any, words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        Plan.from_edits({(0, "ffn.act"): edit})
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("place", [(0, "ffn.gate"), (-1, "ffn.act")])
def test_malformed_places_are_refused(place: Any) -> None:
    with pytest.raises(SpecError, match=str(place[1] if place[0] == 0 else place[0])):
        Plan.from_edits({place: ([1], 0.0, 0.0)})


def test_an_unknown_token_rule_is_refused() -> None:
    with pytest.raises(SpecError, match=r"'answer'.*all, prompt, generated"):
        Plan.from_edits({}, tokens="answer")


# The hash


def test_golden_hash() -> None:
    """The bytes that the docstring promises, packed here by hand; the literal keeps caches valid across versions."""
    plan = Plan.from_edits({(10, "ffn.act"): ([7, 3], [0.0, 0.5], [0.0, 0.25]), (2, "attn.q"): ([1], 0.0, 0.0)})
    expected = b"lnbench plan 1\nall\n"
    expected += b"2 attn.q 1\n" + struct.pack("<qdd", 1, 0.0, 0.0)
    expected += b"10 ffn.act 2\n" + struct.pack("<qqdddd", 3, 7, 0.5, 0.0, 0.25, 0.0)
    assert plan.plan_hash == hashlib.sha256(expected).hexdigest()
    assert plan.plan_hash == "da8fcbe4c1a4041a99f5f8be9d3dd72b9076256c2d7d6667a189f693a0dfc4ed"


def test_the_hash_covers_edits_and_token_rule_only() -> None:
    edit = {(0, "ffn.act"): ([1], 0.0, 0.0)}
    plan = Plan.from_edits(edit)
    assert Plan.from_edits(edit, languages=("zh",), description="other", record={"a": 1}).plan_hash == plan.plan_hash
    others = [
        Plan.from_edits(edit, tokens="prompt"),
        Plan.from_edits({(1, "ffn.act"): ([1], 0.0, 0.0)}),
        Plan.from_edits({(0, "ffn.hidden"): ([1], 0.0, 0.0)}),
        Plan.from_edits({(0, "ffn.act"): ([2], 0.0, 0.0)}),
        Plan.from_edits({(0, "ffn.act"): ([1], 0.5, 0.0)}),
        Plan.from_edits({(0, "ffn.act"): ([1], 0.0, 0.5)}),
    ]
    assert len({plan.plan_hash, *(other.plan_hash for other in others)}) == 7


def test_minus_zero_and_zero_are_one_scale() -> None:
    zero = Plan.from_edits({(0, "ffn.act"): ([1], 0.0, 0.0)})
    minus = Plan.from_edits({(0, "ffn.act"): ([1], -0.0, -0.0)})
    flipped = compiled({"steps": ["zero", "scale:-1"]}, lang="zh")
    assert minus.plan_hash == zero.plan_hash
    assert flipped.plan_hash == compiled("zero", lang="zh").plan_hash


def test_edits_that_change_nothing_are_dropped() -> None:
    empty = Plan.from_edits({})
    assert empty.is_identity
    for plan in (compiled("scale:1", lang="zh"), compiled("add:0", lang="zh"), compiled("zero", lang="th")):
        assert (plan.plan_hash, plan.is_identity, plan.neurons) == (empty.plan_hash, True, 0)
    assert compiled({"steps": ["scale:2", "scale:0.5"]}, lang="zh").plan_hash == empty.plan_hash


@settings(deadline=None)
@given(st.permutations(range(ROWS)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    ordered = with_statistics()
    shuffled = NeuronSet(
        ordered.rows().take(np.array(order)),
        ordered.languages,
        ordered.sites,
        header=ordered.header,
        statistic_languages=ordered.statistic_languages,
        statistics={kind: table[order] for kind, table in ordered.statistics.items()},
    )
    spec = {"steps": [{"lang": "fr", "op": "set:mean:fr"}, {"lang": "en+zh", "op": "scale:2"}]}
    assert compiled(spec, shuffled).plan_hash == compiled(spec, ordered).plan_hash


@settings(max_examples=25, deadline=None)
@given(values, values)
def test_steps_compose_as_written_out(first: float, second: float) -> None:
    def steps(*operations: str) -> str:
        return compiled({"steps": list(operations)}, lang="zh").plan_hash

    assert steps("zero", f"set:{first}") == steps(f"set:{first}")
    assert steps(f"set:{first}", "zero") == steps("zero")
    assert steps(f"set:{first}", f"add:{second}") == steps(f"set:{first + second!r}")
    assert steps(f"scale:{first}", f"scale:{second}") == steps(f"scale:{first * second!r}")
    assert steps(f"set:{first}", f"scale:{second}") == steps(f"set:{first * second!r}")


# Selection


@pytest.mark.parametrize(
    ("spec", "effect"), [("zero", (0, 0)), ("scale:0.5", (0.5, 0)), ("add:0.1", (1, 0.1)), ("set:2", (0, 2))]
)
def test_each_operation_on_every_neuron_of_a_language(spec: str, effect: tuple[float, float]) -> None:
    assert triples(compiled(spec, lang="zh")) == dict.fromkeys(neurons_of("zh"), effect)


def test_several_languages_are_a_union() -> None:
    assert triples(compiled(lang="zh+fr")).keys() == neurons_of("zh", "fr")
    assert triples(compiled(lang="all")).keys() == neurons_of("zh", "fr", "en")
    assert compiled(lang="zh+en").neurons == len(neurons_of("zh") | neurons_of("en")) < ROWS


def test_top_keeps_the_highest_scores_of_each_language() -> None:
    plain = a_set()
    scores = np.arange(len(plain), dtype=np.float32) % 4
    scores[plain.mask("zh", "ffn.act")] = [1.0, 3.0, -9.0, 2.0, 3.0, 1.0]  # 0:1, 0:4, 0:7, 2:8, 3:9, 3:10
    scored = NeuronSet(plain.rows(), plain.languages, plain.sites, layers=4, header=plain.header, scores=scores)
    zh = {"lang": "zh", "sites": "ffn.act"}
    chosen = {
        1: {(0, "ffn.act", 4)},  # of equal scores the first
        2: {(0, "ffn.act", 4), (3, "ffn.act", 9)},
        3: {(0, "ffn.act", 4), (3, "ffn.act", 9), (2, "ffn.act", 8)},
        4: {(0, "ffn.act", 4), (3, "ffn.act", 9), (2, "ffn.act", 8), (0, "ffn.act", 1)},
        99: {(layer, site, index) for layer, site, index in neurons_of("zh") if site == "ffn.act"},
    }
    for top, wanted in chosen.items():
        assert triples(compiled(neurons=scored, top=top, **zh)).keys() == wanted
    assert triples(compiled(neurons=scored, top=1, layers="3", **zh)).keys() == {(3, "ffn.act", 9)}
    both = compiled(neurons=scored, top=2, lang="zh+en", sites="ffn.act")
    assert both.record["target_neurons_by_language"] == {"zh": 2, "en": 2}
    assert both.plan_hash != compiled(neurons=scored, lang="zh+en", sites="ffn.act").plan_hash
    assert "top=2" in both.description
    assert compiled(neurons=scored, top=2, control="random", **zh).neurons == 2
    with pytest.raises(SpecError, match="top=2 chooses by score, and the neuron set has no scores"):
        compiled(top=2, lang="zh")


@pytest.mark.parametrize("top", [0, -1, 1.5, True, "many"])
def test_a_top_that_is_no_number_of_neurons_is_refused(top: Any) -> None:
    with pytest.raises(SpecError, match=r"top must be a whole number from 1 to 9{18}, not "):
        Spec.parse("zero", lang="zh", top=top)


def test_exclude_leaves_shared_neurons_alone() -> None:
    assert triples(compiled(lang="zh", exclude=["en"])).keys() == neurons_of("zh") - {(0, "ffn.act", 1)}
    assert triples(compiled(lang="fr", exclude="en+zh")).keys() == neurons_of("fr") - neurons_of("en", "zh")
    assert triples(compiled(lang="all", exclude="en")).keys() == neurons_of("fr", "zh") - neurons_of("en")


def test_layers_and_sites_restrict() -> None:
    assert triples(compiled(lang="zh", layers="first:1+3", sites="ffn")).keys() == {
        (layer, site, index) for layer, site, index in neurons_of("zh") if layer in (0, 3) and site == "ffn.act"
    }
    assert triples(compiled(lang="zh", sites=["attn"])).keys() == {(1, "attn.q", 2), (1, "attn.q", 3)}
    assert compiled(lang="zh", layers="understanding", n1=1, n2=1).layers == (0,)


def test_the_only_language_need_not_be_named() -> None:
    alone = a_set({"zh": NEURONS["zh"]})
    assert compiled("zero", alone).plan_hash == compiled("zero", lang="zh").plan_hash
    assert compiled("zero", alone).languages == ("zh",)


def test_statistics_are_constants_of_each_neuron() -> None:
    neurons = with_statistics()
    plan = compiled("set:1.5*mean:fr", neurons, lang="zh", sites="ffn.act")
    expected = {
        (layer, "ffn.act", int(index)): (0.0, 1.5 * float(value))
        for layer, (indices, column) in enumerate(
            zip(neurons.indices("zh", "ffn.act"), neurons.statistic("mean", "fr", "zh", "ffn.act"), strict=True)
        )
        for index, value in zip(indices, column, strict=True)
    }
    assert triples(plan) == expected
    added = compiled("add:-1*diff:en", neurons, lang="fr", layers=3)
    assert triples(added) == {(3, "ffn.act", 1): (1.0, -float(neurons.statistic("diff", "en", "fr", "ffn.act")[3][0]))}


def test_a_neuron_of_two_languages_takes_the_constant_of_the_first() -> None:
    neurons = with_statistics()
    first = neurons.statistic("mean", "fr", "en", "ffn.act")[1][0]
    for lang in ("en+fr", "fr+en"):
        plan = compiled("set:mean:fr", neurons, lang=lang, layers=1)
        assert triples(plan)[1, "ffn.act", 5] == (0.0, float(first))


def test_steps_with_languages_of_their_own_and_neurons_touched_twice() -> None:
    plan = compiled({"steps": [{"lang": "en", "op": "scale:2"}, {"lang": "fr", "op": "add:1"}, "scale:3"]}, lang="en")
    assert triples(plan)[1, "ffn.act", 5] == (6.0, 3.0)  # 2a, then 2a + 1, then 6a + 3
    assert triples(plan)[0, "ffn.act", 0] == (6.0, 0.0)
    assert triples(plan)[3, "ffn.act", 1] == (1.0, 1.0)
    assert plan.touched_twice == len(neurons_of("en"))
    assert compiled(lang="zh+en").touched_twice == 0


def test_the_two_feed_forward_sites_stay_apart() -> None:
    neurons = a_set({"zh": {"ffn.act": [[1]], "ffn.hidden": [[1]]}})
    plan = compiled("scale:0.5", neurons)
    assert triples(plan) == {(0, "ffn.act", 1): (0.5, 0.0), (0, "ffn.hidden", 1): (0.5, 0.0)}
    assert (plan.neurons, plan.touched_twice) == (2, 0)


@pytest.mark.parametrize(("inline", "words"), [
    ({"lang": "th"}, ["of th", "layers=all"]),
    ({"lang": "zh", "layers": 1, "sites": "ffn"}, ["of zh", "layers=1", "sites=ffn"]),
    ({"lang": "en", "layers": 1, "exclude": "fr"}, ["of en", "exclude=fr"]),
])  # fmt: skip
def test_an_empty_selection_is_noted_and_changes_nothing(
    inline: dict[str, Any], words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="lnbench"):
        for control in ("none", "random"):
            plan = compiled("zero", **inline, control=control)
            assert plan.is_identity
            (note,) = plan.notes
            assert all(word in note for word in ["zero changes nothing", *words]), note
    assert [record.getMessage() for record in caplog.records] == [note, note]


def test_an_empty_set_is_the_original() -> None:
    empty = a_set({"zh": {}, "fr": {}})
    assert compiled("zero", empty, lang="zh", sites="ffn.act").is_identity
    assert compiled("set:mean:fr", empty, lang="all", control="random").is_identity


@pytest.mark.parametrize(
    ("spec", "inline", "error", "words"),
    [
        ("zero", {}, SpecError, ["lang is missing", "en, fr, zh, th"]),
        ("zero", {"lang": "xx"}, UnknownLanguageError, ["'xx'", "en, fr, zh, th"]),
        ("zero", {"lang": "zh", "exclude": "xx"}, UnknownLanguageError, ["'xx'"]),
        ("zero", {"lang": "zh", "exclude": "zh"}, SpecError, ["zh", "exclude"]),
        ("zero", {"lang": "all", "exclude": "en+fr+zh+th"}, SpecError, ["leaves no language"]),
        ("zero", {"lang": "zh", "sites": "ffn.gate"}, SpecError, ["'ffn.gate'", "ffn.hidden"]),
        ("zero", {"lang": "zh", "sites": "ffn.act+attn.k"}, SpecError, ["attn.k", "ffn.act, attn.q"]),
        ("zero", {"lang": "zh", "layers": "2-4"}, SpecError, ["'2-4'", "4 layers"]),
        ("zero", {"lang": "zh", "layers": "solving"}, SpecError, ["n1", "n2"]),
        ("set:mean:fr", {"lang": "zh"}, SpecError, ["mean:fr", "lnbench neurons stats"]),
        ("zero", {"lang": "zh", "control": "random", "match": "activation"}, SpecError, ["frequenc", "neurons stats"]),
    ],
)
def test_refusals(spec: str, inline: dict[str, Any], error: type[LnbenchError], words: list[str]) -> None:
    with pytest.raises(error) as caught:
        compiled(spec, **inline)
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_a_statistic_of_a_language_that_was_not_measured_is_refused() -> None:
    with pytest.raises(SpecError, match="mean:zh"):
        compiled("set:mean:zh", with_statistics(), lang="th")


def test_a_set_for_another_model_is_refused() -> None:
    with pytest.raises(ModelMismatchError):
        compile_plan(Spec.parse("zero", lang="zh"), a_set(), Architecture(2, {"ffn.act": 16}))


# Random controls


def counts(plan: Plan) -> dict[tuple[int, str], int]:
    return {place: len(edit) for place, edit in plan.edits.items()}


def test_a_control_keeps_counts_and_avoids_the_target() -> None:
    target = compiled(lang="zh")
    controls = [compiled(lang="zh", control="random", seed=seed) for seed in range(4)]
    for control in controls:
        assert counts(control) == counts(target)
        assert not triples(control).keys() & triples(target).keys()
    assert len({control.plan_hash for control in controls}) == 4
    assert compiled(lang="zh", control="random").plan_hash == controls[0].plan_hash


def test_match_site_keeps_the_count_per_site() -> None:
    target, control = compiled(lang="zh"), compiled(lang="zh", control="random", seed=1, match="site")
    assert control.sites == target.sites
    assert counts(control) != counts(target)


def test_constants_go_to_the_stand_ins_in_row_order() -> None:
    neurons = with_statistics()
    for match in ("layer-site", "site"):
        target = compiled("set:mean:fr", neurons, lang="zh")
        control = compiled("set:mean:fr", neurons, lang="zh", control="random", match=match)
        for site in target.sites:
            ours, theirs = (
                [effect for (layer, name, index), effect in sorted(triples(plan).items()) if name == site]
                for plan in (target, control)
            )
            assert ours == theirs


@settings(deadline=None)
@given(st.integers(0, 50))
def test_steps_of_a_control_overlap_as_the_steps_of_its_plan(seed: int) -> None:
    spec = {"steps": [{"lang": "en", "op": "zero"}, {"lang": "fr", "op": "add:1"}, {"lang": "zh", "op": "scale:2"}]}
    target, control = compiled(spec), compiled(spec, control="random", seed=seed)
    assert sorted(triples(control).values()) == sorted(triples(target).values())
    assert control.touched_twice == target.touched_twice == 2
    assert counts(control) == counts(target)


def test_a_control_short_of_neurons_says_so() -> None:
    crowded = a_set({"zh": {"ffn.act": [list(range(13))]}})
    plan = compiled("zero", crowded, control="random")
    assert (plan.neurons, plan.reused_by_control) == (13, 10)
    (note,) = plan.notes
    assert "10 of its 13 neurons" in note
    assert "match=layer-site" in note


# What a results file says


def test_as_json_says_what_was_done() -> None:
    spec = Spec.parse("set:mean:fr", lang="zh+fr", layers="first:2", control="random", seed=3, tokens="prompt")
    neurons = with_statistics()
    plan = compile_plan(spec, neurons, ARCHITECTURE)
    told = plan.as_json()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    expected = {
        "plan_hash": plan.plan_hash,
        "neurons": 10,
        "sites": {"attn.q": 3, "ffn.act": 7},
        "layers": [0, 1],
        "languages": ["zh", "fr"],
        "tokens": "prompt",
        "control": "random",
        "seed": 3,
        "match": "layer-site",
        "reused_by_control": 0,
        "neuron_set": neurons.content_hash,
        "target_neurons_by_language": {"zh": 5, "fr": 5},
        "steps": [{"op": "set:mean:fr", "languages": ["zh", "fr"], "neurons": 10}],
    }
    assert {key: told[key] for key in expected} == expected
    assert Spec.parse(told["spec"]) == spec
    assert plan.description.startswith("set:mean:fr zh+fr at layers=first:2")
    assert "seed=3" in plan.description


def test_no_control_has_no_seed() -> None:
    told = compiled(lang="zh", expect="zh").as_json()
    assert (told["control"], told["seed"], told["match"], told["expect"]) == ("none", None, None, "zh")
