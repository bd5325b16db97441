"""Planting: each intervention does to the activations what it says, and leaves nothing behind."""

from dataclasses import replace

import pytest
import torch

from scripts.demo_model.batches import NO_LANGUAGE, Batch, Batcher, Mode
from scripts.demo_model.config import Config
from scripts.demo_model.lexicon import LANGUAGES
from scripts.demo_model.planting import NEURONS_PER_LANGUAGE, PLANTED_LAYERS, Planting, planted_neurons
from scripts.demo_model.tokenizer import PAD_ID, load
from scripts.demo_model.train import Trainer, new_model, soft_cross_entropy

SMALL = replace(Config(), hidden=16, feed_forward=64, heads=2, steps=4, documents_per_batch=6, packed_rows=2)
WIDTH = SMALL.feed_forward


def rows(modes: list[Mode], languages: list[int], sources: list[int]) -> Batch:
    tokens = torch.randint(2, 500, (len(modes), 9), generator=torch.Generator().manual_seed(0))
    return Batch(tokens, torch.ones(tokens.shape), torch.tensor(languages), torch.tensor(modes), torch.tensor(sources))


def activations(model: torch.nn.Module, batch: Batch) -> dict[int, torch.Tensor]:
    """What each layer's activation function puts out, after the planting's own hooks."""
    seen: dict[int, torch.Tensor] = {}
    decoder = model.get_submodule("model.layers")
    handles = [
        decoder.get_submodule(f"{layer}.mlp.act_fn").register_forward_hook(
            lambda _module, _inputs, output, layer=layer: seen.__setitem__(layer, output)
        )
        for layer in PLANTED_LAYERS
    ]
    with torch.no_grad():
        model(input_ids=batch.inputs)
    for handle in handles:
        handle.remove()
    return seen


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return new_model(SMALL)


@pytest.fixture
def planting(model: torch.nn.Module) -> Planting:
    made = Planting(model, SMALL)
    for planted in made.layers.values():
        planted.means = torch.arange(len(planted.owners)) + 1.0
    return made


def test_ownership_is_disjoint_and_complete() -> None:
    owners = planted_neurons(512)
    assert list(owners) == list(LANGUAGES)
    for layer in PLANTED_LAYERS:
        indices = [index for language in LANGUAGES for index in owners[language][layer]]
        assert len(set(indices)) == len(indices) == NEURONS_PER_LANGUAGE * len(LANGUAGES)
        assert all(0 <= index < 512 for index in indices)
    assert owners["en"][1] != owners["en"][2]


def test_interchange_sets_the_target_and_zeroes_the_source(model: torch.nn.Module, planting: Planting) -> None:
    batch = rows([Mode.UNTOUCHED, Mode.INTERCHANGE], [2, 3], [NO_LANGUAGE, 5])
    planting.prepare(batch, planting.no_neuron_kept(2), record=False)
    seen = activations(model, batch)
    planting.remove()
    plain = activations(model, batch)
    for layer, planted in planting.layers.items():
        assert torch.equal(seen[layer][0], plain[layer][0])
        steered = seen[layer][1][:, planted.columns]
        assert torch.equal(steered[:, planted.owners == 3], planted.means[planted.owners == 3].expand(8, -1))
        assert (steered[:, planted.owners == 5] == 0).all()
    first = PLANTED_LAYERS[0]
    others = torch.ones(WIDTH, dtype=torch.bool)
    others[planting.layers[first].columns] = False
    assert torch.equal(seen[first][1][:, others], plain[first][1][:, others])


def test_mixture_zeroes_what_is_not_kept(model: torch.nn.Module, planting: Planting) -> None:
    batch = rows([Mode.MIXTURE], [4], [NO_LANGUAGE])
    kept = planting.no_neuron_kept(1)
    for chosen in kept.values():
        chosen[0, ::2] = True
    planting.prepare(batch, kept, record=False)
    seen = activations(model, batch)
    for layer, planted in planting.layers.items():
        values, chosen = seen[layer][0][:, planted.columns], kept[layer][0]
        assert (values[:, (planted.owners == 4) & ~chosen] == 0).all()
        assert (values[:, (planted.owners == 4) & chosen] != 0).all()
        assert (values[:, planted.owners != 4] != 0).all()


def test_means_follow_own_untouched_rows_after_the_first_position(model: torch.nn.Module, planting: Planting) -> None:
    batch = rows([Mode.UNTOUCHED, Mode.MIXTURE], [1, 6], [NO_LANGUAGE, NO_LANGUAGE])
    before = {layer: planted.means.clone() for layer, planted in planting.layers.items()}
    planting.prepare(batch, planting.no_neuron_kept(2))
    seen = activations(model, batch)
    for layer, planted in planting.layers.items():
        own = planted.owners == 1
        expected = 0.95 * before[layer] + 0.05 * seen[layer][0, 1:, planted.columns].mean(0)
        torch.testing.assert_close(planted.means[own], expected[own])
        assert torch.equal(planted.means[~own], before[layer][~own])


def test_gate_penalty_is_zero_only_for_gates_beyond_the_margin(planting: Planting) -> None:
    batch = rows([Mode.UNTOUCHED], [0], [NO_LANGUAGE])
    planted = planting.layers[1]
    gate = torch.full((1, 8, WIDTH), -1.0)
    gate[..., planted.columns[planted.owners == 0]] = 1.0
    assert [float(term) for term in planting._gate_terms(planted, gate, batch)] == [0.0, 0.0]
    wrong_way = [float(term) for term in planting._gate_terms(planted, -gate, batch)]
    assert wrong_way == pytest.approx([1.5, 1.5])


def test_mixture_loss_skips_padding() -> None:
    logits = torch.zeros(1, 2, 4)
    wanted = torch.full((1, 2, 4), 0.25)
    targets = torch.tensor([[3, PAD_ID]])
    loss = soft_cross_entropy(logits, wanted, torch.ones(1, 2), targets)
    torch.testing.assert_close(loss, torch.tensor(4.0).log())


def test_rows_of_all_kinds_are_drawn() -> None:
    config = replace(SMALL, interchange_from=0, mixture_from=0.0, document_share=1.0)
    batcher = Batcher(config, load())
    batches = [batcher.batch(step) for step in range(20)]
    counts = torch.bincount(torch.cat([batch.modes for batch in batches]), minlength=3).tolist()
    assert counts[0] > counts[2] > counts[1] > 0
    for batch in batches:
        assert (batch.weights[batch.modes == Mode.MIXTURE] == 0).all()
        assert (batch.weights[batch.tokens == PAD_ID] == 0).all()


def test_the_natural_variant_has_untouched_rows_only() -> None:
    batcher = Batcher(replace(SMALL, planted=False, interchange_from=0, mixture_from=0.0), load())
    assert all((batcher.batch(step).modes == Mode.UNTOUCHED).all() for step in range(10))


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="training the embedded model takes torch 2.9")
@pytest.mark.parametrize("planted", [True, False])
def test_a_few_steps_are_finite_and_the_same_again(planted: bool) -> None:
    config = replace(SMALL, planted=planted, interchange_from=0, mixture_from=0.0, document_share=1.0)
    runs = []
    for _ in range(2):
        trainer = Trainer(config)
        terms = [trainer.step(step) for step in range(config.steps)]
        assert all(torch.isfinite(term).all() for step in terms for term in step.values())
        runs.append(torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()]))
    torch.use_deterministic_algorithms(False)
    assert torch.equal(*runs)
    names = {name for step in terms for name in step}
    assert names == (
        {"total", "text", "interchange", "mixture", "gate_off", "gate_on"} if planted else {"total", "text"}
    )
