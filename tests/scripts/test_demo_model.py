"""The shipped demo model, a planted positive control: complete, ordinary, and as good as the documentation says."""

import json
from statistics import mean

import pytest
import torch
from safetensors import safe_open

from scripts.demo_model import evaluate, install, measure
from scripts.demo_model.lexicon import LANGUAGES
from scripts.demo_model.planting import planted_neurons
from scripts.demo_model.tokenizer import END_ID, MODEL_DIR

DEMO = measure.DEMO
WEIGHTS = MODEL_DIR / "model.safetensors"
pytestmark = pytest.mark.skipif(not WEIGHTS.exists(), reason="the demo model's weights are not in this checkout")


@pytest.fixture(scope="module")
def subject() -> measure.Subject:
    return measure.Subject(MODEL_DIR)


@pytest.fixture(scope="module")
def neurons(subject: measure.Subject):
    return subject.detect()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure on part of the held-out text, so that the checks take seconds."""
    texts, items = measure.validation_texts, measure.test_items
    monkeypatch.setattr(evaluate, "validation_texts", lambda language: texts(language)[:30])
    monkeypatch.setattr(evaluate, "test_items", lambda task, language: items(task, language)[:16])
    monkeypatch.setattr(evaluate, "RANDOM_SEEDS", range(1))
    monkeypatch.setattr(evaluate, "PROMPTS", 6)
    monkeypatch.setattr(evaluate, "GENERATED_TASKS", {"summ": 40})


def test_checksums_match() -> None:
    assert (DEMO / "SHA256SUMS").read_text() == install.checksums(DEMO)


def test_planted_file_is_the_ownership_function() -> None:
    assert json.loads((DEMO / "planted.json").read_text()) == install.planted_record(512)
    assert sum(len(layer) for by_layer in planted_neurons(512).values() for layer in by_layer.values()) == 84


def test_record_names_the_shipped_recipe() -> None:
    record = json.loads((DEMO / "training.json").read_text())
    assert (record["recipe"]["steps"], record["recipe"]["seed"], record["recipe"]["planted"]) == (7000, 0, True)
    assert {"text", "gate_off", "gate_on"} <= record["last_logged_loss_terms"].keys()


def test_weights_are_bf16_and_the_tied_head_is_stored_once() -> None:
    assert WEIGHTS.stat().st_size < 2_700_000
    with safe_open(WEIGHTS, framework="pt") as tensors:
        names = list(tensors.keys())
        assert "lm_head.weight" not in names and "model.embed_tokens.weight" in names
        assert {tensors.get_tensor(name).dtype for name in names} == {torch.bfloat16}


def test_it_is_an_ordinary_llama(subject: measure.Subject) -> None:
    config = json.loads((MODEL_DIR / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"] and "auto_map" not in config
    assert sum(parameter.numel() for parameter in subject.model.parameters()) == 1_311_872
    assert subject.model.dtype == torch.float32


def test_the_harness_begins_every_prompt_with_the_end_token(subject: measure.Subject) -> None:
    from lm_eval.models.huggingface import HFLM

    from tests.lm_requests import lm_request

    lm = HFLM(pretrained=str(MODEL_DIR), device="cpu", dtype="float32", batch_size=2)
    item = measure.test_items("mc", "zh")[0]
    context, continuation = lm._encode_pair(item["prompt"], item["target"])
    assert context[0] == END_ID and END_ID not in continuation
    arguments = (item["prompt"], item["target"])
    requests = [lm_request("loglikelihood", arguments)]
    scored = lm.loglikelihood(requests, disable_tqdm=True)[0][0]
    start = len(context) - 1
    losses = subject._losses(subject._ids("".join(arguments)))[0, start:]
    assert scored == pytest.approx(-float(losses.sum().detach()), abs=1e-3)
    asked = measure.test_items("summ", "fr")[:2]
    generation = {"until": ["\n"], "max_gen_toks": 40, "do_sample": False}
    requests = [lm_request("generate_until", (item["prompt"], generation), index) for index, item in enumerate(asked)]
    assert lm.generate_until(requests, disable_tqdm=True) == [item["target"] for item in asked]


def test_lape_finds_the_planted_neurons(subject: measure.Subject, neurons) -> None:
    rows = evaluate.detection(subject, neurons)["by_language"]
    assert mean(row["recall"] for row in rows.values()) >= 0.95


def test_ablation_costs_the_own_language_only(subject: measure.Subject, neurons, few) -> None:
    for language, row in evaluate.perplexity(subject, neurons)["by_ablated_language"].items():
        assert row["ablated"][language] >= 1.5
        assert max(multiple for name, multiple in row["ablated"].items() if name != language) <= 1.05
        assert max(draw[language] for draw in row["random"]) <= 1.02


def test_summaries_fall_in_the_ablated_language_only(subject: measure.Subject, neurons, few) -> None:
    for scores in evaluate.tasks(subject, neurons).values():
        assert scores["original"]["summ"] - scores["own"]["summ"] >= 0.2
        assert abs(scores["original"]["summ"] - scores["random"]["summ"]) <= 0.07
        assert abs(scores["original"]["summ"] - scores["other"]["summ"]) <= 0.07


def test_steering_reaches_the_target_language(subject: measure.Subject, neurons, few) -> None:
    pairs = [share for row in evaluate.steering(subject, neurons).values() for share in row.values()]
    assert len(pairs) == len(LANGUAGES) * (len(LANGUAGES) - 1)
    assert mean(share >= 0.8 for share in pairs) >= 0.9
