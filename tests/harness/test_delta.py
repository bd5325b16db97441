"""``delta=``: tuned weights in the model of lm-eval, under a mask, in the output key and in the record."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from lnbench.errors import DeltaError
from lnbench.harness import LnbenchLM, _delta
from lnbench.models import Delta, delta_of, fingerprint, slots_of


def tuned(folder: Path, draw: int, **header) -> tuple[Delta, torch.nn.Module]:
    """A delta of two neurons of a model, and the model with it."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    slots = slots_of(model, {("ffn.act", 0): [1, 30], ("attn.k", 1): [3]})
    bases = {name: fingerprint(p) for slot in slots for name, _, p in slot.parameters()}
    generator = torch.Generator().manual_seed(draw)
    with torch.no_grad():
        for slot in slots:
            for _, dimension, parameter in slot.parameters():
                rows = parameter.movedim(dimension, 0)
                rows[slot.index] += torch.randn(rows[slot.index].shape, generator=generator)
    about = {"model": "tiny", "language": "zh", "condition": "specific", "documents": 4, "seed": draw, "curve": [1, 2]}
    return delta_of(slots, bases, about | header), model


@pytest.fixture(scope="module")
def file(tiny_model, tmp_path_factory) -> Path:
    return tuned(tiny_model, 0)[0].save(tmp_path_factory.mktemp("deltas") / "zh-specific-4-seed0.safetensors")


def lm(tiny_model, **arguments) -> LnbenchLM:
    return LnbenchLM(str(tiny_model), device="cpu", dtype="float32", announce=False, **arguments)


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(5, 25)[None]).logits


def test_the_model_is_the_tuned_one_and_says_so(tiny_model, file):
    plain, with_delta = lm(tiny_model), lm(tiny_model, delta=str(file))
    _, expected = tuned(tiny_model, 0)
    assert torch.equal(logits(with_delta.model), logits(expected))
    assert not torch.equal(logits(with_delta.model), logits(plain.model))
    assert with_delta.output_key() != plain.output_key()
    record = with_delta.record()
    assert record["delta"]["content_hash"] == Delta.load(file).content_hash and "curve" not in record["delta"]
    assert with_delta.condition == "tuned-specific-4 zh seed 0" and plain.record()["delta"] is None


def test_other_weights_have_another_output_key(tiny_model, tmp_path):
    keys = set()
    for seed in (0, 1):
        delta, _ = tuned(tiny_model, seed)
        keys.add(lm(tiny_model, delta=delta.save(tmp_path / "same-name.safetensors")).output_key())
    assert len(keys) == 2


def test_a_mask_comes_on_top(tiny_model, file, mask):
    both = lm(tiny_model, delta=str(file), mask=str(mask), lang="zh")
    _, model = tuned(tiny_model, 0)
    with torch.no_grad():  # column j of down at zero is the neuron at zero
        for layer, rows in enumerate([list(range(8)), [1, 4, 9]]):
            model.model.layers[layer].mlp.down_proj.weight[:, rows] = 0.0
    assert torch.equal(logits(both.model), logits(model))
    assert both.condition.startswith("tuned-specific-4 zh seed 0, ")
    both.set_plan(None)
    assert torch.equal(logits(both.model), logits(tuned(tiny_model, 0)[1]))


def test_deltas_are_exchanged_and_the_original_comes_back(tiny_model, file, mask, tmp_path):
    model = lm(tiny_model, mask=str(mask), lang="zh")
    model.set_plan(None)
    original, key = logits(model.model), model.output_key()
    model.set_delta(file)
    first = logits(model.model)
    other, expected = tuned(tiny_model, 7)
    model.set_spec("zero", lang="fr")
    model.set_delta(other)
    assert model.plan is None and torch.equal(logits(model.model), logits(expected))
    model.set_delta(file)
    assert torch.equal(logits(model.model), first)
    model.set_delta(None)
    assert torch.equal(logits(model.model), original) and model.output_key() == key
    given = lm(tiny_model, delta=file)
    given.set_delta(other)
    given.set_delta(None)  # what the model was made with
    assert torch.equal(logits(given.model), first)


def test_what_is_not_ours_stays_lm_evals(tmp_path):
    for value in (str(tmp_path), "org/model"):
        arguments = {"delta": value}
        assert _delta.own_delta(arguments) is None and arguments == {"delta": value}


def test_refusals(tiny_model, file, tmp_path):
    with pytest.raises(DeltaError, match="there is no delta at"):
        lm(tiny_model, delta=str(tmp_path / "none.safetensors"))
    with pytest.raises(DeltaError, match="is no delta of lnbench"):
        lm(tiny_model, delta=str(tiny_model / "model.safetensors"))
    with pytest.raises(DeltaError, match=r"config\.json"):
        lm(tiny_model, delta=str(tiny_model / "config.json"))
    other = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    with torch.no_grad():
        other.model.layers[0].mlp.gate_proj.weight[9] += 1.0
    other.save_pretrained(tmp_path / "other")
    (tmp_path / "other" / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    (tmp_path / "other" / "tokenizer_config.json").write_bytes((tiny_model / "tokenizer_config.json").read_bytes())
    with pytest.raises(DeltaError, match=r"another model\.layers\.0\.mlp\.gate_proj\.weight"):
        lm(tmp_path / "other", delta=str(file))
