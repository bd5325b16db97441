"""``lnbench-vllm`` without vLLM: lm-eval's own vLLM model on a stand-in engine that transformers carry out."""

from __future__ import annotations

import json
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path

import lm_eval
import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from lnbench import models
from lnbench.errors import EngineError, LnbenchError, ModelArgumentError, OutputError
from lnbench.harness import Exports, LnbenchLM, register
from lnbench.neurons import NeuronSet
from tests.lm_requests import lm_request

from .test_delta import tuned

STEER = {"steps": [{"lang": "zh", "op": "zero"}, {"lang": "fr", "op": "set", "value": 0.5}], "expect": "fr"}


@pytest.fixture(scope="module")
def vllm():
    """The stand-in, for the rest of this process."""
    sys.path.insert(0, str(Path(__file__).parent / "stand_in"))
    import vllm

    sys.path.pop(0)
    return vllm


@pytest.fixture
def made(vllm, tiny_model, tmp_path, monkeypatch):
    """Makes a model in float32 with a cache of its own, on the tiny model unless it is told another."""
    if version("lm_eval") == "0.5.0.dev1":
        pytest.skip("lm-eval 0.5.0.dev1 knows no vLLM of today")
    from lnbench.harness import LnbenchVLLM

    monkeypatch.setenv("LNBENCH_CACHE", str(tmp_path / "cache"))
    return lambda **given: LnbenchVLLM(**{"pretrained": str(tiny_model), "dtype": "float32", "announce": False} | given)


def test_a_vllm_that_lm_eval_does_not_know_is_refused(vllm, monkeypatch):
    from lnbench.harness.vllm import _starting

    monkeypatch.setitem(sys.modules, "lm_eval.models.vllm_causallms", None)  # as where an import in it fails
    with pytest.raises(EngineError, match=rf"lm_eval {version('lm_eval')} does not run with vLLM .+ use --model"):
        _starting.load_class()


def requests(kind: str) -> list[Instance]:
    if kind == "generate_until":
        return [lm_request(kind, (f"{n} + 3 =", {"until": ["\n"], "max_gen_toks": 5}), n) for n in range(3)]
    return [lm_request(kind, (f"{n} + 3 =", " blue"), n) for n in range(3)]


def answers(lm) -> tuple[list[str], list[float]]:
    scores = [nats for nats, _ in lm.loglikelihood(requests("loglikelihood"), disable_tqdm=True)]
    return lm.generate_until(requests("generate_until"), disable_tqdm=True), scores


@pytest.mark.parametrize(
    "given", [{}, {"spec": "zero", "lang": "zh"}, {"spec": STEER}], ids=["original", "zero", "steer"]
)
def test_answers_of_the_model_lnbench(made, tiny_model, mask, given):
    given = given and {"mask": str(mask), **given}
    theirs = LnbenchLM(str(tiny_model), device="cpu", dtype="float32", announce=False, **given)
    mine = made(**given)
    texts, scores = answers(mine)
    assert (texts, scores) == (pytest.approx(answers(theirs)[0]), pytest.approx(answers(theirs)[1], abs=1e-4))
    assert mine.condition == theirs.condition and mine.output_key() != theirs.output_key()
    assert (mine.export is None) == (not given)


def test_tuned_weights_are_exported_under_the_plan(made, tiny_model, mask, tmp_path):
    delta = tuned(tiny_model, 0)[0].save(tmp_path / "delta.safetensors")
    given = {"mask": str(mask), "lang": "zh", "delta": str(delta)}
    theirs = LnbenchLM(str(tiny_model), device="cpu", dtype="float32", announce=False, **given)
    mine = made(**given)
    assert answers(mine)[1] == pytest.approx(answers(theirs)[1], abs=1e-4)
    assert mine.condition == theirs.condition and mine.record()["delta"] == theirs.record()["delta"]
    alone = made(delta=str(delta))
    assert alone.export is not None and alone.engine is None and alone.condition == "tuned-specific-4 zh seed 0"
    assert [entry.description for entry in Exports().entries()][-1] == "tuned"
    with pytest.raises(ModelArgumentError, match="no file of `lnbench tune`"):
        made(delta="org/differences")


def test_exported_once_and_the_original_never(made, mask, monkeypatch):
    first = made(mask=str(mask), lang="zh")
    monkeypatch.setattr(models, "export", None)
    again = made(mask=str(mask), lang="zh", max_model_len=64, gpu_memory_utilization=0.5)
    assert first.export is not None and again.export is not None
    assert first.export.folder == again.export.folder and first.output_key() != again.output_key()
    made()
    made(mask=str(mask), lang="zh", spec="scale:1.0")
    assert len(Exports().entries()) == 1
    assert HFLM(str(again.export.folder), device="cpu").model.dtype is not None


def test_every_argument_of_vllm_passes_through(made, vllm, mask, tiny_model):
    given = {"tensor_parallel_size": 2, "gpu_memory_utilization": 0.5, "max_model_len": 64, "enforce_eager": True}
    lm = made(mask=str(mask), lang="zh", control="random", seed=3, vllm_seed=7, batch_size=2, device="cuda:0", **given)
    start = vllm.LLM.starts[-1]
    assert start.items() >= given.items() and start["seed"] == 7 and start["model"] == str(lm.export.folder)
    assert lm.record()["plan"]["seed"] == 3 and lm.max_length == 64 and lm.batch_size == 2
    assert start["tokenizer"] is None and start["revision"] is None
    made(revision="main")
    assert vllm.LLM.starts[-1]["revision"] == "main" and vllm.LLM.starts[-1]["model"] == str(tiny_model)


def test_data_parallel_workers_get_the_export(made, mask, monkeypatch):
    monkeypatch.setattr("lm_eval.models.vllm_causallms.find_spec", lambda name: object())
    lm = made(mask=str(mask), lang="zh", data_parallel_size=2)
    assert lm.model_args["model"] == str(lm.export.folder) and not hasattr(lm, "model")
    assert lm.dtype == "float32" and lm.record()["output_key"] == lm.output_key()


REFUSED = [
    ({"engine": "hook"}, ModelArgumentError, "engine=hook changes activations"),
    ({"engine": "fast"}, ModelArgumentError, "unknown engine 'fast'"),
    ({"tokens": "generated"}, EngineError, "exported checkpoints, and this plan cannot be exported"),
    ({"spec": "add:0.1"}, EngineError, "exported checkpoints, and this plan cannot be exported"),
    ({"langs": "zh"}, ModelArgumentError, "did you mean 'lang'"),
    ({"gpu_memory": 0.5}, ModelArgumentError, "'gpu_memory', which neither lnbench nor this vLLM has"),
    ({"lora_local_path": "adapter"}, ModelArgumentError, "merge the adapter"),
    ({"pretrained": "no/such"}, ModelArgumentError, "cannot be loaded"),
    ({"pretrained": {"a": 1}}, ModelArgumentError, "a dict in memory"),
    ({"lang": "sw"}, LnbenchError, "sw"),
]


@pytest.mark.parametrize(
    ("given", "kind", "words"), REFUSED, ids=[" ".join(map(str, g)) + str(i) for i, (g, *_) in enumerate(REFUSED)]
)
def test_refused_before_anything_is_exported(made, vllm, mask, given, kind, words):
    before = len(vllm.LLM.starts)
    with pytest.raises(kind) as caught:
        made(**{"mask": str(mask), "lang": "zh", **given})
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not Exports().root.exists() and len(vllm.LLM.starts) == before


def test_a_seed_without_a_mask_names_the_other_seed(made):
    with pytest.raises(ModelArgumentError, match="vllm_seed"):
        made(seed=1)


def test_biases_that_vllm_would_drop_are_refused(made, tiny_model, neurons, tmp_path):
    from transformers import AutoTokenizer, CohereConfig, CohereForCausalLM

    config = json.loads((tiny_model / "config.json").read_text())
    keys = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    CohereForCausalLM(CohereConfig(**{key: config[key] for key in keys})).save_pretrained(tmp_path / "cohere")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "cohere")
    shape = models.load_architecture(str(tmp_path / "cohere"))
    queries = NeuronSet.from_indices({"zh": {"attn.q": [[1], [2]]}}, architecture=shape, model="x", method="by hand")
    there = {"pretrained": str(tmp_path / "cohere"), "mask": queries, "lang": "zh"}
    with pytest.raises(
        EngineError, match=r"k_proj\.bias, and vLLM is not known to read it in a model of type 'cohere'"
    ):
        made(**there, spec="set:0.5")
    assert not Exports().root.exists()
    assert made(**there, spec="zero").plan.neurons == 2


def test_an_engine_that_does_not_start_says_so_in_one_sentence(made):
    with pytest.raises(EngineError, match=r"vLLM does not start on .*Engine core initialization failed"):
        made(max_model_len=13)
    with pytest.raises(ModelArgumentError, match="Either max_length or max_model_len"):
        made(max_model_len=20, max_length=20)


def test_without_vllm_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.delitem(sys.modules, "lnbench.harness.vllm.lm", raising=False)
    register()
    with pytest.raises(EngineError, match="pip install vllm"):
        lm_eval.api.registry.get_model("lnbench-vllm")


def test_a_folder_that_cannot_be_written(made, mask, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LNBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="LNBENCH_CACHE"):
        made(mask=str(mask), lang="zh")


def test_an_evaluation_by_name_records_and_fences(vllm, tiny_model, mask, task_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LNBENCH_CACHE", str(tmp_path / "cache"))
    register()
    manager = TaskManager(include_path=str(task_folder), include_defaults=False)
    found, database = [], tmp_path / "answers"
    for given in ({"pretrained": str(tiny_model)}, {"mask": str(mask), "lang": "zh"}):
        arguments = {"dtype": "float32", **given}
        options = {"tasks": ["tiny_gen", "tiny_mc"], "task_manager": manager, "bootstrap_iters": 0, "device": "cpu"}
        found.append(lm_eval.simple_evaluate("lnbench-vllm", model_args=arguments, use_cache=str(database), **options))
        assert arguments["pretrained"] == str(tiny_model)
    records = [each["config"]["lnbench"] for each in found]
    assert [record["engine"] for record in records] == [None, "vllm"]
    assert all(record["vllm"] == vllm.__version__ for record in records)
    assert records[0]["export"] is None and len(records[1]["export"]) == 64
    assert found[1]["config"]["model_dtype"] == "float32" and records[1]["neurons"] == 11
    assert capsys.readouterr().out.count("lnbench: mask ") == 2
    file = next(tmp_path.glob("answers*"))
    with sqlite3.connect(file) as base:
        tables = {name for (name,) in base.execute("select name from sqlite_master where type='table'")}
    assert {f"lnbench_{record['output_key']}" for record in records} <= tables


def test_packed_blocks_fit_what_vllm_scores(made):
    from lnbench.harness._packing import pack

    lm = made(max_model_len=40)
    packed = pack(["a plain text, " * 30], "en", None, 4096)
    assert packed.block == 39 == lm.scored_length
    request = lm_request("loglikelihood_rolling", (packed.documents[0]["text"],), doc=packed.documents[0])
    ((nats, predicted),) = lm.loglikelihood_rolling([request], disable_tqdm=True)
    assert predicted == 38 and nats < 0
