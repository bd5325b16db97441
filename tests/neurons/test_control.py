import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import LnbenchError, ModelMismatchError, SpecError
from lnbench.neurons import MATCHES, Architecture, random_control, target_hash
from tests.neurons.conftest import TINY, quick

WIDE = Architecture(3, {"ffn.act": 40, "attn.q": (10, 20, 30)})
FREQUENCY = {"ffn.act": np.linspace(0, 1, 120).reshape(3, 40)[:, ::-1], "attn.q": np.zeros((3, 30))}


def by_hand(name: str, seed: int, candidates, count: int):
    """The documented draw, one candidate at a time."""
    ranked = sorted(candidates, key=lambda c: hashlib.sha256(f"{name}:{seed}:{c[0]}:{c[1]}:{c[2]}".encode()).digest())
    return sorted(ranked[:count])


def triples(indices):
    return sorted((site, layer, index) for (site, layer), a in indices.items() for index in a.tolist())


@st.composite
def targets(draw, most=20):
    target = {}
    for place in draw(st.lists(st.tuples(st.sampled_from(["ffn.act", "attn.q"]), st.integers(0, 2)), unique=True)):
        width = WIDE.width(*place)
        target[place] = draw(st.lists(st.integers(0, width - 1), unique=True, max_size=min(most, width // 2)))
    return target


@quick
@given(targets(), st.integers(-5, 2**70))
def test_layer_site_keeps_every_count_and_draws_as_documented(target, seed):
    got = random_control(target, WIDE, seed=seed)
    want = []
    for (site, layer), own in target.items():
        others = [(site, layer, i) for i in range(WIDE.width(site, layer)) if i not in own]
        want += by_hand(target_hash(target), seed, others, len(own))
    assert triples(got.indices) == sorted(want)
    assert {place: len(a) for place, a in got.indices.items()} == {place: len(a) for place, a in target.items()}
    assert got.reused == 0


@quick
@given(targets(), st.integers(0, 9))
def test_site_keeps_the_count_per_site(target, seed):
    got = random_control(target, WIDE, seed=seed, match="site")
    want = []
    for site in ("ffn.act", "attn.q"):
        own = {(layer, i) for (s, layer), indices in target.items() if s == site for i in indices}
        places = ((layer, i) for layer in range(3) for i in range(WIDE.width(site, layer)))
        want += by_hand(target_hash(target), seed, [(site, *p) for p in places if p not in own], len(own))
    assert triples(got.indices) == sorted(want)


@quick
@given(targets(most=3), st.integers(0, 9))
def test_activation_stays_in_the_decile(target, seed):
    target = {place: own for place, own in target.items() if place[0] == "ffn.act"}
    got = random_control(target, WIDE, seed=seed, match="activation", frequency=FREQUENCY)
    for place, own in target.items():  # 40 different frequencies in descending order: four neurons to a decile
        assert sorted(i // 4 for i in own) == sorted(i // 4 for i in got.indices[place].tolist())
        assert len(set(own) & set(got.indices[place].tolist())) <= got.reused


@quick
@given(targets(), st.sampled_from(MATCHES), st.integers(0, 9))
def test_every_draw_has_the_size_of_its_target_and_lies_in_the_model(target, match, seed):
    got = random_control(target, WIDE, seed=seed, match=match, frequency=FREQUENCY)
    assert len(triples(got.indices)) == sum(map(len, target.values()))
    for (site, layer), indices in got.indices.items():
        assert indices.dtype == np.int64 and (np.diff(indices) > 0).all()
        assert not len(indices) or 0 <= indices[0] <= indices[-1] < WIDE.width(site, layer)
    assert len(set(triples(got.indices)) & set(triples({p: np.array(o) for p, o in target.items()}))) == got.reused


def test_equal_frequencies_share_a_decile():
    frequency = {"ffn.act": np.repeat([[0.0, 0.5]], 3, axis=0).repeat(8, axis=1)}  # two values, eight neurons each
    got = random_control({("ffn.act", 0): [0, 1, 8]}, TINY, seed=1, match="activation", frequency=frequency)
    drawn = got.indices["ffn.act", 0]
    assert (drawn < 8).sum() == 2 and (drawn >= 8).sum() == 1 and not set(drawn.tolist()) & {0, 1, 8}


def test_frequencies_per_language_are_averaged():
    per_language = np.stack([FREQUENCY["ffn.act"] * 0.5, FREQUENCY["ffn.act"] * 0.25])
    target, draw = {("ffn.act", 1): [0, 5, 39]}, {"seed": 4, "match": "activation"}
    one = random_control(target, WIDE, frequency=FREQUENCY, **draw)
    two = random_control(target, WIDE, frequency={"ffn.act": per_language}, **draw)
    assert triples(one.indices) == triples(two.indices)


def test_where_too_few_remain_all_are_taken_and_the_rest_is_counted():
    target = {("ffn.act", 0): list(range(12)), ("ffn.act", 1): [3]}
    got = random_control(target, TINY, seed=0)
    drawn = set(got.indices["ffn.act", 0].tolist())
    assert len(drawn) == 12 and {12, 13, 14, 15} <= drawn and got.reused == 8
    rest = by_hand(target_hash(target), 0, [("ffn.act", 0, i) for i in range(12)], 8)
    assert sorted(drawn - {12, 13, 14, 15}) == [i for *_, i in rest]
    assert got.indices["ffn.act", 1].tolist() != [3]
    everything = random_control({("ffn.act", 0): range(16)}, TINY, seed=0)
    assert everything.indices["ffn.act", 0].tolist() == list(range(16)) and everything.reused == 16


def test_a_known_draw():
    """Golden numbers: they must never change, or published controls could not be repeated."""
    got = random_control({("ffn.act", 0): [1, 2, 3], ("attn.q", 1): [0]}, TINY, seed=3, target_hash="a" * 64)
    assert [got.indices[p].tolist() for p in (("ffn.act", 0), ("attn.q", 1))] == [[4, 6, 14], [5]]


def test_seeds_and_targets_give_other_draws():
    target = {("ffn.act", 0): range(5)}
    draws = {tuple(random_control(target, WIDE, seed=seed).indices["ffn.act", 0].tolist()) for seed in range(20)}
    assert len(draws) == 20
    other = random_control({**target, ("ffn.act", 1): [0]}, WIDE, seed=0)
    assert tuple(other.indices["ffn.act", 0].tolist()) != tuple(
        random_control(target, WIDE, seed=0).indices["ffn.act", 0].tolist()
    )


def test_draws_are_even():
    counts = np.zeros(40, int)
    for seed in range(300):
        counts[random_control({("ffn.act", 0): range(10)}, WIDE, seed=seed).indices["ffn.act", 0]] += 1
    assert not counts[:10].any()
    assert counts[10:].min() > 70 and counts[10:].max() < 130  # 100 expected, standard deviation 8


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"match": "layer"}, SpecError, "unknown match 'layer'.*layer-site, site, activation"),
        ({"seed": 1.5}, SpecError, "whole number, not 1.5"),
        ({"seed": True}, SpecError, "whole number, not True"),
        ({"match": "activation"}, SpecError, "needs activation frequencies at ffn.act.*neurons stats"),
        ({"match": "activation", "frequency": {"attn.q": 0}}, SpecError, "needs activation frequencies at ffn.act"),
        ({"match": "activation", "frequency": {"ffn.act": np.ones((2, 16))}}, SpecError, r"shape \(2, 16\)"),
        ({"match": "activation", "frequency": {"ffn.act": np.full((3, 16), np.nan)}}, SpecError, "finite"),
        ({"target": {("ffn.act", 0): [16]}}, ModelMismatchError, "neuron 16 at ffn.act, layer 0.*has 16 there"),
        ({"target": {("mlp", 0): [1]}}, SpecError, "no site 'mlp'"),
        ({"target": {("ffn.act", 3): [1]}}, SpecError, "no layer 3"),
        ({"target": {("ffn.act", 0): [0.5]}}, LnbenchError, "whole numbers"),
    ],
)
def test_bad_requests(changes, error, says):
    request = {"target": {("ffn.act", 0): [1]}, "seed": 0} | changes
    with pytest.raises(error, match=says):
        random_control(request.pop("target"), TINY, **request)
