"""Planting: chosen neurons are made to carry a language, so that detection can be scored against the truth.

Site: the output of a layer's activation function (`ffn.act`), which is where the tool ablates and steers later; the
model is trained under exactly the interventions that it will be measured under. An inactive SiLU neuron is not 0, so
zeroing one language's neurons is a different thing from zeroing all planted ones.

Three pressures on the planted neurons:
- gate penalty: the gate is above a margin on the language's own text and below its negative on all other text;
- interchange rows: with B's neurons set to their mean and A's zeroed, a text that began in A goes on in B;
- mixture rows: with a language's neurons zeroed, the model no longer knows which language it is in.
"""

# ruff: noqa: S311 - seeded pseudo-random numbers are the point: ownership is the same on every machine

import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .batches import Batch, Mode
from .config import Config
from .lexicon import LANGUAGES

PLANTED_LAYERS = (1, 2, 3)
NEURONS_PER_LANGUAGE = 4
OWNERSHIP_SEED = 20


def planted_neurons(width: int) -> dict[str, dict[int, list[int]]]:
    """Return language -> layer -> sorted neuron indices: scattered over each layer, a neuron for one language only."""
    owners: dict[str, dict[int, list[int]]] = {language: {} for language in LANGUAGES}
    for layer in PLANTED_LAYERS:
        chosen = random.Random(OWNERSHIP_SEED + layer).sample(range(width), NEURONS_PER_LANGUAGE * len(LANGUAGES))
        for position, language in enumerate(LANGUAGES):
            start = position * NEURONS_PER_LANGUAGE
            owners[language][layer] = sorted(chosen[start : start + NEURONS_PER_LANGUAGE])
    return owners


@dataclass
class PlantedLayer:
    """One layer's planted neurons, side by side (`P` of them)."""

    columns: Tensor
    """(P,) their indices in the layer."""
    owners: Tensor
    """(P,) the language of each."""
    means: Tensor
    """(P,) running mean of the activation on the owner's own text."""
    keep: Tensor | None = None
    """(rows, 1, width) 0 where the activation is replaced in the coming forward pass, else 1."""
    add: Tensor | None = None
    """(rows, 1, width) what replaces it."""


class Planting:
    """Hooks on a model's activation functions that apply interventions and collect the gate penalty.

    Use: `prepare(batch, ...)` before a forward pass, `penalty()` after it; `remove()` at the end.
    """

    def __init__(self, model: nn.Module, config: Config) -> None:
        self.config = config
        self.layers = {layer: _planted_layer(layer, config.feed_forward) for layer in PLANTED_LAYERS}
        self.recording: Batch | None = None
        self.terms: list[tuple[Tensor, Tensor]] = []
        decoder = model.get_submodule("model.layers")
        self.handles = [
            decoder.get_submodule(f"{layer}.mlp.act_fn").register_forward_hook(self._hook(planted))
            for layer, planted in self.layers.items()
        ]

    def prepare(self, batch: Batch, kept: dict[int, Tensor], *, record: bool = True) -> None:
        """Set up the coming forward pass.

        Args:
            batch: its rows say which intervention each gets.
            kept: layer -> (rows, P), True where a mixture row keeps a neuron of its own.
            record: whether untouched rows count for the gate penalty and the running means.
        """
        self.recording = batch if record else None
        self.terms.clear()
        for layer, planted in self.layers.items():
            self._replace(planted, batch, kept[layer])

    def penalty(self) -> tuple[Tensor, Tensor]:
        """Return the gate penalty of the last pass: on other languages' text, and on the language's own."""
        off, on = zip(*self.terms, strict=True)
        return torch.stack(off).sum(), torch.stack(on).sum()

    def no_neuron_kept(self, rows: int) -> dict[int, Tensor]:
        """Return a `kept` argument under which nothing is kept."""
        return {
            layer: torch.zeros(rows, len(planted.owners), dtype=torch.bool) for layer, planted in self.layers.items()
        }

    def draw_kept(self, shares: Tensor, generator: torch.Generator) -> dict[int, Tensor]:
        """Draw which planted neurons a mixture row keeps, each with the row's share as its chance."""
        rows = len(shares)
        return {
            layer: torch.rand(rows, len(planted.owners), generator=generator) < shares[:, None]
            for layer, planted in self.layers.items()
        }

    def remove(self) -> None:
        """Take the hooks off: what stays is an ordinary model."""
        for handle in self.handles:
            handle.remove()

    def _replace(self, planted: PlantedLayer, batch: Batch, kept: Tensor) -> None:
        """Compute what the coming pass multiplies and adds; None where all rows are untouched."""
        planted.keep = planted.add = None
        if not bool((batch.modes != Mode.UNTOUCHED).any()):
            return
        own = planted.owners[None] == batch.languages[:, None]
        interchange, mixture = (batch.modes == mode for mode in (Mode.INTERCHANGE, Mode.MIXTURE))
        set_to_mean = own & interchange[:, None]
        source = (planted.owners[None] == batch.sources[:, None]) & interchange[:, None]
        zeroed = source | (own & mixture[:, None] & ~kept)
        planted.keep = torch.ones(len(own), 1, self.config.feed_forward)
        planted.add = torch.zeros(len(own), 1, self.config.feed_forward)
        planted.keep[:, 0, planted.columns] = (~(set_to_mean | zeroed)).float()
        planted.add[:, 0, planted.columns] = set_to_mean.float() * planted.means

    def _hook(self, planted: PlantedLayer):  # type: ignore[no-untyped-def]
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
            if self.recording is not None:
                self.terms.append(self._gate_terms(planted, inputs[0], self.recording))
                self._update_means(planted, output, self.recording)
            if planted.keep is None or planted.add is None:
                return None
            return output * planted.keep.to(output.dtype) + planted.add.to(output.dtype)

        return hook

    def _gate_terms(self, planted: PlantedLayer, gate: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean penalty over planted neurons and untouched tokens: (too open elsewhere, too closed at home)."""
        gate = gate[..., planted.columns].float()
        untouched = batch.valid * (batch.modes == Mode.UNTOUCHED).float()[:, None]
        own = (planted.owners[None] == batch.languages[:, None])[:, None, :]
        # The first token is the same in every language, so no neuron can be asked to be active there.
        later = untouched.clone()
        later[:, 0] = 0
        margin, others = self.config.gate_margin, len(planted.owners) - NEURONS_PER_LANGUAGE
        too_open = (F.relu(gate + margin) * ~own * untouched[..., None]).sum()
        too_closed = (F.relu(margin - gate) * own * later[..., None]).sum()
        return (
            too_open / (untouched.sum().clamp(min=1) * others),
            too_closed / (later.sum().clamp(min=1) * NEURONS_PER_LANGUAGE),
        )

    @torch.no_grad()
    def _update_means(self, planted: PlantedLayer, activation: Tensor, batch: Batch) -> None:
        """Move each neuron's mean towards its mean over its own untouched rows, positions after the first."""
        valid = batch.valid[:, 1:]
        own = planted.owners[None] == batch.languages[:, None]
        own = (own & (batch.modes == Mode.UNTOUCHED)[:, None]).float()
        totals = (activation[:, 1:, planted.columns].float() * valid[..., None]).sum(1)
        counts = (own * valid.sum(1)[:, None]).sum(0)
        means = (totals * own).sum(0) / counts.clamp(min=1)
        decay = torch.where(counts > 0, self.config.mean_decay, 1.0)
        planted.means = decay * planted.means + (1 - decay) * means


def _planted_layer(layer: int, width: int) -> PlantedLayer:
    pairs = [(column, index) for index, owner in enumerate(planted_neurons(width).values()) for column in owner[layer]]
    columns, owners = (torch.tensor(part) for part in zip(*sorted(pairs), strict=True))
    return PlantedLayer(columns, owners, torch.zeros(len(pairs)))
