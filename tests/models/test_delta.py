"""Deltas: which weights belong to neurons, the file, and putting it into a model and taking it out again."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lnbench.errors import DeltaError, EngineError, OutputError, SpecError
from lnbench.models import (
    Delta,
    Edit,
    Plan,
    applied,
    apply,
    apply_delta,
    delta_applied,
    delta_header,
    delta_name,
    delta_of,
    dense_delta,
    fingerprint,
    save_checkpoint,
    slots_of,
)
from lnbench.neurons import SITES

from .tiny import FAMILIES, build, logits, tokens


def bits(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(model, before):
    return all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def changed(model, target, scale=0.5, seed=3):
    """Change the slots of a model at random in place; the delta of that, and the model before."""
    slots, before = slots_of(model, target), bits(model)
    bases = {name: fingerprint(p) for slot in slots for name, _, p in slot.parameters()}
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for slot in slots:
            for _, dimension, parameter in slot.parameters():
                rows = parameter.movedim(dimension, 0)
                noise = torch.randn(rows[slot.index].shape, generator=generator).to(parameter.dtype)
                rows[slot.index] = rows[slot.index] + scale * noise
    return delta_of(slots, bases, {"model": "tiny", "language": "sw", "condition": "specific"}), before


def put_back(model, before):
    model.load_state_dict(before)


TARGET = {("ffn.act", 0): [3, 7], ("ffn.act", 2): [1], ("attn.q", 1): [0, 5], ("attn.k", 1): [2], ("attn.o", 1): [4]}


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("site", SITES)
def test_a_slot_at_zero_is_the_ablated_neuron(family, site):
    """Every slot alone takes its neuron out: its rows, or its columns, are this neuron's and no other's."""
    model, ids, neurons = build(family), tokens(), [1, 6]
    with applied(model, Plan.from_edits({(1, site): Edit.of(neurons, 0.0)})):
        ablated = logits(model, ids)
    assert not torch.allclose(ablated, logits(model, ids), atol=1e-4)
    slots = slots_of(model, {(site, 1): neurons})
    assert len(slots) == {"ffn.act": None, "ffn.hidden": None}.get(site, 1) or len(slots) in (2, 3)
    for slot in slots:
        before = bits(model)
        with torch.no_grad():
            for _, dimension, parameter in slot.parameters():
                parameter.movedim(dimension, 0)[slot.index] = 0.0
        assert torch.allclose(logits(model, ids), ablated, atol=1e-5), (slot.path, slot.side)
        put_back(model, before)


def test_slots_count_what_they_hold():
    model = build("llama")  # hidden 24, no biases; two key/value heads of size 8 for four query heads
    slots = slots_of(model, TARGET)
    assert sum(slot.numbers for slot in slots) == 3 * (3 * 24) + 2 * 24 + 24 + 24
    biased = slots_of(build("qwen2"), {("attn.q", 0): [1, 2], ("attn.k", 0): [0], ("attn.o", 0): [5]})
    hidden = build("qwen2").config.hidden_size
    assert sum(slot.numbers for slot in biased) == 2 * (hidden + 1) + (hidden + 1) + hidden


def test_neurons_of_one_projection_are_one_slot():
    model = build("phi3")
    slots = slots_of(model, {("attn.q", 0): [1], ("attn.v", 0): [1], ("attn.k", 0): [3]})
    assert [(slot.path, len(slot.index)) for slot in slots] == [("model.layers.0.self_attn.qkv_proj", 3)]


def test_what_cannot_be_tuned_is_refused():
    model = build("llama")
    with pytest.raises(SpecError, match="no neuron to tune"):
        slots_of(model, {("ffn.act", 0): []})
    with pytest.raises(SpecError, match=r"ffn\.act and at ffn\.hidden"):
        slots_of(model, {("ffn.act", 0): [1], ("ffn.hidden", 1): [1]})
    model.model.layers[0].mlp.up_proj = torch.nn.Linear(24, 40, device="meta")
    with pytest.raises(EngineError, match="offloaded"):
        slots_of(model, TARGET)
    shared = build("llama")
    shared.model.layers[2].mlp.down_proj.weight = shared.model.layers[0].mlp.down_proj.weight
    with pytest.raises(EngineError, match="are one weight"):
        slots_of(shared, TARGET)


@pytest.mark.parametrize("family", ["llama", "phi3", "bloom", "gpt2"])
def test_a_delta_is_applied_and_undone_bit_for_bit(family, tmp_path):
    model = build(family)
    delta, before = changed(model, TARGET)
    after = bits(model)
    assert not same(model, before)
    path = delta.save(tmp_path / "sw.safetensors")
    put_back(model, before)
    read = Delta.load(path)
    assert read.content_hash == delta.content_hash and read.header == delta.header
    with delta_applied(model, read) as at_work:
        assert same(model, after)
        at_work.restore()
        assert same(model, before)
    assert same(model, before)
    assert path.read_bytes() == read.save(tmp_path / "again.safetensors").read_bytes()


def test_a_dense_delta_holds_what_has_changed_only(tmp_path):
    model = build("llama")
    base = {name: p.detach().clone() for name, p in model.named_parameters()}
    with torch.no_grad():
        model.model.norm.weight += 0.5
        model.model.embed_tokens.weight[3] = 1.0
    delta = dense_delta(model, base, {})
    assert [part.name for part in delta.parts] == ["model.embed_tokens.weight", "model.norm.weight"]
    after = bits(model)
    for name, p in model.named_parameters():
        p.data.copy_(base[name])
    at_work = apply_delta(model, Delta.load(delta.save(tmp_path / "full.safetensors")))
    assert same(model, after)
    at_work.restore()
    assert all(torch.equal(p, base[name]) for name, p in model.named_parameters())


def test_another_base_is_refused_and_named():
    model = build("llama")
    delta, before = changed(model, TARGET)
    put_back(model, before)
    with torch.no_grad():
        model.model.layers[1].self_attn.k_proj.weight[7, 0] += 1e-3  # not even a row of the delta
    now = bits(model)
    with pytest.raises(DeltaError, match=r"from another model\.layers\.1\.self_attn\.k_proj\.weight .* made for tiny"):
        apply_delta(model, delta)
    assert same(model, now)
    with pytest.raises(DeltaError, match="of shape"):
        apply_delta(build("llama", intermediate_size=48), delta)
    with pytest.raises(DeltaError, match="does not have"):
        apply_delta(build("llama", num_hidden_layers=2), delta)


def test_a_wider_dtype_is_the_same_base_and_a_narrower_one_is_not():
    model = build("llama", torch.bfloat16)
    delta, before = changed(model, TARGET)
    tuned = bits(model)
    put_back(model, before)
    wide = build("llama", torch.bfloat16).float()
    with delta_applied(wide, delta):
        assert all(torch.equal(tensor, tuned[name].float()) for name, tensor in wide.state_dict().items())
    exact = build("llama")
    delta, before = changed(exact, TARGET)
    put_back(exact, before)
    with pytest.raises(DeltaError, match="from another"):
        apply_delta(exact.to(torch.bfloat16), delta)


def test_plans_come_on_top_of_a_delta():
    model, ids = build("llama"), tokens()
    delta, before = changed(model, TARGET)
    put_back(model, before)
    plan = Plan.from_edits({(0, "ffn.hidden"): Edit.of([3, 9], 0.0)})
    at_work = apply_delta(model, delta)
    tuned = logits(model, ids)
    edits = apply(model, plan)
    assert not torch.equal(logits(model, ids), tuned)
    with pytest.raises(EngineError, match="plan applied"):
        at_work.restore()
    with pytest.raises(EngineError, match="plan applied"):
        apply_delta(model, delta)
    edits.restore()
    assert torch.equal(logits(model, ids), tuned)
    at_work.restore()
    assert same(model, before)


def test_a_checkpoint_with_a_delta_is_an_ordinary_one(tmp_path):
    model, ids = build("llama"), tokens()
    delta, _ = changed(model, TARGET)
    expected = logits(model, ids)
    folder = save_checkpoint(model, delta, tmp_path / "tuned")
    loaded = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    assert torch.equal(logits(loaded, ids), expected)
    assert json.loads((folder / "lnbench_delta.json").read_text())["content_hash"] == delta.content_hash
    with pytest.raises(OutputError, match="exists already"):
        save_checkpoint(model, delta, folder)


def test_names():
    assert delta_name("sw", "specific", 400, 0) == "sw-specific-400-seed0.safetensors"
    assert delta_name("culture:da/x", "full", 1, 2) == "culture_da_x-full-1-seed2.safetensors"


@pytest.fixture
def file(tmp_path):
    model = build("llama")
    delta, _ = changed(model, TARGET)
    return delta.save(tmp_path / "sw.safetensors")


def rewritten(file, header=None, **tensors):
    held = load_file(file)
    with safe_open(file, framework="np") as opened:
        text = json.loads(opened.metadata()["lnbench.delta"])
    save_file(held | tensors, file, {"lnbench.delta": json.dumps(text | (header or {}))})


NAME = "model.layers.0.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda f: f.write_bytes(f.read_bytes()[:-9]), "cannot be read"),
        (lambda f: f.write_bytes(b"\0" * 40), "cannot be read"),
        (lambda f: f.unlink(), "there is no delta at"),
        (lambda f: save_file({"a": torch.zeros(2)}, f), "is no delta of lnbench"),
        (lambda f: rewritten(f, {"schema": "2.0"}), "upgrade lnbench"),
        (lambda f: rewritten(f, {"parts": {"x": {}}}), "cannot be read"),
        (lambda f: rewritten(f, {"parts": 3}), "cannot be read"),
        (lambda f: rewritten(f, **{f"{NAME}.values": torch.zeros(2, 24)}), "is damaged"),
        (lambda f: rewritten(f, **{f"{NAME}.values": torch.zeros(3, 24)}), "cannot be read"),
        (lambda f: rewritten(f, **{f"{NAME}.index": torch.tensor([7, 3])}), "does not ascend"),
        (lambda f: rewritten(f, **{f"{NAME}.index": torch.tensor([3, 40])}), "does not ascend"),
        (lambda f: rewritten(f, **{f"{NAME}.index": torch.tensor([3.0, 7.0])}), "has no index"),
    ],
    ids=range(12),
)
def test_what_is_no_sound_delta_is_refused_in_one_sentence(file, damage, sentence):
    damage(file)
    with pytest.raises(DeltaError, match=sentence):
        Delta.load(file)


def test_the_header_of_a_delta_is_read_alone(file, tmp_path):
    assert delta_header(file)["language"] == "sw"
    with pytest.raises(DeltaError, match="there is no delta"):
        delta_header(tmp_path / "none.safetensors")
