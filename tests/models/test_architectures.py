"""Each architecture's map, held to edits written by hand on a tiny random model of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import lnbench
from lnbench.errors import UnsupportedArchitectureError
from lnbench.models import Plan, applied, architecture_of, register_architecture, site_map, supported_architectures
from lnbench.models.architectures import _REGISTERED, _look_alike, description_for
from lnbench.neurons import SITES
from tests.models import by_hand
from tests.models.tiny import (
    FAMILIES,
    FFN,
    HEADS,
    HIDDEN,
    KV,
    LAYERS,
    SIZE,
    VOCABULARY,
    build,
    logits,
    randomised,
    tokens,
)


def by_plan(
    model: Any, layers: range, site: str, neurons: list[int], scale: float, offset: float, engine: str
) -> torch.Tensor:
    plan = Plan.from_edits({(layer, site): (neurons, scale, offset) for layer in layers})
    with applied(model, plan, engine) as at_work:
        assert at_work.engine == engine
        return logits(model, tokens())


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


VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("falcon-old", {"alibi": True}),
    ("falcon-multi-query", {"parallel_attn": False}),
    ("falcon", {"num_ln_in_parallel_attn": 1, "bias": True}),
    ("stablelm", {"qk_layernorm": True, "use_parallel_residual": True, "use_qkv_bias": True}),
    ("phi", {"qk_layernorm": True}),
    ("olmo", {"clip_qkv": 0.3}),
    ("cohere", {"use_qk_norm": True}),
    ("starcoder2", {"use_bias": False}),
    ("gpt_neox", {"attention_bias": False, "use_parallel_residual": False}),
    ("nemotron", {"attention_bias": True, "mlp_bias": True}),
    ("ernie4_5", {"use_bias": True}),
    ("qwen3", {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}),
    ("gpt_bigcode", {"scale_attn_weights": False}),
]


@pytest.mark.parametrize(("family", "config"), VARIANTS, ids=[f"{name}-{'-'.join(set_)}" for name, set_ in VARIANTS])
def test_what_a_config_may_change_moves_no_neuron(family: str, config: dict[str, Any]) -> None:
    model = build(family, **config)
    layers = range(architecture_of(model).layers)
    for site in SITES:
        neurons = [0, architecture_of(model).width(site) - 1]
        for scale, offset in ((0.0, 0.0), (0.0, 0.2)):
            with by_hand.hooked(model, family, layers, site, neurons, lambda a, s=scale, c=offset: s * a + c):
                wanted = logits(model, tokens())
            for engine in ("fold", "hook"):
                ours = by_plan(model, layers, site, neurons, scale, offset, engine)
                torch.testing.assert_close(ours, wanted, atol=2e-5, rtol=2e-5)


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


def bio() -> Any:
    """A model that nothing describes and that is not like Llama."""
    fields = {"hidden_size": 16, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 20}
    return randomised(transformers.BioGptForCausalLM, {"vocab_size": VOCABULARY, "pad_token_id": 0} | fields)


def test_an_unknown_architecture_says_what_to_add_and_where() -> None:
    with pytest.raises(UnsupportedArchitectureError) as caught:
        architecture_of(bio())
    for word in (
        "BioGptForCausalLM (model_type 'biogpt') is unknown",
        "do not have Llama's projections",
        "Description",
        "lnbench/models/architectures/",
        "register_architecture",
    ):
        assert word in str(caught.value)


def test_experts_in_modules_of_their_own_are_refused() -> None:
    model = build("mixtral")
    model.model.layers[1].mlp.experts = torch.nn.ModuleList([torch.nn.Linear(4, 4)])
    with pytest.raises(UnsupportedArchitectureError, match=r"mlp.experts.down_proj is not one tensor of three"):
        architecture_of(model)


def test_an_undescribed_mixture_is_refused_by_name() -> None:
    fields = FAMILIES["mistral"][1] | {"num_local_experts": 2, "model_type": "unheard"}
    model = randomised(transformers.MixtralForCausalLM, fields)
    model.config.model_type = "unheard"
    with pytest.raises(UnsupportedArchitectureError, match=r"MixtralForCausalLM.*'unheard'.*Llama's projections"):
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


def test_a_config_without_one_number_of_heads_is_refused() -> None:
    def heads(config: Any) -> Any:
        raise RuntimeError("'head_dim' may vary across layers")

    model = renamed("ambiguous")
    known = description_for(model, build("llama").config)
    register_architecture(replace(known, model_types=("ambiguous",), heads=heads))
    try:
        with pytest.raises(
            UnsupportedArchitectureError,
            match=r"does not give one number of heads for all layers \(.head_dim. may vary",
        ):
            architecture_of(model)
    finally:
        _REGISTERED.clear()


@pytest.mark.parametrize("thing", [torch.nn.Linear(2, 2), object()])
def test_what_is_no_language_model_is_refused(thing: Any) -> None:
    with pytest.raises(UnsupportedArchitectureError, match=r"no transformers config|no torch module"):
        architecture_of(thing)


def test_bloom_that_bypasses_its_modules_is_refused() -> None:
    model = build("bloom", slow_but_exact=True, pretraining_tp=2)
    with pytest.raises(UnsupportedArchitectureError, match=r"slow_but_exact"):
        architecture_of(model)


def renamed(name: str = "mine", **config: Any) -> Any:
    """A Llama whose config says that it is something else."""
    model = build("llama", **config)
    model.config.model_type = name
    return model


def test_what_looks_and_computes_like_llama_is_read_as_llama_with_a_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_look_alike, "_WARNED", set())
    model, known = renamed("novel"), build("llama")
    architecture = architecture_of(model)
    assert architecture == architecture_of(known)
    assert architecture.model_type == "novel (read as llama)"
    assert (
        lnbench.NeuronSet.from_indices(
            {"zh": {"ffn.act": [[1]] + [[]] * (LAYERS - 1)}}, model=model
        ).header.architecture.to_json()["model_type"]
        == "novel (read as llama)"
    )
    architecture_of(model)
    (warning,) = [record.getMessage() for record in caplog.records if "novel" in record.getMessage()]
    assert "is unknown to lnbench and is read as Llama" in warning
    for site in SITES:
        assert torch.equal(
            by_plan(model, range(LAYERS), site, [1, 5], 0.0, 0.0, "fold"),
            by_plan(known, range(LAYERS), site, [1, 5], 0.0, 0.0, "fold"),
        )


def test_what_only_has_llamas_names_is_refused() -> None:
    model = renamed()
    for layer in model.model.layers:
        layer.mlp.forward = lambda x, mlp=layer.mlp: mlp.down_proj(
            torch.nn.functional.normalize(mlp.act_fn(mlp.gate_proj(x)) * mlp.up_proj(x), dim=-1)
        )
    with pytest.raises(UnsupportedArchitectureError, match="has Llama's projections and computes something else"):
        architecture_of(model)
    model = renamed()
    model.model.layers[0].mlp.gate_proj.to("meta")
    with pytest.raises(UnsupportedArchitectureError, match="cannot be run alone"):
        architecture_of(model)


def test_a_config_alone_is_enough_to_compare_with_llama() -> None:
    """As for a foreign file or an export, which are held to a model whose weights are not loaded."""
    with torch.device("meta"):
        shell, odd = renamed("novel"), renamed("novel")
    assert architecture_of(shell) == architecture_of(build("llama"))
    assert all(each.device.type == "meta" for each in shell.parameters())
    for layer in odd.model.layers:
        layer.mlp.__class__ = type("Doubled", (type(layer.mlp),), {"forward": _doubled})
    with pytest.raises(UnsupportedArchitectureError, match="has Llama's projections and computes something else"):
        architecture_of(odd)


def _doubled(self: Any, x: torch.Tensor) -> torch.Tensor:
    return 2.0 * self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


def test_a_users_own_description_can_be_registered(caplog: pytest.LogCaptureFixture) -> None:
    model = renamed()
    known = description_for(model, build("llama").config)
    register_architecture(replace(known, model_types=("mine",)))
    try:
        assert "mine" in supported_architectures()
        assert architecture_of(model).layers == LAYERS
        assert architecture_of(model).model_type == "mine"
        assert not caplog.records
    finally:
        _REGISTERED.clear()


def test_the_description_in_the_documentation_works() -> None:
    text = (Path(__file__).parents[2] / "docs" / "architectures.md").read_text(encoding="utf-8")
    code = text.split("## Adding one")[1].split("```python\n")[1].split("```")[0]
    model = bio()
    names = {"ffn.act": "activation_fn"} | {f"attn.{name}": f"self_attn.{name}_proj" for name in "qkv"}
    try:
        exec(code, {})
        for site, name in names.items():
            handle = model.biogpt.layers[1].get_submodule(name).register_forward_hook(_zero_seven)
            wanted = logits(model, tokens())
            handle.remove()
            for engine in ("fold", "hook"):
                ours = by_plan(model, range(1, 2), site, [7], 0.0, 0.0, engine)
                torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)
    finally:
        _REGISTERED.clear()
