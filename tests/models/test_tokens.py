"""Token rules: the prompt alone, or what is generated alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import DynamicCache

from lnbench.errors import EngineError
from lnbench.models import Plan, applied, choose_engine
from tests.models.test_architectures import nested_gemma3
from tests.models.tiny import build, tokens

FAMILIES = ["llama", "phi3", "bloom", "gpt_neox", "opt", "gpt2", "gemma3-nested"]
EDITS = {(1, "ffn.act"): ([3, 4, 5], 0.0, 0.9), (2, "attn.v"): ([1], 1.0, 0.5)}


def made(family: str) -> Any:
    return nested_gemma3() if family == "gemma3-nested" else build(family)


def left_padded() -> tuple[torch.Tensor, torch.Tensor]:
    ids = tokens(3, 6)
    ids[0, :3], ids[1, :1] = 0, 0
    return ids, (ids != 0).long()


@torch.no_grad()
def greedy(model: Any, plan: Plan, steps: int, engine: str = "auto", when: str = "all") -> torch.Tensor:
    """Generated ids ``[batch, steps]``, by a loop of our own, with the plan applied in the passes of ``when``."""
    ids, mask = left_padded()
    cache, made_so_far, given = None, [], ids
    for step in range(steps):
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -given.shape[1] :]
        extra = {} if model.config.model_type == "bloom" else {"position_ids": positions}
        active = when == "all" or (when == "prompt") == (step == 0)
        with applied(model, plan if active else Plan.from_edits({}), engine):
            out = model(given, attention_mask=mask, past_key_values=cache, use_cache=True, **extra)
        cache, given = out.past_key_values, out.logits[:, -1:].argmax(-1)
        mask = torch.cat([mask, torch.ones_like(given)], dim=1)
        made_so_far.append(given)
    return torch.cat(made_so_far, dim=1)


@pytest.mark.parametrize("rule", ["prompt", "generated"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_rule_applies_in_its_own_passes_only(family: str, rule: str) -> None:
    model, steps = made(family), 8
    ids, mask = left_padded()
    everywhere, plan = Plan.from_edits(EDITS), Plan.from_edits(EDITS, tokens=rule)
    wanted = greedy(model, everywhere, steps, when=rule)
    with applied(model, plan) as at_work:
        assert at_work.engine == "hook"
        out = model.generate(ids, attention_mask=mask, max_new_tokens=steps, do_sample=False, eos_token_id=None)
    assert torch.equal(out[:, ids.shape[1] :], wanted)


def test_the_rules_differ_from_each_other_and_from_all() -> None:
    model = made("llama")
    seen = {when: greedy(model, Plan.from_edits(EDITS), 8, when=when) for when in ("all", "prompt", "generated")}
    plain = greedy(model, Plan.from_edits({}), 8)
    texts = [tuple(ids.flatten().tolist()) for ids in (*seen.values(), plain)]
    assert len(set(texts)) == 4
    assert torch.equal(seen["generated"][:, 0], plain[:, 0]), "the prompt predicts the first new token"


def test_a_pass_without_a_cache_is_a_prompt() -> None:
    model, ids = made("llama"), tokens()
    outputs = {}
    for rule in ("all", "prompt", "generated"):
        with applied(model, Plan.from_edits(EDITS, tokens=rule), "hook"), torch.no_grad():
            outputs[rule] = model(ids).logits
    assert torch.equal(outputs["prompt"], outputs["all"])
    assert torch.equal(outputs["generated"], model(ids).logits)


@pytest.mark.parametrize("rule", ["prompt", "generated"])
def test_generating_without_a_cache_is_refused(rule: str) -> None:
    model = made("llama")
    with (
        applied(model, Plan.from_edits(EDITS, tokens=rule)),
        pytest.raises(EngineError, match="needs a key-value cache"),
    ):
        model.generate(tokens(), max_new_tokens=2, use_cache=False, do_sample=False)


def test_a_cache_of_tuples_or_positional_arguments_is_read() -> None:
    from lnbench.models._tokens import TokenRule, _cached

    assert _cached(None) == 0
    assert _cached(()) == 0
    assert _cached(((torch.zeros(1, 2, 5, 4), None),)) == 5

    class Decoder(torch.nn.Module):
        def forward(self, input_ids: Any, past_key_values: Any = None) -> bool:
            return rule.applies

    decoder, rule = Decoder(), TokenRule("generated")
    handles = rule.watch(decoder)
    assert decoder(None, ((torch.zeros(1, 2, 5, 4),),)) is True
    assert decoder(None) is False
    for handle in handles:
        handle.remove()


def test_a_cache_by_any_of_its_names_is_seen_and_a_decoder_without_one_is_refused() -> None:
    """transformers 5.24 calls it otherwise; unseen, every pass would be taken for a prompt."""
    from lnbench.models._tokens import TokenRule

    class Renamed(torch.nn.Module):
        def forward(self, input_ids: Any, cache: Any = None, use_cache: bool = True) -> bool:
            return rule.applies

    class Without(torch.nn.Module):
        def forward(self, input_ids: Any, memory: Any = None) -> bool:
            return rule.applies

    rule = TokenRule("generated")
    (handle,) = rule.watch(decoder := Renamed())
    filled = DynamicCache()
    filled.update(torch.zeros(1, 2, 5, 4), torch.zeros(1, 2, 5, 4), 0)
    assert decoder(None, cache=filled) is True and decoder(None, cache=DynamicCache()) is False
    handle.remove()
    with pytest.raises(EngineError, match=r"Without\.forward takes none by the name of past_key_values or cache"):
        rule.watch(Without())


def test_fold_is_refused() -> None:
    with pytest.raises(EngineError, match=r"edits generated tokens only.*use engine=hook"):
        choose_engine(made("llama"), Plan.from_edits(EDITS, tokens="generated"), "fold")
