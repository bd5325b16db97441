"""Closed forms of PLND's impact against brute force, on tiny models of every architecture."""

import dataclasses
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from lnbench._data import demo_model_dir, packaged
from lnbench.detection import plnd_impact, read_documents
from lnbench.detection.plnd import Settings
from lnbench.detection.plnd._fast import fast
from lnbench.detection.plnd._meter import metered
from lnbench.detection.plnd._tiles import tile
from lnbench.detection.plnd._view import Form, view
from lnbench.errors import DataError, EngineError, SpecError, UnsupportedArchitectureError
from lnbench.models import Heads, claims_of
from tests.detection.plnd_brute import impacts
from tests.models.test_architectures import VARIANTS
from tests.models.tiny import FAMILIES, MORE_FAMILIES, build, tokens

SITES = ("ffn.hidden", "attn.q", "attn.k", "attn.v", "attn.o")
#: A window shorter than the documents.
SETTINGS = {"mistral": {"sliding_window": 4}}
NO_CLOSED_FORM = {"gemma2": "caps its logits", "olmo2": "otherwise than head by head"}


def base(family):
    return family.split("-")[0]


def worst(found, expected):
    return float(((found - expected).abs() / expected.clamp_min(1e-9)).max())


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_output_form_is_the_definition(family):
    settings, ids = SETTINGS.get(family, {}), tokens(1, 9)
    model, double = build(family, **settings), build(family, torch.float64, **settings)
    sites = SITES if family not in NO_CLOSED_FORM else ("ffn.hidden", "attn.v", "attn.o")
    found = plnd_impact(model, ids, sites=sites)
    assert list(found) == list(sites)
    for site in sites:
        assert found[site].dtype == torch.float32
        assert worst(found[site], impacts(double, base(family), site, ids)) < 1e-4, site


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "bloom", "gpt_neox"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_does_not_count(family, side):
    settings, ids = SETTINGS.get(family, {}), tokens(1, 7)
    model, double = build(family, **settings), build(family, torch.float64, **settings)
    padding = torch.zeros(1, 4, dtype=torch.long)
    order = (padding, ids) if side == "left" else (ids, padding)
    padded, mask = torch.cat(order, 1), torch.cat([(x > 0).long() for x in order], 1)
    positions = {} if family == "bloom" else {"position_ids": (mask.cumsum(1) - 1).clamp_min(0)}
    found = plnd_impact(model, padded, mask, sites=SITES)
    alone = plnd_impact(model, ids, sites=SITES)
    for site in SITES:
        assert torch.equal(found[site], alone[site])
        expected = impacts(double, family, site, padded, mask, layers=[0], **positions)
        assert worst(found[site][:1], expected) < 1e-4, site


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(NO_CLOSED_FORM)))
def test_a_batch_of_documents_is_scored_as_each_alone(family):
    model = build(family, **SETTINGS.get(family, {}))
    documents = [tokens(1, length, seed=length)[0] for length in (9, 2, 6)]
    for form in ("output", "fast"):
        with metered(model, Settings(SITES, form)) as meter:
            together = meter.measure_all(documents)
        for ids, scores in zip(documents, together):
            for site, alone in plnd_impact(model, ids, sites=SITES, form=form).items():
                assert float((scores[site] - alone).abs().max()) < 1e-3 * float(alone.max()), (form, site)


def drawn_to_the_first_token(dtype):
    """A model's q, k and v ``[tokens, width]`` whose queries give the first token 0.99 of their attention."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(128, width, generator=generator, dtype=torch.float64) for width in (128, 32, 32))
    slow = torch.zeros(32, dtype=torch.float64)
    slow[15] = 1.0  # a pair that hardly turns over 128 tokens
    q, k[0] = q + 15 * slow.repeat(4), k[0] + 6 * slow
    angle = torch.arange(128)[:, None] * 10000 ** (-torch.arange(0, 32, 2) / 32)
    rotary = torch.cat((angle, angle), 1).double()
    return [x.to(dtype) for x in (q, k, v)], {"position_embeddings": (rotary.cos(), rotary.sin())}


def test_fast_scores_survive_a_token_that_draws_all_attention():
    """Where squares of nearly equal numbers would be taken from each other, float32 keeps to float64."""
    heads, form, scores = Heads(4, 1, 32), Form(32**-0.5, None, None, None), []
    for dtype in (torch.float32, torch.float64):
        made = view(heads, form, *drawn_to_the_first_token(dtype), slice(0, 1))
        weights = tile(made, slice(0, 1), 112, 128).weights
        assert float(weights[..., 0].mean()) > 0.98
        made = dataclasses.replace(made, focus=weights.mean(1, keepdim=True))
        scores.append(fast(made, ("attn.q", "attn.k"), 1 << 18))
    for site, found in scores[0].items():
        assert worst(found, scores[1][site]) < 0.05, site
        assert spearmanr(found.flatten(), scores[1][site].flatten())[0] > 0.9999


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "bloom", "gpt_neox", "opt", "gpt2", "glm"])
def test_weights_form_is_the_change_of_attention_weights(family):
    settings, ids = SETTINGS.get(family, {}) | {"attn_implementation": "eager"}, tokens(1, 9)
    model, double = build(family, **settings), build(family, torch.float64, **settings)
    found = plnd_impact(model, ids, sites=("attn.q", "attn.k"), form="weights")
    fast = plnd_impact(model, ids, sites=("attn.q", "attn.k"), form="fast")
    for site, scores in found.items():
        brute = impacts(double, family, site, ids, of="weights")
        assert worst(scores, brute) < 1e-4, site
        assert spearmanr(fast[site].flatten(), brute.flatten())[0] > 0.9, site


@torch.no_grad()
def first_order(model, family, site, ids, layer):
    """``||A (m - D)||`` with D read off the attention weights of the cut model: ``log A' - log A = const - D``."""
    from tests.models.by_hand import hooked

    def weights():
        return model(input_ids=ids, output_attentions=True).attentions[layer]

    a, rows = weights(), []
    heads = model.config.num_attention_heads
    size = getattr(model.config, "head_dim", None) or model.config.hidden_size // heads
    count = heads if site == "attn.q" else getattr(model.config, "num_key_value_heads", None) or heads
    for neuron in range(count * size):
        with hooked(model, family, [layer], site, [neuron], lambda x: 0 * x):
            d = torch.where(a > 0, a.log() - weights().log(), 0.0)
        rows.append((a * ((a * d).sum(-1, keepdim=True) - d)).norm())
    return torch.stack(rows).float()


@pytest.mark.parametrize(
    "family", ["llama", "mistral", "qwen2", "gemma3", "bloom", "gpt_neox", "phi3", "gpt2", "glm", "smollm3"]
)
def test_fast_form_is_the_first_order(family):
    settings, ids = SETTINGS.get(family, {}) | {"attn_implementation": "eager"}, tokens(1, 40)
    model, double = build(family, **settings), build(family, torch.float64, **settings)
    both = plnd_impact(model, ids, sites=("attn.q", "attn.k"), form="fast")
    for site in both:
        alone = plnd_impact(model, ids, sites=(site,), form="fast")[site]
        torch.testing.assert_close(alone, both[site], rtol=1e-4, atol=1e-6)
        assert worst(both[site][1], first_order(double, family, site, ids, 1)) < 1e-4, site


@pytest.fixture(scope="module")
def demo():
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(demo_model_dir(), dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def documents():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(demo_model_dir())
    text = packaged("neuron_sets") / "demo" / "text" / "detection"
    listed = [max(read_documents(text / f"{code}.txt")[:200], key=len) for code in ("en", "zh", "ru")]
    return [torch.tensor(tokenizer(document)["input_ids"]) for document in listed]


def by_layer(a, b):
    """Spearman correlation over the rows of each layer, among which neurons are selected."""
    return [spearmanr(x, y)[0] for x, y in zip(a, b)]


@pytest.mark.parametrize("site", ["attn.q", "attn.k"])
def test_fast_ranks_as_the_exact_forms_do_on_a_trained_model(demo, documents, site):
    for ids in documents:
        forms = {form: plnd_impact(demo, ids, sites=site, form=form)[site] for form in ("fast", "weights", "output")}
        fast, weights = by_layer(forms["fast"], forms["weights"]), by_layer(forms["weights"], forms["output"])
        assert min(fast) > 0.98
        both = by_layer(forms["fast"], forms["output"])
        assert np.mean(both) > 0.9
        assert min(both) > min(weights) - 0.02  # what is missing is missing from the exact weights form too


def test_bfloat16_gives_close_scores(demo, documents):
    import copy

    half = copy.deepcopy(demo).to(torch.bfloat16)
    for form in ("output", "weights", "fast"):
        full, low = (plnd_impact(m, documents[0], sites=SITES, form=form) for m in (demo, half))
        for site in SITES:
            assert spearmanr(full[site].flatten(), low[site].flatten())[0] > 0.99, (form, site)
            assert float(((full[site] - low[site]).abs() / full[site]).median()) < 0.05, (form, site)


@pytest.mark.parametrize("family", ["llama", "qwen3", "bloom", "mistral"])
@pytest.mark.parametrize("chunk", [20, 1000])
def test_the_chunk_changes_nothing(family, chunk):
    model, ids = build(family, **SETTINGS.get(family, {})), tokens(1, 11)
    for form in ("output", "weights", "fast", "reference"):
        sites = ("attn.q", "attn.k")
        whole, parted = (plnd_impact(model, ids, sites=sites, form=form, chunk=c) for c in (None, chunk))
        for site in sites:
            torch.testing.assert_close(parted[site], whole[site], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("family", ["llama", "bloom", "qwen3", "gemma3"])
@pytest.mark.parametrize("strength", [20.0, 200.0])
def test_changes_too_large_for_the_closed_form_are_exact_too(family, strength):
    """Logits in the hundreds: without care 0 * inf is NaN once exp(-D) overflows."""
    ids, models = tokens(1, 9), []
    for dtype in (torch.float32, torch.float64):
        model = build(family, dtype)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if any(part in name for part in ("q_proj", "q_norm", "query_key_value")):
                    parameter.mul_(strength)
        models.append(model)
    for form in ("output", "weights"):
        found = plnd_impact(models[0], ids, sites=("attn.q", "attn.k"), form=form)
        expected = plnd_impact(models[1], ids, sites=("attn.q", "attn.k"), form=form)
        for site, scores in found.items():
            assert bool(scores.isfinite().all())
            if form == "output":
                brute = impacts(models[1], family, site, ids)
                assert float((expected[site] - brute).abs().max()) < 1e-5 * float(brute.max())  # norms stay in float32
            assert float((scores - expected[site]).abs().max()) < 2e-3 * float(expected[site].max())


def test_rotation_of_adjacent_dimensions_is_recognised():
    """Cohere pairs 2i with 2i + 1."""
    ids, models = tokens(1, 9), [build("cohere", dtype) for dtype in (torch.float32, torch.float64)]
    found, expected = (plnd_impact(model, ids, sites=("attn.q", "attn.k"), form="fast") for model in models)
    for site, scores in found.items():
        assert worst(scores, expected[site]) < 1e-4


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize("family", sorted(MORE_FAMILIES))
def test_the_other_architectures_are_scored_where_they_claim_it_and_refused_elsewhere(family):
    model, double, ids = build(family), build(family, torch.float64), tokens(1, 7)
    claimed = claims_of(model.config.model_type).plnd
    found = plnd_impact(model, ids, sites=claimed)
    assert tuple(found) == claimed
    for site, scores in found.items():
        with default_dtype(torch.float64):  # XGLM makes a tensor of the least number
            assert worst(scores, impacts(double, family, site, ids)) < 1e-4, site
    for site in sorted(set(SITES) - set(claimed)):
        says = "fused experts" if site == "ffn.hidden" else "leave out attn.q"
        with pytest.raises(UnsupportedArchitectureError, match=says):
            plnd_impact(model, ids, sites=(site,))


@pytest.mark.parametrize(("family", "config"), VARIANTS, ids=[f"{name}-{'-'.join(set_)}" for name, set_ in VARIANTS])
def test_what_a_config_may_change_is_scored_right_or_refused(family, config):
    """Alibi, norms, clipping, windows: whatever the description does not know of shows in what the model computes."""
    model, double, ids = build(family, **config), build(family, torch.float64, **config), tokens(1, 7)
    for site in ("attn.q", "attn.k"):
        try:
            scores = plnd_impact(model, ids, sites=site)[site]
        except UnsupportedArchitectureError as refusal:
            assert "leave out attn.q and attn.k" in str(refusal)
        else:
            assert worst(scores, impacts(double, family, site, ids)) < 1e-4, site


@pytest.mark.parametrize("family", sorted(NO_CLOSED_FORM))
def test_attention_without_a_closed_form_is_refused_by_name(family):
    with pytest.raises(UnsupportedArchitectureError, match=f"{NO_CLOSED_FORM[family]}.*leave out attn.q") as refusal:
        plnd_impact(build(family), tokens(1, 9), sites=("attn.k",))
    assert repr(family) in str(refusal.value)


def test_attention_that_computes_something_else_is_refused(monkeypatch):
    from transformers.models.llama import modeling_llama

    original = modeling_llama.apply_rotary_pos_emb
    monkeypatch.setattr(
        modeling_llama, "apply_rotary_pos_emb", lambda q, k, cos, sin: tuple(1.5 * x for x in original(q, k, cos, sin))
    )
    model = build("llama")
    with pytest.raises(UnsupportedArchitectureError, match=r"computes something else.*layer 0 is off by"):
        plnd_impact(model, tokens(1, 9), sites=("attn.q",))
    assert set(plnd_impact(model, tokens(1, 9), sites=("ffn", "attn.v", "attn.o"))) == {
        "ffn.hidden",
        "attn.v",
        "attn.o",
    }


def test_no_hook_stays_on_the_model():
    model, ids = build("llama"), tokens(1, 9)
    plnd_impact(model, ids, sites=SITES)
    with pytest.raises(SpecError):
        plnd_impact(model, ids, sites=("ffn.act",))
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_projection_of_another_kind_is_asked_for_its_columns():
    class Odd(torch.nn.Linear):
        """Doubles what its weight says, as an adapter or packed weight would."""

        def forward(self, x):
            return 2 * super().forward(x)

    model, ids = build("llama-biased"), tokens(1, 9)
    before = plnd_impact(model, ids, sites=("ffn.hidden", "attn.v", "attn.o", "attn.q"))
    for layer in model.model.layers:
        for owner, name in ((layer.mlp, "down_proj"), (layer.self_attn, "o_proj")):
            old = getattr(owner, name)
            new = Odd(old.in_features, old.out_features)
            new.load_state_dict({key: value / 2 for key, value in old.state_dict().items()})
            setattr(owner, name, new)
    for site, scores in plnd_impact(model, ids, sites=tuple(before)).items():
        torch.testing.assert_close(scores, before[site], rtol=1e-4, atol=1e-6)


def test_offloaded_weights_are_refused():
    model = build("llama")
    model.model.layers[1].mlp.down_proj.to("meta")
    with pytest.raises(EngineError, match="offloaded"):
        plnd_impact(model, tokens(1, 9), sites="ffn")


@pytest.mark.parametrize(
    ("ids", "mask", "says"),
    [
        (torch.ones(2, 5, dtype=torch.long), None, "one document at a time"),
        (torch.tensor([5]), None, "1 tokens"),
        (torch.tensor([5, 6, 7]), torch.tensor([1, 0, 1]), "hole"),
        (torch.tensor([5, 6, 7]), torch.tensor([1, 1]), "2 places for 3"),
        (torch.tensor([5, 6, 7]), torch.tensor([0, 0, 0]), "0 tokens"),
    ],
)
def test_unusable_documents_are_one_sentence(ids, mask, says):
    with pytest.raises(DataError, match=says):
        plnd_impact(build("llama"), ids, mask)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"sites": "ffn.act"}, "use ffn.hidden"),
        ({"sites": "mlp"}, "unknown site 'mlp'"),
        ({"sites": ()}, "no site"),
        ({"form": "exact"}, "unknown form 'exact'"),
        ({"chunk": 0}, "chunk of 0"),
    ],
)
def test_unknown_settings_are_one_sentence(keys, says):
    with pytest.raises(SpecError, match=says):
        plnd_impact(build("llama"), tokens(1, 9), **keys)


def test_values_that_are_not_finite_are_refused():
    model = build("llama")
    with torch.no_grad():
        model.model.layers[1].self_attn.v_proj.weight[0] = torch.inf
    for sites in (("ffn.hidden",), ("attn.v",), ("attn.q",)):
        with pytest.raises(DataError, match="not finite in layer 1"):
            plnd_impact(model, tokens(1, 9), sites=sites)


def test_nothing_of_tokens_by_tokens_by_width_exists():
    """The largest tensor stays below the chunk and the activations, however wide the model is."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        numel = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            made = func(*args, **(kwargs or {}))
            for tensor in made if isinstance(made, (tuple, list)) else [made]:
                if isinstance(tensor, torch.Tensor):
                    Largest.numel = max(Largest.numel, tensor.numel())
            return made

    length, chunk = 40, 2000
    model = build("llama")
    width = max(4 * 8, 40, 61)  # heads * size, feed-forward, vocabulary
    for form in ("output", "weights", "fast"):
        with Largest():
            plnd_impact(model, tokens(1, length), sites=("attn.q", "attn.k"), form=form, chunk=chunk)
        assert Largest.numel <= max(
            4 * length * length, 4 * length * width, chunk
        )  # the model's own attention is first


def test_a_model_in_training_mode_is_scored_without_dropout_and_left_as_it_was():
    model, ids = build("gpt2"), tokens(1, 9)
    before = plnd_impact(model, ids, sites=SITES)
    model.train()
    model.transformer.h[1].eval()
    modes = [module.training for module in model.modules()]
    after = plnd_impact(model, ids, sites=SITES)
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(before[site], after[site]) for site in SITES)


def test_layers_that_do_not_run_are_refused():
    model = build("llama")
    model.model.layers[1].forward = lambda hidden, **_: hidden
    with pytest.raises(UnsupportedArchitectureError, match="without calling the projections of every layer"):
        plnd_impact(model, tokens(1, 9), sites="ffn")


def test_one_layer_that_runs_twice_is_refused():
    model = build("llama")
    model.model.layers[2] = model.model.layers[0]
    with pytest.raises(UnsupportedArchitectureError, match="runs one layer several times"):
        plnd_impact(model, tokens(1, 9), sites="ffn")
