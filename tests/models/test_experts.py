"""Fused experts: which column of which expert a neuron is, and everything that cannot be done to it."""

from __future__ import annotations

from typing import Any

import peft
import pytest
import torch

from lnbench.errors import EngineError, ModelMismatchError, UnsupportedArchitectureError
from lnbench.models import Plan, applied, apply, architecture_of, choose_engine, site_map, slots_of
from tests.models.tiny import build, logits, tokens

#: family -> (layer, name of the experts, dimension of the parameter that counts neurons)
PLACES = {
    "mixtral": (1, "mlp.experts", 2),
    "granitemoe": (0, "block_sparse_moe.experts", 2),
    "gpt_oss": (1, "mlp.experts", 1),
}
WIDTH = 12


def down_of(model: Any, family: str) -> torch.Tensor:
    layer, path, _ = PLACES[family]
    found: torch.Tensor = model.model.layers[layer].get_submodule(path).down_proj
    return found


@pytest.mark.parametrize("family", PLACES)
@pytest.mark.parametrize("site", ["ffn.act", "ffn.hidden"])
def test_neuron_is_expert_times_width_plus_index(family: str, site: str) -> None:
    model = build(family)
    down, (layer, _, across) = down_of(model, family), PLACES[family]
    before = down.clone()
    for expert, index in ((0, 0), (0, 11), (1, 0), (2, 5)):
        with applied(model, Plan.from_edits({(layer, site): ([expert * WIDTH + index], 0.5, 0.0)})):
            changed = (down != before).any(dim=3 - across).nonzero().tolist()
            assert changed == [[expert, index]]
            torch.testing.assert_close(down.select(across, index)[expert], 0.5 * before.select(across, index)[expert])
        assert torch.equal(down, before)


def test_the_shared_expert_comes_after_the_routed_ones() -> None:
    model = build("qwen2_moe")
    routed, shared = (
        model.model.layers[0].mlp.experts.down_proj,
        model.model.layers[0].mlp.shared_expert.down_proj.weight,
    )
    before = routed.clone(), shared.clone()
    with applied(model, Plan.from_edits({(0, "ffn.hidden"): ([35, 36, 45], 0.0, 0.0)})):
        assert (routed != before[0]).any(dim=1).nonzero().tolist() == [[2, 11]]
        assert (shared != before[1]).any(dim=0).nonzero().flatten().tolist() == [0, 9]
    assert torch.equal(routed, before[0])
    assert torch.equal(shared, before[1])
    with pytest.raises(ModelMismatchError, match=r"neuron 46 of ffn.hidden in layer 0, where the model has 46"):
        apply(model, Plan.from_edits({(0, "ffn.hidden"): ([46], 0.0, 0.0)}))


def test_edits_of_both_sites_compose_and_only_what_is_touched_is_kept() -> None:
    model = build("mixtral", torch.bfloat16)
    down = down_of(model, "mixtral")
    before = down.clone()
    plan = Plan.from_edits({(1, "ffn.act"): ([3, 14], 0.5, 0.0), (1, "ffn.hidden"): ([14, 25], -2.0, 0.0)})
    at_work = apply(model, plan)
    assert at_work.engine == "fold"
    for neuron, factor in ((3, 0.5), (14, -1.0), (25, -2.0)):
        expert, index = divmod(neuron, WIDTH)
        assert torch.equal(down[expert, :, index], (before[expert, :, index].float() * factor).bfloat16())
    assert sum(values.numel() for *_, values in at_work._undo.saved) == 3 * down.shape[1]  # type: ignore[union-attr]
    at_work.restore()
    assert torch.equal(down.view(torch.int16), before.view(torch.int16))


@pytest.mark.parametrize("family", ["mixtral", "qwen2_moe", "gpt_oss"])
@pytest.mark.parametrize("engine", ["auto", "fold", "hook"])
@pytest.mark.parametrize(
    ("scale", "offset", "rule", "says"),
    [
        (0.0, 0.5, "all", "only zero and scale are possible"),
        (1.0, 0.5, "all", "only zero and scale are possible"),
        (0.0, 0.0, "prompt", "no hook sees"),
    ],
)
def test_everything_else_is_refused(
    family: str, engine: str, scale: float, offset: float, rule: str, says: str
) -> None:
    model = build(family)
    last = architecture_of(model).width("ffn.hidden", 1) - 1
    for site in ("ffn.act", "ffn.hidden"):
        plan = Plan.from_edits({(1, site): ([last], scale, offset), (0, "attn.v"): ([1], 0.0, 0.0)}, rule)
        if engine == "fold" and rule != "all":
            says = "a weight serves all tokens"
        with pytest.raises(EngineError, match=says):
            apply(model, plan, engine)
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_hooks_on_attention_work_beside_experts() -> None:
    model = build("mixtral")
    plan = Plan.from_edits({(1, "attn.v"): ([1], 0.0, 0.4)}, "prompt")
    with applied(model, plan) as at_work:
        assert at_work.engine == "hook"
        assert not torch.equal(logits(model, tokens()), logits(build("mixtral"), tokens()))


def test_an_adapter_on_experts_and_offloaded_experts_are_refused() -> None:
    plan = Plan.from_edits({(1, "ffn.hidden"): ([3], 0.0, 0.0)})
    config = peft.LoraConfig(r=2, target_modules=[], target_parameters=["mlp.experts.down_proj"])
    wrapped = peft.get_peft_model(build("mixtral"), config)
    assert site_map(wrapped).architecture == architecture_of(build("mixtral"))
    with pytest.raises(EngineError, match=r"mlp.experts of layer 1 carries an adapter"):
        choose_engine(wrapped, plan)
    model = build("mixtral")
    model.model.layers[1].mlp.experts.to("meta")
    with pytest.raises(EngineError, match="offloaded"):
        choose_engine(model, plan)


def test_tied_experts_are_edited_alike_or_not_at_all() -> None:
    model = build("mixtral")
    model.model.layers[0].mlp.experts = model.model.layers[1].mlp.experts
    with pytest.raises(EngineError, match="not edited alike"):
        choose_engine(model, Plan.from_edits({(1, "ffn.hidden"): ([3], 0.0, 0.0)}), "fold")
    before = down_of(model, "mixtral").clone()
    with applied(model, Plan.from_edits({(layer, "ffn.hidden"): ([3], 0.5, 0.0) for layer in (0, 1)}), "fold"):
        torch.testing.assert_close(down_of(model, "mixtral")[0, :, 3], 0.5 * before[0, :, 3])
    assert torch.equal(down_of(model, "mixtral"), before)


def test_their_rows_and_columns_cannot_be_tuned() -> None:
    with pytest.raises((EngineError, UnsupportedArchitectureError), match="experts"):
        slots_of(build("mixtral"), {("ffn.hidden", 1): [3]})
