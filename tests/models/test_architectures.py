"""Each architecture's map, held to edits written by hand on a tiny random model of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models import Plan, applied, architecture_of, register_architecture, site_map, supported_architectures
from lnbench.models.architectures import _REGISTERED, description_for
from lnbench.neurons import SITES
from tests.models import by_hand
from tests.models.tiny import FAMILIES, FFN, HEADS, HIDDEN, KV, LAYERS, SIZE, build, logits, randomised, tokens

MODELS: dict[str, Any] = {}
NO_ROTARY = ("bloom", "opt", "gpt2")


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(family: str) -> Any:
    return MODELS.setdefault(family, build(family))


def some(width: int) -> list[int]:
    """First, last and two neurons in the middle."""
    return sorted({0, width // 3, width // 2 + 1, width - 1})


def by_plan(
    model: Any, layers: range, site: str, neurons: list[int], scale: float, offset: float, engine: str
) -> torch.Tensor:
    plan = Plan.from_edits({(layer, site): (neurons, scale, offset) for layer in layers})
    with applied(model, plan, engine) as at_work:
        assert at_work.engine == engine
        return logits(model, tokens())


@pytest.mark.parametrize("engine", ["fold", "hook"])
@pytest.mark.parametrize("site", SITES)
def test_zeroing_through_the_map_equals_cutting_the_state_dict(model: Any, family: str, site: str, engine: str) -> None:
    neurons, layers = some(architecture_of(model).width(site, 0)), range(1, LAYERS)
    original = logits(model, tokens())
    ours = by_plan(model, layers, site, neurons, 0.0, 0.0, engine)
    cut = build(family)
    cut.load_state_dict(by_hand.zeroed(model, family, layers, site, neurons))
    torch.testing.assert_close(ours, logits(cut, tokens()), atol=1e-5, rtol=1e-5)
    assert (ours - original).abs().max() > 1e-3, "the edit must change something"
    assert torch.equal(logits(model, tokens()), original)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.7), (0.0, 0.6), (-0.5, 0.3)])
def test_any_edit_equals_hooks_written_by_hand(model: Any, family: str, site: str, scale: float, offset: float) -> None:
    neurons, layers = some(architecture_of(model).width(site, 1)), range(LAYERS - 1)
    with by_hand.hooked(model, family, layers, site, neurons, lambda a: scale * a + offset):
        wanted = logits(model, tokens())
    if not (site == "attn.k" and scale == 1.0 and family in NO_ROTARY):  # softmax ignores one constant for all keys
        assert (wanted - logits(model, tokens())).abs().max() > 1e-3
    for engine in engines(model, site, scale, offset):
        ours = by_plan(model, layers, site, neurons, scale, offset, engine)
        torch.testing.assert_close(
            ours, wanted, atol=1e-5, rtol=1e-5, msg=lambda text, engine=engine: f"{engine}: {text}"
        )


def engines(model: Any, site: str, scale: float, offset: float) -> tuple[str, ...]:
    """Both, but for an addition to a gated activation, which changes with the input."""
    impossible = site == "ffn.act" and site_map(model).sites[0].gated and offset != 0.0 and scale != 0.0
    return ("hook",) if impossible else ("fold", "hook")


@pytest.mark.parametrize("site", SITES)
def test_single_neurons_are_different_neurons(family: str, site: str) -> None:
    """Neighbouring indices move the logits in different ways: no two of them are one row."""
    model = MODELS.setdefault(family, build(family))
    width = architecture_of(model).width(site, 2)
    value = 1.0 if site.startswith("ffn") else 0.0  # many neurons of a ReLU are 0 already
    seen = [by_plan(model, range(2, 3), site, [neuron], 0.0, value, "fold")[0, -1] for neuron in range(0, width, 4)]
    rows = torch.stack(seen)
    distances = torch.cdist(rows, rows) + torch.eye(len(seen)) * 9.0
    assert distances.min() > 1e-6


def test_widths_are_the_architectures_own() -> None:
    widths = architecture_of(build("llama")).widths
    query, key = HEADS * SIZE, KV * SIZE
    assert widths == {
        "ffn.act": FFN,
        "ffn.hidden": FFN,
        "attn.q": query,
        "attn.k": key,
        "attn.v": key,
        "attn.o": query,
    }
    assert architecture_of(build("phi3")).widths["attn.k"] == HIDDEN // 6 * KV
    assert architecture_of(build("bloom")).widths["ffn.act"] == 128


def test_only_gated_layers_tell_activation_and_hidden_apart() -> None:
    assert site_map(build("llama")).sites[0].gated
    assert site_map(build("phi3")).sites[0].gated
    assert not any(site_map(build(name)).sites[0].gated for name in ("bloom", "gpt_neox", "opt", "gpt2"))


def test_a_decoder_without_its_head_is_found_too() -> None:
    model = build("llama")
    assert site_map(model.model).architecture == architecture_of(model)


@pytest.mark.parametrize("parallel", [True, False])
def test_neox_residual_layouts(parallel: bool) -> None:
    model = build("gpt_neox", use_parallel_residual=parallel)
    with by_hand.hooked(model, "gpt_neox", [0], "attn.v", [5], lambda a: 0.0 * a):
        wanted = logits(model, tokens())
    torch.testing.assert_close(by_plan(model, range(1), "attn.v", [5], 0.0, 0.0, "fold"), wanted, atol=1e-5, rtol=1e-5)


def test_opt_with_norms_after() -> None:
    model = build("opt", do_layer_norm_before=False, word_embed_proj_dim=16)
    with by_hand.hooked(model, "opt", [0, 1, 2], "ffn.act", [5, 6], lambda a: a + 1.0):
        wanted = logits(model, tokens())
    for engine in ("fold", "hook"):
        ours = by_plan(model, range(3), "ffn.act", [5, 6], 1.0, 1.0, engine)
        torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)


def nested_gemma3() -> Any:
    text = FAMILIES["gemma3"][1]
    vision = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    fields = {"text_config": text, "vision_config": vision, "mm_tokens_per_image": 4, "image_token_index": 60}
    return randomised(transformers.Gemma3ForConditionalGeneration, fields)


def test_a_text_decoder_nested_in_a_larger_model_is_found() -> None:
    model = nested_gemma3()
    assert architecture_of(model).layers == LAYERS
    assert site_map(model).decoder is model.model.language_model
    hook = model.model.language_model.layers[1].mlp.act_fn.register_forward_hook(_zero_seven)
    wanted = logits(model, tokens())
    hook.remove()
    ours = by_plan(model, range(1, 2), "ffn.act", [7], 0.0, 0.0, "fold")
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)


def _zero_seven(module: Any, args: Any, out: torch.Tensor) -> torch.Tensor:
    return out * (torch.arange(out.shape[-1]) != 7)


def test_an_unknown_architecture_says_what_to_add_and_where() -> None:
    fields = {"vocab_size": 50, "n_embd": 16, "n_layer": 1, "n_head": 2, "rotary_dim": 4}
    model = randomised(transformers.GPTJForCausalLM, fields)
    with pytest.raises(UnsupportedArchitectureError) as caught:
        architecture_of(model)
    for word in ("GPTJForCausalLM", "'gptj'", "Description", "lnbench/models/architectures/", "register_architecture"):
        assert word in str(caught.value)


def test_a_mixture_of_experts_is_refused_by_name() -> None:
    fields = FAMILIES["mistral"][1] | {"num_local_experts": 2}
    model = randomised(transformers.MixtralForCausalLM, fields)
    with pytest.raises(UnsupportedArchitectureError, match=r"MixtralForCausalLM.*mixture of experts"):
        architecture_of(model)


def test_a_layer_unlike_its_type_is_refused() -> None:
    model = build("llama")
    del model.model.layers[1].mlp.down_proj
    with pytest.raises(UnsupportedArchitectureError, match=r"mlp.down_proj does not exist"):
        architecture_of(model)
    model = build("phi3")
    model.model.layers[0].self_attn.qkv_proj = torch.nn.Linear(HIDDEN, 99)
    with pytest.raises(UnsupportedArchitectureError, match=r"99 outputs"):
        architecture_of(model)


@pytest.mark.parametrize("thing", [torch.nn.Linear(2, 2), object()])
def test_what_is_no_language_model_is_refused(thing: Any) -> None:
    with pytest.raises(UnsupportedArchitectureError, match=r"no transformers config|no torch module"):
        architecture_of(thing)


def test_bloom_that_bypasses_its_modules_is_refused() -> None:
    model = build("bloom", slow_but_exact=True, pretraining_tp=2)
    with pytest.raises(UnsupportedArchitectureError, match=r"slow_but_exact"):
        architecture_of(model)


def test_a_users_own_description_can_be_registered() -> None:
    from dataclasses import replace

    class MineConfig(transformers.LlamaConfig):
        model_type = "mine"

    model = build("llama")
    model.config = MineConfig(**FAMILIES["llama"][1])
    with pytest.raises(UnsupportedArchitectureError):
        architecture_of(model)
    register_architecture(replace(description_for(model, build("llama").config), model_types=("mine",)))
    try:
        assert "mine" in supported_architectures()
        assert architecture_of(model).layers == LAYERS
    finally:
        _REGISTERED.clear()


def test_the_description_in_the_documentation_works() -> None:
    text = (Path(__file__).parents[2] / "docs" / "architectures.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    fields = {"vocab_size": 61, "n_embd": 32, "n_layer": LAYERS, "n_head": 4, "rotary_dim": 4, "n_positions": 64}
    model = randomised(transformers.GPTJForCausalLM, fields)
    try:
        exec(code, {})
        for site in ("ffn.act", "attn.q", "attn.k", "attn.v"):
            handle = _by_name(model, site).register_forward_hook(_zero_seven)
            wanted = logits(model, tokens())
            handle.remove()
            for engine in ("fold", "hook"):
                ours = by_plan(model, range(1, 2), site, [7], 0.0, 0.0, engine)
                torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)
    finally:
        _REGISTERED.clear()


def _by_name(model: Any, site: str) -> torch.nn.Module:
    names = {"ffn.act": "mlp.act", "attn.q": "attn.q_proj", "attn.k": "attn.k_proj", "attn.v": "attn.v_proj"}
    return model.transformer.h[1].get_submodule(names[site])


def test_the_documentation_lists_every_architecture() -> None:
    table = (
        (Path(__file__).parents[2] / "docs" / "architectures.md").read_text(encoding="utf-8").split("## Adding one")[0]
    )
    assert all(f"`{model_type}`" in table for model_type in supported_architectures())
