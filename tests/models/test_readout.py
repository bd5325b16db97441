"""The state at every depth and the way from it to logits, held to transformers' own states and logits."""

import copy

import pytest
import torch

from lnbench.models import Spec, applied, architecture_of, compile_plan, layer_states, readout
from lnbench.neurons import NeuronSet
from tests.models import tiny, wrappers

#: What stands between the last layer and the logits beside a norm and a head.
EXTRA = {
    "cohere": {"logit_scale": 0.1},
    "gemma2": {"final_logit_softcapping": 3.0},
    "granite": {"logits_scaling": 7.0},
    "opt": {"word_embed_proj_dim": 16},
}


def states_of(model, ids, **more):
    seen = {}
    with torch.no_grad(), layer_states(model, lambda depth, states: seen.__setitem__(depth, states.clone())):
        output = model(input_ids=ids, output_hidden_states=True, **more)
    return [seen[depth] for depth in sorted(seen)], output


@pytest.mark.parametrize("family", sorted(tiny.EVERY_FAMILY))
def test_the_last_depth_gives_the_models_own_logits_bit_for_bit(family):
    model, ids = tiny.build(family, **EXTRA.get(family, {})), tiny.tokens()
    states, output = states_of(model, ids)
    assert len(states) == architecture_of(model).layers + 1
    assert torch.equal(readout(model)(states[-1]), output.logits)
    for ours, theirs in zip(states[:-1], output.hidden_states, strict=False):  # theirs of the last depth is normed
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", "bloom", "opt"])
def test_an_earlier_depth_gives_the_logits_of_the_model_cut_there(family):
    model, ids = tiny.build(family, **EXTRA.get(family, {})), tiny.tokens()
    states, _ = states_of(model, ids)
    cut = copy.deepcopy(model)
    for place in ("model.layers", "transformer.h", "model.decoder.layers"):
        owner, _, name = place.rpartition(".")
        try:
            layers = cut.get_submodule(place)
        except AttributeError:
            continue
        setattr(cut.get_submodule(owner), name, layers[:2])
    for config in (cut.config, cut.config.get_text_config()):
        config.num_hidden_layers = 2
    with torch.no_grad():
        expected = cut(input_ids=ids).logits
    assert torch.equal(readout(model)(states[2]), expected)
    assert not torch.allclose(expected, model(input_ids=ids).logits, atol=1e-3)


@pytest.mark.parametrize("family", sorted(EXTRA))
def test_what_scales_or_caps_logits_is_at_work_here(family):
    ids = tiny.tokens()
    assert not torch.allclose(
        tiny.logits(tiny.build(family), ids), tiny.logits(tiny.build(family, **EXTRA[family]), ids)
    )


def test_positions_stand_for_themselves():
    model, ids = tiny.build("llama", torch.float64), tiny.tokens()
    states, output = states_of(model, ids)
    flat = states[-1].flatten(0, 1)[:, None]
    assert torch.allclose(readout(model)(flat)[:, 0], output.logits.flatten(0, 1), atol=1e-12)


@pytest.mark.parametrize("engine", ["fold", "hook"])
def test_with_a_plan_the_states_and_logits_are_those_of_the_changed_model(engine):
    model, ids = tiny.build("llama"), tiny.tokens()
    neurons = NeuronSet.from_indices({"zh": {"ffn.act": [[0, 5], [7], [1, 2]]}}, architecture=architecture_of(model))
    plan = compile_plan(Spec.parse("zero", lang="zh"), neurons, architecture_of(model))
    before, _ = states_of(model, ids)
    with applied(model, plan, engine):
        states, output = states_of(model, ids)
        assert torch.equal(readout(model)(states[-1]), output.logits)
    assert torch.equal(states[0], before[0]) and not torch.equal(states[1], before[1])


def test_a_rule_for_generated_tokens_does_not_stand_in_the_way():
    model = tiny.build("llama")
    neurons = NeuronSet.from_indices({"zh": {"ffn.act": [[0], [7], [1]]}}, architecture=architecture_of(model))
    plan = compile_plan(Spec.parse("zero", lang="zh", tokens="generated"), neurons, architecture_of(model))
    states, output = states_of(model, tiny.tokens())
    with applied(model, plan):
        assert torch.equal(readout(model)(states[-1]), output.logits)


def test_nothing_is_left_on_the_model():
    model, ids = tiny.build("gpt2"), tiny.tokens()
    before, seen = tiny.logits(model, ids), []
    with torch.no_grad(), layer_states(model, lambda depth, states: seen.append(states)):
        model(input_ids=ids)
    readout(model)(seen[0])
    assert torch.equal(tiny.logits(model, ids), before)
    for module in model.modules():
        assert "forward" not in module.__dict__ and not module._forward_hooks and not module._forward_pre_hooks


def test_a_failure_inside_leaves_nothing_either():
    model = tiny.build("gpt2")
    read = readout(model)
    with pytest.raises(RuntimeError):
        read(torch.zeros(1, 2, 5))  # the wrong width
    assert all("forward" not in module.__dict__ for module in model.modules())


WRAPPED = ("`DataParallel`", "`accelerate.cpu_offload`", "LoRA on an edited projection", "LoRA, offloaded")


@pytest.mark.parametrize("name", WRAPPED)
def test_what_wraps_a_model_does_not_stand_in_the_way(name, tmp_path):
    states, output = states_of(wrapped := wrappers.CASES[name].make(tmp_path), tiny.tokens())
    assert torch.equal(readout(wrapped)(states[-1]), output.logits)
