"""Models that compute no numbers, tokenizers that lack a special token, prompts that are longer than the window."""

import json
import math
import shutil

import pytest
import torch
from lm_eval.api.model import CachingLM
from transformers import AutoTokenizer, LlamaModel

from lnbench import _faults
from lnbench.errors import EngineError, ModelArgumentError
from lnbench.harness import LnbenchLM
from lnbench.harness._finite import Finite, checked
from tests.lm_requests import lm_request


def choices(*pairs):
    return [lm_request("loglikelihood", pair, at) for at, pair in enumerate(pairs)]


def questions(*prompts, **more):
    given = {"until": ["\n"], "max_gen_toks": 3, "do_sample": False, **more}
    return [lm_request("generate_until", (prompt, dict(given)), at) for at, prompt in enumerate(prompts)]


@pytest.fixture
def broken(monkeypatch):
    """Have the decoder return a value everywhere, from its n-th pass on."""

    def broken_by(value, at=1):
        plain, passes = LlamaModel.forward, [0]

        def forward(self, *given, **named):
            found = plain(self, *given, **named)
            passes[0] += 1
            if passes[0] >= at:
                found.last_hidden_state.fill_(value)
            return found

        monkeypatch.setattr(LlamaModel, "forward", forward)

    return broken_by


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("ask", ["loglikelihood", "generate_until", "sample", "loglikelihood_rolling"])
def test_no_answer_is_made_of_what_is_no_number(tiny_model, tmp_path, broken, value, ask):
    lm = LnbenchLM(str(tiny_model), device="cpu", announce=False)
    cached = CachingLM(lm, str(tmp_path / "cache.db"))
    broken(value)
    sampled = {"do_sample": True, "temperature": 0.7} if ask == "sample" else {}
    requests = {
        "loglikelihood": choices(("a b", " c")),
        "loglikelihood_rolling": [lm_request("loglikelihood_rolling", ("a b c",))],
    }.get(ask, questions("a b", **sampled))
    with pytest.raises(EngineError, match=r"no finite numbers \(condition: original\)"):
        getattr(cached, "generate_until" if ask == "sample" else ask)(requests)
    assert len(cached.dbdict) == 0  # nothing that a later run would take for an answer


def test_what_was_answered_before_stays_in_the_cache(tiny_model, tmp_path, broken):
    lm = LnbenchLM(str(tiny_model), device="cpu", batch_size=1, announce=False)
    cached = CachingLM(lm, str(tmp_path / "cache.db"))
    broken(math.nan, at=2)
    with pytest.raises(EngineError):
        cached.loglikelihood(choices(("a b", " c"), ("a b c d", " e")))
    assert len(cached.dbdict) == 1


def test_an_evaluation_that_is_stopped_says_where_its_answers_are(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(_faults, "_goes_on", told := [])
    CachingLM(LnbenchLM(str(tiny_model), device="cpu", announce=False), str(tmp_path / "cache.db"))
    assert told == [f"answers so far are in {tmp_path / 'cache.db'}, and the same command goes on"]


def test_tokens_that_are_ruled_out_are_no_fault():
    ruled_out = torch.tensor([[-math.inf, 1.0], [2.0, -math.inf]])
    assert checked(ruled_out, "original") is ruled_out
    assert Finite("original")(None, ruled_out) is ruled_out
    with pytest.raises(EngineError):
        checked(torch.full((2, 2), -math.inf), "original")


SPECIAL = ["pad", "bos", "eos", "pad+bos", "pad+eos", "pad+bos+eos", "pad+bos+eos+unk"]


def without(folder, missing, tmp_path):
    """A copy of a checkpoint whose tokenizer and configuration lack special tokens."""
    target = shutil.copytree(folder, tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for name in missing.split("+"):
        setattr(tokenizer, f"{name}_token", None)
    tokenizer.save_pretrained(target)
    for name in ("config.json", "generation_config.json"):
        content = json.loads((target / name).read_text())
        (target / name).write_text(json.dumps({k: v for k, v in content.items() if k[:3] not in missing.split("+")}))
    told = AutoTokenizer.from_pretrained(target)
    assert all(getattr(told, f"{name}_token") is None for name in missing.split("+"))
    return target


@pytest.mark.parametrize("missing", SPECIAL)
def test_a_tokenizer_without_a_special_token_answers_alike(tiny_model, mask, tmp_path, missing):
    """Batches of one need no padding; with batches of two, padding must not show in the answers."""
    model = without(tiny_model, missing, tmp_path)
    asked, chosen = questions("a b c d e", "a"), choices(("a b c d", " e"), ("a", " b"))
    found, told = [], {"device": "cpu", "announce": False}
    if "bos+eos" in missing:
        with pytest.raises(ModelArgumentError, match="name the one to use with prefix_token_id=N"):
            LnbenchLM(str(model), **told)
        told["prefix_token_id"] = 3
    for batch in (1, 2):
        lm = LnbenchLM(str(model), mask=str(mask), lang="zh", batch_size=batch, **told)
        found.append((lm.generate_until(asked), lm.loglikelihood(chosen)))
        assert math.isfinite(lm.loglikelihood_rolling([lm_request("loglikelihood_rolling", ("a b c",))])[0])
    assert found[0][0] == found[1][0]
    for one, other in zip(found[0][1], found[1][1]):
        assert one[0] == pytest.approx(other[0], abs=1e-4) and math.isfinite(one[0])


def test_a_prompt_that_is_longer_than_the_window_is_answered(tiny_model):
    lm = LnbenchLM(str(tiny_model), device="cpu", announce=False)
    long = "abcdefgh " * 100  # 900 bytes, and the window has 256
    (answer,) = lm.generate_until(questions(long))
    assert isinstance(answer, str)
    ((nats, _),) = lm.loglikelihood(choices((long, " c")))
    assert math.isfinite(nats)
    assert all(map(math.isfinite, lm.loglikelihood_rolling([lm_request("loglikelihood_rolling", (long,))])))


def test_biases_that_a_plan_adds_make_no_other_model(tiny_model):
    """A study that goes on in a steered condition must write of the same model as the one that began."""
    lm = LnbenchLM(str(tiny_model), device="cpu", announce=False)
    original, count = lm.get_model_info(), lm.model.num_parameters()
    lm.model.model.layers[0].mlp.down_proj.bias = torch.nn.Parameter(torch.zeros(16))  # as folding does
    assert lm.model.num_parameters() == count + 16
    assert lm.get_model_info()["model_num_parameters"] == original["model_num_parameters"] == count
