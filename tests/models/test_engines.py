"""Engines: fold equals hook, nothing is left behind, and neither batch, padding nor cache matters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from lnbench.errors import EngineError, LnbenchError, ModelMismatchError, SpecError
from lnbench.models import Plan, applied, apply, architecture_of, choose_engine
from lnbench.neurons import SITES
from tests.models import by_hand
from tests.models.tiny import FFN, LAYERS, build, logits, tokens

MODELS = {name: build(name) for name in ("llama", "llama-biased", "phi3", "gpt2", "bloom")}
ENGINES = ("fold", "hook")


def plan_of(
    model: nn.Module, sites: tuple[str, ...] = SITES, scale: float = 0.5, offset: float = 0.2, **fields: Any
) -> Plan:
    """A few neurons of each site in every layer but the first."""
    architecture = architecture_of(model)
    edits = {
        (layer, site): (
            np.arange(layer, architecture.width(site, layer), 5),
            scale,
            0.0 if site == "ffn.act" else offset,
        )
        for layer in range(1, LAYERS)
        for site in sites
    }
    return Plan.from_edits(edits, **fields)


def run(model: nn.Module, plan: Plan, engine: str, ids: torch.Tensor | None = None, **kwargs: Any) -> torch.Tensor:
    with applied(model, plan, engine):
        return logits(model, tokens() if ids is None else ids, **kwargs)


def snapshot(model: nn.Module) -> dict[str, Any]:
    """Everything that an intervention could leave behind."""
    return {
        "keys": list(model.state_dict()),
        "bits": {name: tensor.clone() for name, tensor in [*model.named_parameters(), *model.named_buffers()]},
        "identity": {name: id(tensor) for name, tensor in model.named_parameters()},
        "modules": {name: (id(module), type(module)) for name, module in model.named_modules()},
        "attributes": {name: sorted(vars(module)) for name, module in model.named_modules()},
        "slots": {name: list(module._parameters) for name, module in model.named_modules()},
        "hooks": {name: hooks(module) for name, module in model.named_modules()},
    }


def hooks(module: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs")
    return sum(len(getattr(module, kind)) for kind in kinds)


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    for name, bits in before.pop("bits").items():
        assert torch.equal(bits, after["bits"][name]), name
    after = {key: value for key, value in after.items() if key != "bits"}
    assert before == after


affine = st.tuples(st.sampled_from([0.0, 1.0, -0.5, 0.7, 2.0]), st.sampled_from([0.0, 0.0, 0.4, -0.1]))


@st.composite
def foldable_plans(draw: st.DrawFn, model: nn.Module, gated: bool) -> Plan:
    architecture = architecture_of(model)
    edits = {}
    for layer in range(LAYERS):
        for site in draw(st.lists(st.sampled_from(SITES), unique=True, max_size=4)):
            width = architecture.width(site, layer)
            neurons = draw(st.lists(st.integers(0, width - 1), unique=True, min_size=1, max_size=6))
            numbers = [draw(affine) for _ in neurons]
            if site == "ffn.act" and gated:
                numbers = [(0.0 if offset else scale, offset) for scale, offset in numbers]
            edits[layer, site] = (neurons, [scale for scale, _ in numbers], [offset for _, offset in numbers])
    return Plan.from_edits(edits)


@pytest.mark.parametrize("family", MODELS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_fold_equals_hook_and_both_restore_every_bit(family: str, data: st.DataObject) -> None:
    model = MODELS[family]
    plan = data.draw(foldable_plans(model, family in ("llama", "llama-biased", "phi3")))
    before = snapshot(model)
    results = [run(model, plan, engine) for engine in ENGINES]
    torch.testing.assert_close(results[0], results[1], atol=2e-5, rtol=1e-4)
    assert_same(before, snapshot(model))


@pytest.mark.parametrize("engine", ENGINES)
def test_an_identity_plan_leaves_weights_and_hooks_alone(engine: str) -> None:
    model = MODELS["llama"]
    before, original = snapshot(model), logits(model, tokens())
    plan = Plan.from_edits({(0, "ffn.act"): ([1, 2], 1.0, 0.0), (1, "attn.q"): ([], [], [])})
    assert plan.is_identity
    with applied(model, plan, engine):
        assert_same(before, snapshot(model))
        assert torch.equal(logits(model, tokens()), original)


def test_a_folded_zero_takes_out_weights_that_are_not_finite() -> None:
    model = build("llama")
    plan = Plan.from_edits({(1, "ffn.hidden"): ([5, 6], [0.0, 0.0], [0.0, 0.25]), (1, "attn.o"): ([2], 0.0, 0.0)})
    expected = run(model, plan, "fold")
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[:, 5] = float("inf")
        model.model.layers[1].self_attn.o_proj.weight[:, 2] = float("nan")
    assert torch.equal(run(model, plan, "fold"), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_come_back_after_an_exception(engine: str) -> None:
    model = MODELS["llama"]
    before = snapshot(model)
    with pytest.raises(ZeroDivisionError), applied(model, plan_of(model), engine):
        raise ZeroDivisionError
    assert_same(before, snapshot(model))


def test_a_fold_that_fails_half_way_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    from lnbench.models._weights import Folded

    model, calls = MODELS["llama"], []
    before, put = snapshot(model), Folded._put

    def failing(self: Folded, *args: Any) -> None:
        calls.append(args)
        if len(calls) == 5:
            raise MemoryError
        put(self, *args)

    monkeypatch.setattr(Folded, "_put", failing)
    with pytest.raises(MemoryError):
        apply(model, plan_of(model), "fold")
    assert len(calls) == 5
    assert_same(before, snapshot(model))


@pytest.mark.parametrize("engine", ENGINES)
def test_restore_is_idempotent_and_a_second_plan_is_refused(engine: str) -> None:
    model = MODELS["llama"]
    before = snapshot(model)
    at_work = apply(model, plan_of(model), engine)
    with pytest.raises(EngineError, match="already has a plan applied"):
        apply(model, plan_of(model), "hook")
    with pytest.raises(EngineError, match="already has a plan applied"), applied(model.model, plan_of(model)):
        pass
    at_work.restore()
    other = apply(model, plan_of(model, scale=0.1))
    at_work.restore()  # the older one ends nothing that is not its own
    with pytest.raises(EngineError, match="already"):
        apply(model, plan_of(model))
    other.restore()
    assert_same(before, snapshot(model))


def test_only_touched_rows_and_columns_are_kept() -> None:
    model = MODELS["llama"]
    at_work = apply(
        model, Plan.from_edits({(1, "ffn.hidden"): ([3, 9], 0.0, 0.0), (2, "attn.q"): ([4], 0.5, 0.0)}), "fold"
    )
    kept = sum(values.numel() for *_, values in at_work._undo.saved)
    at_work.restore()
    assert kept == 2 * model.config.hidden_size + model.config.hidden_size


def test_created_biases_exist_only_while_the_plan_is_at_work() -> None:
    model = MODELS["llama"]
    with applied(model, Plan.from_edits({(1, "attn.o"): ([3], 1.0, 0.5)}), "fold"):
        wanted = 0.5 * model.model.layers[1].self_attn.o_proj.weight[:, 3]
        assert torch.allclose(model.model.layers[1].self_attn.o_proj.bias, wanted)
        assert "model.layers.1.self_attn.o_proj.bias" in model.state_dict()
    assert model.model.layers[1].self_attn.o_proj.bias is None


@pytest.mark.parametrize("engine", ENGINES)
def test_activation_and_hidden_edits_of_one_neuron_compose_activation_first(engine: str) -> None:
    model = MODELS["llama"]
    plan = Plan.from_edits({(1, "ffn.act"): ([3, 4], [0.0, 0.5], [0.7, 0.0]), (1, "ffn.hidden"): ([3, 4], 0.5, 0.2)})
    with (
        by_hand.hooked(model, "llama", [1], "ffn.act", [3], lambda a: 0.0 * a + 0.7),
        by_hand.hooked(model, "llama", [1], "ffn.act", [4], lambda a: 0.5 * a),
        by_hand.hooked(model, "llama", [1], "ffn.hidden", [3, 4], lambda a: 0.5 * a + 0.2),
    ):
        wanted = logits(model, tokens())
    torch.testing.assert_close(run(model, plan, engine), wanted, atol=1e-5, rtol=1e-5)


def test_adding_to_a_gated_activation_after_hidden_is_scaled_by_hook() -> None:
    model = MODELS["phi3"]
    plan = Plan.from_edits({(1, "ffn.act"): ([3], 0.5, 0.7), (1, "ffn.hidden"): ([2, 3], 0.5, 0.2)})
    with (
        by_hand.hooked(model, "phi3", [1], "ffn.act", [3], lambda a: 0.5 * a + 0.7),
        by_hand.hooked(model, "phi3", [1], "ffn.hidden", [2, 3], lambda a: 0.5 * a + 0.2),
    ):
        wanted = logits(model, tokens())
    assert choose_engine(model, plan) == "hook"
    torch.testing.assert_close(run(model, plan, "auto"), wanted, atol=1e-5, rtol=1e-5)
    with pytest.raises(EngineError, match=r"adding to ffn.act in layer 1 .* use engine=hook"):
        choose_engine(model, plan, "fold")


@pytest.mark.parametrize(("family", "reachable", "beyond"), [("llama", -0.27, -0.29), ("llama-gelu", -0.16, -0.18)])
def test_constants_below_an_activations_minimum_go_by_hook(family: str, reachable: float, beyond: float) -> None:
    model = build(family)
    for value, engine in ((reachable, "fold"), (3.0, "fold"), (beyond, "hook")):
        plan = Plan.from_edits({(0, "ffn.act"): ([1, 5], 0.0, value)})
        assert choose_engine(model, plan) == engine
        with by_hand.hooked(model, family, [0], "ffn.act", [1, 5], lambda a, value=value: 0.0 * a + value):
            wanted = logits(model, tokens())
        torch.testing.assert_close(run(model, plan, "auto"), wanted, atol=1e-5, rtol=1e-5)
    with pytest.raises(EngineError, match=str(beyond)):
        choose_engine(model, plan, "fold")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom"])
def test_batch_1_equals_batch_8_and_every_row_is_touched(family: str, engine: str) -> None:
    model, ids = MODELS[family], tokens(batch=8)
    plan = plan_of(model)
    together = run(model, plan, engine, ids)
    alone = torch.cat([run(model, plan, engine, row[None]) for row in ids])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    assert ((together - logits(model, ids)).abs().amax(dim=(1, 2)) > 1e-3).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom"])
def test_padding_does_not_matter(family: str, side: str, engine: str) -> None:
    model, plan = MODELS[family], plan_of(MODELS[family])
    rows = [tokens(1, length, seed=length)[0] for length in (4, 7, 9)]
    ids, mask = padded(rows, side)
    extra = {} if family == "bloom" else {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}
    together = run(model, plan, engine, ids, attention_mask=mask, **extra)
    for number, row in enumerate(rows):
        alone = run(model, plan, engine, row[None])[0]
        torch.testing.assert_close(together[number][mask[number].bool()], alone, atol=1e-5, rtol=1e-5)


def padded(rows: list[torch.Tensor], side: str) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(map(len, rows))
    pads = [torch.zeros(length - len(row), dtype=torch.long) for row in rows]
    pair = [(pad, row) if side == "left" else (row, pad) for pad, row in zip(pads, rows, strict=True)]
    ids = torch.stack([torch.cat(parts) for parts in pair])
    return ids, (ids != 0).long()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("family", ["llama", "phi3", "gpt2", "bloom"])
def test_cached_decoding_equals_one_pass(family: str, engine: str) -> None:
    model, ids = MODELS[family], tokens()
    plan = plan_of(model)
    with applied(model, plan, engine), torch.no_grad():
        whole, cache, steps = model(ids).logits, None, []
        for at in [slice(0, 4), *(slice(n, n + 1) for n in range(4, ids.shape[1]))]:
            out = model(ids[:, at], past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            steps.append(out.logits)
    torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-5, rtol=1e-5)


def test_generation_is_the_same_by_both_engines_and_not_the_originals() -> None:
    model, ids = MODELS["llama"], tokens()
    options = {"max_new_tokens": 12, "do_sample": False, "attention_mask": torch.ones_like(ids), "eos_token_id": None}
    plan = plan_of(model, scale=0.0, offset=0.6)
    out = {}
    for engine in ENGINES:
        with applied(model, plan, engine):
            out[engine] = model.generate(ids, **options)
    assert torch.equal(out["fold"], out["hook"])
    assert not torch.equal(out["fold"], model.generate(ids, **options))


@pytest.mark.parametrize("family", MODELS)
def test_bf16_engines_agree_up_to_rounding(family: str) -> None:
    model = build(family, dtype=torch.bfloat16)
    before, plan = snapshot(model), plan_of(model)
    fold, hook = (run(model, plan, engine) for engine in ENGINES)
    precise = run(MODELS[family], plan, "fold")
    noise = (logits(model, tokens()) - logits(MODELS[family], tokens())).abs().max()  # of bf16 itself
    assert (fold - hook).abs().max() < 3 * noise
    assert (fold - precise).abs().max() < 4 * noise
    assert_same(before, snapshot(model))


def test_numbers_are_formed_in_float32_and_cast_once() -> None:
    model = build("llama", dtype=torch.bfloat16)
    down = model.model.layers[1].mlp.down_proj
    columns = down.weight[:, [3, 9]].float()
    plan = Plan.from_edits({(1, "ffn.hidden"): ([3, 9], 1.0 / 3.0, [0.3, 0.7])})
    with applied(model, plan, "fold"):
        assert torch.equal(down.weight[:, [3, 9]], (columns * (1.0 / 3.0)).bfloat16())
        torch.testing.assert_close(down.bias.float(), columns @ torch.tensor([0.3, 0.7]), atol=0, rtol=2**-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_float64_keeps_its_precision(engine: str) -> None:
    model = build("llama", dtype=torch.float64)
    with applied(model, plan_of(model, scale=1 / 3), engine), torch.no_grad():
        ours = model(tokens()).logits
    with applied(model, plan_of(model, scale=1 / 3), "hook" if engine == "fold" else "fold"), torch.no_grad():
        assert (ours - model(tokens()).logits).abs().max() < 1e-12


def test_autocast_works_with_hooks() -> None:
    model = MODELS["llama"]
    plan = Plan.from_edits({(1, "ffn.act"): ([3, 4], 1.0, 0.7), (2, "attn.v"): ([1], 0.0, 0.2)})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = run(model, plan, "hook")
    assert (rough - run(model, plan, "hook")).abs().max() < 0.1


def test_gradients_flow_through_hooks() -> None:
    model = build("llama")
    with applied(model, plan_of(model), "hook"):
        model(tokens()).logits.sum().backward()
    assert model.model.layers[0].mlp.down_proj.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("edit", [(1.0, 0.2), (0.0, 0.2), (0.5, 0.0)])
def test_a_plan_begun_in_inference_mode_works_and_ends_outside_it(engine: str, edit: tuple[float, float]) -> None:
    model = build("llama")
    before = snapshot(model)
    sites = ("ffn.act", "ffn.hidden", "attn.q", "attn.o") if engine == "hook" else ("ffn.hidden", "attn.q", "attn.o")
    plan = Plan.from_edits({(1, site): ([1, 4], *edit) for site in sites})
    with torch.inference_mode():
        at_work = apply(model, plan, engine)
        inside = model(input_ids=tokens()).logits
    outside = model(input_ids=tokens()).logits
    assert torch.equal(inside, outside)
    outside.sum().backward()
    at_work.restore()
    assert_same(before, snapshot(model))


def test_zero_holds_where_an_activation_is_infinite() -> None:
    from lnbench.models._hook import Change
    from lnbench.models._plan import Edit

    values = torch.tensor([[float("inf"), 2.0, 3.0]])
    assert Change(Edit.of([0], 0.0, 0.0))(values).tolist() == [[0.0, 2.0, 3.0]]
    assert Change(Edit.of([0, 1], [0.0, 0.5], [0.0, 1.0]))(values).tolist() == [[0.0, 2.0, 3.0]]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_number_of_kernels_does_not_grow_with_tokens_or_neurons(engine: str) -> None:
    """No loop over neurons or positions: a plan costs the same calls whatever its size."""
    model = MODELS["llama"]

    def calls(neurons: range, length: int) -> int:
        plan = Plan.from_edits({(1, "ffn.hidden"): (list(neurons), 0.5, 0.2), (1, "attn.v"): ([1], 0.5, 0.0)})
        counter = _Counter()
        with counter:
            run(model, plan, engine, tokens(2, length))
        return counter.calls

    assert calls(range(2), 4) == calls(range(FFN), 16)


class _Counter(torch.overrides.TorchFunctionMode):
    calls = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return function(*args, **(kwargs or {}))


BAD_PLANS: dict[str, tuple[dict[Any, Any], type[LnbenchError], str]] = {
    "layer": ({(9, "ffn.act"): ([1], 0, 0)}, ModelMismatchError, "layer 9 of a model with 3"),
    "index": ({(1, "attn.k"): ([16], 0, 0)}, ModelMismatchError, "neuron 16 of attn.k in layer 1"),
    "site": ({(1, "ffn.up"): ([1], 0, 0)}, SpecError, "unknown site 'ffn.up'"),
}


@pytest.mark.parametrize("name", BAD_PLANS)
def test_a_plan_for_another_model_is_refused_before_any_edit(name: str) -> None:
    edits, error, words = BAD_PLANS[name]
    model = MODELS["llama"]
    before = snapshot(model)
    good = {(0, "ffn.act"): ([1], 0.0, 0.0)}
    with pytest.raises(error, match=words):
        apply(model, Plan.from_edits(good | edits))
    assert_same(before, snapshot(model))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(
        EngineError, match=r"unknown engine 'folded'; did you mean 'fold'\? engine is one of auto, fold, hook"
    ):
        apply(MODELS["llama"], plan_of(MODELS["llama"]), "folded")


@pytest.fixture(autouse=True)
def _models_stay_as_they_are() -> Iterator[None]:
    """Shared models must leave each test as they entered it."""
    before = {name: snapshot(model) for name, model in MODELS.items()}
    yield
    for name, model in MODELS.items():
        for parameter in model.parameters():
            parameter.grad = None
        assert_same(before[name], snapshot(model))
