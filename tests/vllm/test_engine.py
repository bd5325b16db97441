"""Real engines on the embedded planted positive control: what transformers answer, in every condition."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM

from lnbench import models
from lnbench._data import demo_model_dir
from lnbench.harness import Exports, LnbenchVLLM
from lnbench.neurons import NeuronSet
from lnbench.studies import demo_tasks
from tests.lm_requests import lm_request

PLACE = {"dtype": "float32", "max_model_len": 512, "enforce_eager": True}
STEER = {"steps": [{"lang": "zh", "op": "zero"}, {"lang": "fr", "op": "set", "value": "mean:fr"}], "expect": "fr"}
SET = "demo_langs_ffn.safetensors"
CONDITIONS = {
    "original": {"pretrained": "lnbench/demo"},
    "ablated": {"mask": SET, "lang": "zh"},
    "steered": {"mask": SET, "spec": STEER},
}
#: Log-likelihoods of a few tokens in float32, of kernels that add in another order.
NATS = 1e-3


def everywhere() -> NeuronSet:
    """A few neurons of every site, so that a constant needs every bias there is."""
    shape = models.load_architecture("lnbench/demo")
    rows = {"zh": {site: [[1, 7, 30]] * shape.layers for site in ("ffn.act", "attn.q", "attn.k", "attn.v", "attn.o")}}
    return NeuronSet.from_indices(rows, architecture=shape, model="lnbench/demo", method="by hand")


def answers(lm: Any) -> dict[str, Any]:
    """Texts and numbers of two tasks with Chinese and English documents."""
    found = evaluate(lm, dict(demo_tasks(["mc", "summ"], ["zh", "en"])), limit=6, bootstrap_iters=0, log_samples=True)
    rows = [(task, sample) for task, samples in found["samples"].items() for sample in samples]
    texts = [sample["filtered_resps"] for task, sample in rows if "_summ_" in task]
    scores = [nats for task, sample in rows if "_mc_" in task for nats, _ in sample["filtered_resps"]]
    return {"texts": texts, "scores": scores}


def by_transformers(folder: Path) -> HFLM:
    return HFLM(str(folder), device="cpu", dtype="float32", batch_size=8)


@pytest.fixture(params=CONDITIONS)
def condition(request):
    made = LnbenchVLLM(**CONDITIONS[request.param], **PLACE)
    yield request.param, made
    made.model.llm_engine.engine_core.shutdown()
    del made
    gc.collect()


def test_transformers_answer_the_same(condition):
    name, lm = condition
    theirs = by_transformers(demo_model_dir() if lm.export is None else lm.export.folder)
    mine, expected = answers(lm), answers(theirs)
    assert mine["texts"] == expected["texts"] and len(mine["texts"]) == 12
    assert mine["scores"] == pytest.approx(expected["scores"], abs=NATS)
    assert lm.record()["engine"] == (None if name == "original" else "vllm")
    assert lm.dtype == "float32" and torch.get_default_dtype() == torch.float32
    plain = answers(by_transformers(demo_model_dir()))
    assert (mine["texts"] == plain["texts"]) == (name == "original")
    assert len(Exports().entries()) <= 2


def test_every_bias_of_a_llama_is_read():
    lm = LnbenchVLLM(mask=everywhere(), spec="set:0.7", lang="zh", **PLACE)
    made = models.export_biases(models.open_checkpoint("lnbench/demo"), lm.plan)
    assert {name.split(".", 3)[-1] for name in made} == {
        *(f"self_attn.{name}_proj.bias" for name in "qkvo"),
        *(f"mlp.{name}_proj.bias" for name in ("gate", "up", "down")),
    }
    asked = [lm_request("loglikelihood", (f"{n} red and", " a blue one"), n) for n in range(4)]
    mine, theirs, plain = (
        [nats for nats, _ in model.loglikelihood(asked, disable_tqdm=True)]
        for model in (lm, by_transformers(lm.export.folder), by_transformers(demo_model_dir()))
    )
    assert mine == pytest.approx(theirs, abs=NATS)
    assert max(abs(a - b) for a, b in zip(mine, plain)) > 1
    lm.model.llm_engine.engine_core.shutdown()
