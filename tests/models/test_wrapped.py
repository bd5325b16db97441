"""Wrapped models: right answers or a refusal in one sentence, for every wrapper and engine; the docs say which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

import lnbench
from lnbench.errors import EngineError
from lnbench.models import Plan, applied, apply, architecture_of, export
from lnbench.neurons import NeuronSet
from tests.models.tiny import LAYERS, build, logits, tokens
from tests.models.wrappers import CASES, Case, expected

#: Folds: outputs and inputs of projections in every layer, ``ffn.act`` zeroed; and what no weight can hold.
SITES = ("ffn.act", "ffn.hidden", "attn.k", "attn.v", "attn.o")
FOLDS = Plan.from_edits({(n, s): ([1, 5], 0.5, 0.0 if s == "ffn.act" else 0.3) for n in range(LAYERS) for s in SITES})
ONLY_HOOKS = Plan.from_edits({(n, "ffn.act"): ([1, 5], 1.0, 0.7) for n in range(LAYERS)})
#: Needs no bias, for which not every config has a place.
EXPORTED = Plan.from_edits({(n, s): ([1, 5], 0.5, 0.0) for n in range(LAYERS) for s in ("ffn.hidden", "attn.v")})
DOCS = Path(__file__).parents[2] / "docs" / "wrapped-models.md"
HEAD = ("model", "`fold`", "`hook`", "`auto`", "`auto`, a plan only for hooks", "export")


def made(name: str, folder: Path) -> tuple[Case, nn.Module]:
    case = CASES[name]
    if case.needs:
        pytest.importorskip(case.needs, reason="part of the dev extra on Linux")
    return case, case.make(folder)


def bits(model: nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter that is in memory and has values of its own."""
    named = model.named_parameters(remove_duplicate=False)
    return {name: value.detach().clone() for name, value in named if value.device.type != "meta"}


def check(case: Case, model: nn.Module, plan: Plan, engine: str, outcome: str, folder: Path) -> None:
    """The engine that is meant, its answers those of hooks by hand, and afterwards the very bits of before."""
    original, before = logits(model, tokens()), bits(model)
    if outcome == "refused":
        with pytest.raises(EngineError, match=r"^(engine=\w+ cannot|no engine can) carry out this plan: [^\n]*$"):
            apply(model, plan, engine)
    else:
        wanted = expected(case, model, plan, folder)
        assert (wanted - original).abs().max() > 0.05, "the plan must matter"
        with applied(model, plan, engine) as at_work:
            assert at_work.engine == outcome
            torch.testing.assert_close(logits(model, tokens()), wanted, atol=case.atol, rtol=1e-5)
    after = bits(model)
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    assert torch.equal(logits(model, tokens()), original)


@pytest.mark.parametrize("name", CASES, ids=[name.replace("`", "") for name in CASES])
def test_every_wrapper_with_every_engine(name: str, tmp_path: Path) -> None:
    case, model = made(name, tmp_path)
    sharded = name.startswith("tensor parallelism")
    for engine in ("fold", "hook", "auto"):
        outcome = getattr(case, engine)
        if sharded:
            with pytest.raises(EngineError):
                apply(model, FOLDS, engine)
        else:
            check(case, model, FOLDS, engine, outcome, tmp_path / engine)
    if not sharded:
        check(case, model, ONLY_HOOKS, "auto", case.only_hooks, tmp_path / "only")


@pytest.mark.parametrize("name", CASES, ids=[name.replace("`", "") for name in CASES])
def test_export_of_every_wrapper(name: str, tmp_path: Path) -> None:
    case, model = made(name, tmp_path)
    if case.export == "refused":
        with pytest.raises(EngineError, match=r"^[^\n]*(cannot be exported: |adapter merged)[^\n]*$"):
            export(model, EXPORTED, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return
    wanted = expected(case, model, EXPORTED, tmp_path)
    before = bits(model)
    loaded = AutoModelForCausalLM.from_pretrained(export(model, EXPORTED, tmp_path / "out"))
    torch.testing.assert_close(logits(loaded, tokens()), wanted, atol=case.atol, rtol=1e-5)
    assert all(torch.equal(value, before[key]) for key, value in bits(model).items())


def test_through_ablate() -> None:
    """The one-line way, on a wrapper of each kind."""
    neurons = NeuronSet.from_indices(
        {"zh": {"ffn.hidden": [[1, 5], [2], [3]]}}, architecture=architecture_of(build("llama"))
    )
    plan = Plan.from_edits({(n, "ffn.hidden"): (j, 0.0, 0.0) for n, j in enumerate([[1, 5], [2], [3]])})
    for name in ("LoRA on an edited projection", "`torch.compile(model)`", "`accelerate.cpu_offload`", "FP8 *"):
        case = CASES[name]
        model = case.make(Path())
        original, wanted = logits(model, tokens()), expected(case, model, plan, Path())
        with lnbench.ablate(model, neurons) as at_work:
            assert at_work.engine == case.auto
            torch.testing.assert_close(logits(model, tokens()), wanted, atol=case.atol, rtol=1e-5)
        assert torch.equal(logits(model, tokens()), original)


@pytest.mark.parametrize("engine", ["fold", "hook"])
def test_compiled_after_the_plan(engine: str) -> None:
    torch._dynamo.reset()
    model = build("llama")
    original = logits(model, tokens())
    at_work = apply(model, FOLDS, engine)
    wanted = logits(model, tokens())
    compiled = torch.compile(model, backend="eager")  # which torch 2.7 rounds otherwise by 3e-6
    torch.testing.assert_close(logits(compiled, tokens()), wanted, atol=1e-5, rtol=1e-5)
    at_work.restore()
    torch.testing.assert_close(logits(compiled, tokens()), original, atol=1e-5, rtol=1e-5)


def test_the_model_inside_a_compiled_one() -> None:
    """Hooks on it must reach code that was compiled before they were there."""
    torch._dynamo.reset()
    model = build("llama")
    compiled = torch.compile(model, backend="eager")
    original = logits(compiled, tokens())
    with applied(model, ONLY_HOOKS) as at_work:
        assert at_work.engine == "hook"
        wanted = logits(model, tokens())
        torch.testing.assert_close(logits(compiled, tokens()), wanted, atol=1e-5, rtol=1e-5)
    assert (wanted - original).abs().max() > 0.1
    torch.testing.assert_close(logits(compiled, tokens()), original, atol=1e-5, rtol=1e-5)


def freezing(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
    """Stands for inductor's: weights are what they were when the code was compiled."""
    frozen = [each.detach().clone() if isinstance(each, nn.Parameter) else None for each in inputs]
    return lambda *given: graph.forward(*[new if old is None else old for old, new in zip(frozen, given)])


def test_weights_that_compiled_code_has_frozen() -> None:
    import torch._inductor.config

    torch._dynamo.reset()
    model = build("llama")
    compiled = torch.compile(model, backend=freezing)
    original = logits(compiled, tokens())
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight.mul_(2.0)
        torch.testing.assert_close(logits(compiled, tokens()), original)  # it takes no notice
        model.model.layers[0].mlp.down_proj.weight.mul_(0.5)
    with torch._inductor.config.patch(freezing=True), applied(compiled, EXPORTED, "fold"):
        wanted = logits(model, tokens())
        torch.testing.assert_close(logits(compiled, tokens()), wanted, atol=1e-5, rtol=1e-5)
    assert (wanted - original).abs().max() > 0.1
    torch.testing.assert_close(logits(compiled, tokens()), original, atol=1e-5, rtol=1e-5)


def test_an_adapter_switched_while_a_plan_is_at_work() -> None:
    """Hooks see whatever adapter is active."""
    model = CASES["LoRA on an edited projection"].make(Path())
    with applied(model, FOLDS):
        with model.disable_adapter():
            off = logits(model, tokens())
        on = logits(model, tokens())
    bare = build("llama")
    with applied(bare, FOLDS):
        torch.testing.assert_close(off, logits(bare, tokens()), atol=5e-5, rtol=1e-5)
    assert (on - off).abs().max() > 0.1


def table() -> list[str]:
    """The rows of the docs' table."""
    rows = [HEAD, ("---",) * len(HEAD)]
    rows += [(name, c.fold, c.hook, c.auto, c.only_hooks, c.export) for name, c in CASES.items()]
    return [f"| {' | '.join(row)} |" for row in rows]


def test_the_docs_show_this_very_table() -> None:
    shown = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert shown[: len(table())] == table()
