"""Training rows and columns alone: the same forward pass, the same gradients, and nothing else."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lnbench.analysis.tuning._untouched import check_untouched, untouched
from lnbench.analysis.tuning._values import Tuned, optimizer_bytes, trained_numbers
from lnbench.errors import DeltaError
from lnbench.models import slots_of
from tests.models.tiny import FAMILIES, build, tokens

TARGET = {
    ("ffn.act", 0): [3, 7],
    ("ffn.act", 2): [1],
    ("attn.q", 1): [0, 5],
    ("attn.k", 1): [2],
    ("attn.v", 2): [3],
    ("attn.o", 1): [4],
}


def loss(model, ids):
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids))
    logits = getattr(logits, "logits", logits)
    return F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten())


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_gradients_are_those_of_the_whole_model_at_the_rows_and_columns(family):
    ids = tokens()
    whole = build(family, torch.float64)
    loss(whole, ids).backward()
    model = build(family, torch.float64)
    slots = slots_of(model, TARGET)
    tuned = Tuned(model, slots)
    loss(tuned, ids).backward()
    reference = dict(whole.named_parameters())
    places = [place for slot in slots for place in zip(slot.parameters(), [slot.index] * 2)]
    assert len(places) == len(tuned.values) >= len(slots)
    for ((name, dimension, _), index), values in zip(places, tuned.values):
        expected = reference[name].grad.movedim(dimension, 0)[index]
        assert expected.abs().max() > 0 and torch.allclose(values.grad, expected, rtol=1e-9, atol=1e-14), name
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("family", ["llama", "llama-biased", "gpt2", "phi3"])
def test_the_forward_pass_is_that_of_the_written_weights_bit_for_bit(family, dtype):
    ids, model = tokens(), build(family, dtype)
    tuned = Tuned(model, slots_of(model, TARGET))
    with torch.no_grad():
        for values in tuned.values:
            values.add_(0.1)
    assert all(values.dtype == torch.float32 for values in tuned.values)
    tuned.write()
    during = tuned(ids, torch.ones_like(ids)).detach()
    tuned.release()
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits, during)
    assert all("forward" not in vars(module) for module in model.modules())


def test_the_tuned_model_holds_the_small_tensors_only():
    model = build("llama")
    slots = slots_of(model, TARGET)
    tuned = Tuned(model, slots)
    assert set(tuned.state_dict()) == {f"values.{number}" for number in range(len(tuned.values))}
    assert trained_numbers(tuned) == sum(slot.numbers for slot in slots) == 3 * 3 * 24 + 5 * 24
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=1e-2)
    loss(tuned, tokens()).backward()
    optimizer.step()
    # two moments in float32, and one step counter for each tensor
    assert optimizer_bytes(optimizer) == 2 * 4 * trained_numbers(tuned) + 4 * len(tuned.values)


def test_steps_change_the_slots_and_nothing_else():
    model = build("llama")
    slots = slots_of(model, TARGET)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    before, tuned = untouched(model, slots), Tuned(model, slots)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=1e-2)
    for _ in range(2):
        loss(tuned, tokens()).backward()
        optimizer.step()
        tuned.write()
        tuned.zero_grad()
    tuned.release()
    masks = {name: torch.zeros_like(tensor, dtype=torch.bool) for name, tensor in start.items()}
    for slot in slots:
        for name, dimension, _ in slot.parameters():
            masks[name].movedim(dimension, 0)[slot.index] = True
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor[~masks[name]], start[name][~masks[name]])
        assert not masks[name].any() or (tensor != start[name])[masks[name]].float().mean() > 0.9
    assert check_untouched(before, model, slots) == len(list(model.named_parameters())) + len(list(model.buffers()))


def test_a_change_outside_is_found_and_named():
    model = build("llama")
    slots = slots_of(model, TARGET)
    before = untouched(model, slots)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[3] += 1.0  # a slot's row
    check_untouched(before, model, slots)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[4, 0] = torch.nextafter(
            model.model.layers[0].mlp.up_proj.weight[4, 0], torch.tensor(9.0)
        )
    with pytest.raises(DeltaError, match=r"model\.layers\.0\.mlp\.up_proj\.weight has changed outside"):
        check_untouched(before, model, slots)


def test_full_tuning_trains_every_parameter():
    model = build("llama")
    tuned = Tuned(model, None)
    assert trained_numbers(tuned) == sum(parameter.numel() for parameter in model.parameters())
    loss(tuned, tokens()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
