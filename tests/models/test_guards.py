"""Where an edit of a weight would silently do nothing: offloaded, packed, adapted, tied, compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import accelerate
import peft
import pytest
import torch
from torch import nn

from lnbench.errors import EngineError
from lnbench.models import Plan, applied, architecture_of, choose_engine
from lnbench.neurons import SITES
from tests.models import by_hand
from tests.models.tiny import LAYERS, build, logits, tokens

ALL = {(layer, site): ([1, 5], 0.5, 0.0 if site == "ffn.act" else 0.3) for layer in range(LAYERS) for site in SITES}
PLAN = Plan.from_edits(ALL)
ADDING = Plan.from_edits({(1, "ffn.act"): ([1, 5], 1.0, 0.7)})


def check_auto_hooks(
    model: nn.Module, wanted: torch.Tensor, reason: str, plan: Plan = PLAN, atol: float = 1e-5
) -> None:
    """``auto`` picks hooks and is right; ``fold`` is refused with the reason and the remedy."""
    original = logits(model, tokens())
    with applied(model, plan) as at_work:
        assert at_work.engine == "hook"
        torch.testing.assert_close(logits(model, tokens()), wanted, atol=atol, rtol=1e-5)
    assert torch.equal(logits(model, tokens()), original)
    assert (wanted - original).abs().max() > 1e-3
    with pytest.raises(EngineError, match=rf"engine=fold cannot.*{reason}.*use engine=hook"):
        choose_engine(model, plan, "fold")


def ablated(family: str = "llama", plan: Plan = PLAN) -> torch.Tensor:
    """The answer of an ordinary model of the family."""
    model = build(family)
    with applied(model, plan):
        return logits(model, tokens())


@pytest.mark.parametrize("plan", [PLAN, ADDING])
@pytest.mark.parametrize("family", ["llama", "phi3", "gpt2"])
def test_offloaded_weights_are_edited_on_their_activations(family: str, plan: Plan) -> None:
    wanted = ablated(family, plan)
    model = accelerate.cpu_offload(build(family), execution_device="cpu")
    assert next(model.parameters()).device.type == "meta"
    if plan is PLAN or family != "gpt2":
        check_auto_hooks(model, wanted, "" if plan is ADDING else "offloaded", plan)


def test_weights_partly_on_disk(tmp_path: Path) -> None:
    placed = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu"}
    placed |= {"model.layers.1": "disk", "model.layers.2": "disk", "lm_head": "cpu"}
    model = accelerate.dispatch_model(build("llama"), placed, main_device="cpu", offload_dir=tmp_path, force_hooks=True)
    check_auto_hooks(model, ablated(), "layer 1 has its weight offloaded")
    here = Plan.from_edits({(0, "ffn.hidden"): ([1], 0.0, 0.0)})
    with applied(model, here) as at_work:  # what stayed in memory folds
        assert at_work.engine == "fold"
        torch.testing.assert_close(logits(model, tokens()), ablated(plan=here), atol=1e-5, rtol=1e-5)


class Packed(nn.Linear):
    """Stands for quantised layers: integers for a weight, unpacked in ``forward``."""

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.step = linear.weight.abs().amax(dim=1, keepdim=True) / 127.0
        self.weight = nn.Parameter((linear.weight / self.step).round().to(torch.int8), requires_grad=False)
        self.bias = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.weight * self.step, self.bias)


def packed(model: Any, replace: Any = Packed) -> Any:
    for layer in model.model.layers:
        for owner in (layer.mlp, layer.self_attn):
            for name, child in list(owner.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(owner, name, replace(child))
    return model


def by_hooks_on_all_sites(model: nn.Module) -> torch.Tensor:
    """``PLAN`` by hand."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        for site in SITES:
            offset = 0.0 if site == "ffn.act" else 0.3
            change = by_hand.hooked(model, "llama", range(LAYERS), site, [1, 5], lambda a, c=offset: 0.5 * a + c)
            stack.enter_context(change)
        return logits(model, tokens())


def test_quantised_weights_are_edited_on_their_activations() -> None:
    model = packed(build("llama"))
    assert architecture_of(model) == architecture_of(build("llama"))
    check_auto_hooks(model, by_hooks_on_all_sites(model), "is a Packed, not a plain linear projection")


def test_packed_weights_in_a_plain_module_are_noticed() -> None:
    model = build("llama")
    down = model.model.layers[0].mlp.down_proj
    for weight, words in (
        (down.weight.to(torch.float8_e4m3fn), "packed weight .torch.float8_e4m3fn."),
        (down.weight.flatten(), "shape"),
        (torch.zeros(24, 20, dtype=torch.uint8), "packed weight .torch.uint8."),
    ):
        down.weight = nn.Parameter(weight, requires_grad=False)
        with pytest.raises(EngineError, match=words):
            choose_engine(model, PLAN, "fold")


def test_weights_computed_from_others_are_noticed() -> None:
    model = build("llama")
    wanted = ablated()
    nn.utils.parametrize.register_parametrization(model.model.layers[1].mlp.down_proj, "weight", nn.Identity())
    check_auto_hooks(model, wanted, "mlp.down_proj of layer 1 is a ParametrizedLinear")


def test_a_tensor_subclass_is_noticed() -> None:
    class Fancy(torch.Tensor):
        pass

    model = build("llama")
    down = model.model.layers[0].mlp.down_proj
    down.weight = nn.Parameter(down.weight.data.as_subclass(Fancy))
    with pytest.raises(EngineError, match="weight of type Fancy"):
        choose_engine(model, PLAN, "fold")


def test_tensor_parallel_weights_are_refused_by_both() -> None:
    class Sharded(torch.Tensor):
        placements = ("Shard(dim=0)",)

    model = build("llama")
    for layer in model.model.layers:
        for projection in (layer.self_attn.q_proj, layer.mlp.down_proj):
            projection.weight = nn.Parameter(projection.weight.data.as_subclass(Sharded))
    for engine, words in (("auto", "no engine can.*Sharded.*tensor parallelism"), ("hook", "tensor parallelism")):
        with pytest.raises(EngineError, match=words):
            choose_engine(model, PLAN, engine)


def test_weights_made_in_inference_mode_are_noticed() -> None:
    with torch.inference_mode():
        model = build("llama")
    assert choose_engine(model, PLAN) == "hook"


LORA_TARGETS = ["gate_proj", "up_proj", "down_proj", "q_proj", "k_proj", "v_proj", "o_proj"]


def with_lora(targets: list[str], family: str = "llama", **config: Any) -> Any:
    torch.manual_seed(3)
    settings = peft.LoraConfig(r=2, lora_alpha=8, target_modules=targets, init_lora_weights=False, **config)
    return peft.get_peft_model(build(family), settings).eval()


@pytest.mark.parametrize("dora", [False, True])
def test_an_adapter_on_the_same_module_is_edited_with_its_base(dora: bool) -> None:
    model = with_lora(LORA_TARGETS, use_dora=dora)
    assert (logits(model, tokens()) - logits(build("llama"), tokens())).abs().max() > 0.1, "the adapter must matter"
    merged = with_lora(LORA_TARGETS, use_dora=dora).merge_and_unload()
    with applied(merged, PLAN, "fold"):
        wanted = logits(merged, tokens())
    check_auto_hooks(model, wanted, "carries an adapter", atol=5e-5)
    with applied(merged, ADDING, "hook"):
        wanted = logits(merged, tokens())
    with applied(model, ADDING):
        torch.testing.assert_close(logits(model, tokens()), wanted, atol=5e-5, rtol=1e-5)


def test_an_adapter_on_a_transposed_projection() -> None:
    targets = ["attn.c_attn", "attn.c_proj", "mlp.c_proj"]
    model = with_lora(targets, "gpt2", fan_in_fan_out=True)
    merged = with_lora(targets, "gpt2", fan_in_fan_out=True).merge_and_unload()
    with applied(merged, PLAN, "fold"):
        wanted = logits(merged, tokens())
    check_auto_hooks(model, wanted, "carries an adapter", atol=5e-5)


def test_an_adapter_elsewhere_leaves_fold_possible() -> None:
    model = with_lora(["q_proj"])
    plan = Plan.from_edits({(1, "ffn.hidden"): ([1, 5], 0.5, 0.3)})
    with by_hand.hooked(model.get_base_model(), "llama", [1], "ffn.hidden", [1, 5], lambda a: 0.5 * a + 0.3):
        wanted = logits(model, tokens())
    with applied(model, plan) as at_work:
        assert at_work.engine == "fold"
        torch.testing.assert_close(logits(model, tokens()), wanted, atol=1e-5, rtol=1e-5)


def test_tied_embeddings_are_no_obstacle() -> None:
    model = build("llama", tie_word_embeddings=True)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    with by_hand.hooked(model, "llama", [1], "attn.v", [3], lambda a: 0.0 * a):
        wanted = logits(model, tokens())
    with applied(model, Plan.from_edits({(1, "attn.v"): ([3], 0.0, 0.0)}), "fold"):
        torch.testing.assert_close(logits(model, tokens()), wanted, atol=1e-5, rtol=1e-5)


def edits_in(layers: list[int]) -> Plan:
    return Plan.from_edits({(layer, "ffn.hidden"): ([1, 5], 0.5, 0.3) for layer in layers})


def by_hand_in(model: nn.Module, layers: list[int]) -> torch.Tensor:
    with by_hand.hooked(model, "llama", layers, "ffn.hidden", [1, 5], lambda a: 0.5 * a + 0.3):
        return logits(model, tokens())


def test_a_weight_that_two_layers_share_is_edited_once() -> None:
    model = build("llama")
    layers = model.model.layers
    layers[2].mlp.down_proj.weight = layers[1].mlp.down_proj.weight
    wanted, original = by_hand_in(model, [1, 2]), logits(model, tokens())
    for engine in ("fold", "hook"):
        with applied(model, edits_in([1, 2]), engine):
            torch.testing.assert_close(logits(model, tokens()), wanted, atol=1e-5, rtol=1e-5)
    assert torch.equal(logits(model, tokens()), original)
    check_auto_hooks(model, by_hand_in(model, [1]), "is also mlp.down_proj of layer 2", edits_in([1]))


def test_a_layer_that_is_used_twice_is_edited_once() -> None:
    model = build("llama")
    model.model.layers[2] = model.model.layers[1]
    wanted = by_hand_in(model, [1])  # one module: a hook on it serves both places
    for engine in ("fold", "hook"):
        with applied(model, edits_in([1, 2]), engine):
            torch.testing.assert_close(logits(model, tokens()), wanted, atol=1e-5, rtol=1e-5)
    with (
        pytest.raises(EngineError, match="layers 1 and 2 are one shared module, so give both"),
        applied(model, edits_in([1])),
    ):
        pass
    assert torch.equal(by_hand_in(model, [1]), wanted)


def test_a_shared_activation_function_is_left_alone() -> None:
    model, shared = build("llama"), nn.SiLU()
    for layer in model.model.layers:
        layer.mlp.act_fn = shared
    wanted = ablated(plan=ADDING)
    with applied(model, ADDING):
        assert not shared._forward_hooks
        torch.testing.assert_close(logits(model, tokens()), wanted, atol=1e-5, rtol=1e-5)


def test_compiled_models_fold_and_refuse_hooks() -> None:
    model = build("llama", num_hidden_layers=2)
    assert architecture_of(torch.compile(model, backend="eager")) == architecture_of(model)
    with pytest.raises(EngineError, match="the model is compiled"):
        choose_engine(torch.compile(model, backend="eager"), edits_in([1]), "hook")
    model.model.layers[1].mlp.compile(backend="eager")
    original = logits(model, tokens())
    wanted, plan = by_hand_in(build("llama", num_hidden_layers=2), [1]), edits_in([1])
    with applied(model, plan) as at_work:  # a bias appears: the compiled code must notice, and again when it goes
        assert at_work.engine == "fold"
        torch.testing.assert_close(logits(model, tokens()), wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logits(model, tokens()), original, atol=1e-6, rtol=1e-6)
    with pytest.raises(EngineError, match="compiled"):
        choose_engine(model, plan, "hook")
    with pytest.raises(EngineError, match=r"no engine can.*adding to ffn.act.*compiled"):
        choose_engine(model, ADDING)


def test_hooks_compiled_in_end_with_the_plan() -> None:
    torch._dynamo.reset()  # code compiled for one model serves its likes, and takes no notice of hooks
    model = build("llama", num_hidden_layers=2)
    original = logits(model, tokens())
    with applied(model, ADDING, "hook"):
        wanted = logits(model, tokens())
        model.model.layers[1].mlp.compile(backend="eager")
        torch.testing.assert_close(logits(model, tokens()), wanted, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(logits(model, tokens()), original, atol=1e-6, rtol=1e-6)


def test_what_generate_compiled_refuses_hooks() -> None:
    model = build("llama")
    model._compiled_call = model.__call__  # kept by generate with a static cache on a GPU
    with pytest.raises(EngineError, match="the model is compiled"):
        choose_engine(model, PLAN, "hook")
