"""One pass over each language's text: how often, and how strongly on average, every neuron is active."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lnbench.models import architecture_of, observed, site_map

#: ``(input_ids, attention_mask)``, int64 ``[batch, tokens]``.
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Statistics:
    """Counts and sums of one site.

    Attributes:
        site: which neurons.
        languages: labels in the order of the last dimension.
        tokens: tokens counted, int64 ``[languages]``; padding and each document's first position do not count.
        active: tokens on which the value was above zero, int64 ``[layers, width, languages]``.
        total: sum of the values, float64 ``[layers, width, languages]``.
    """

    site: str
    languages: tuple[str, ...]
    tokens: torch.Tensor
    active: torch.Tensor
    total: torch.Tensor

    @property
    def mean(self) -> torch.Tensor:
        """Mean value over a language's tokens, float64 ``[layers, width, languages]``."""
        return self.total / self.tokens

    @property
    def diff(self) -> torch.Tensor:
        """Mean on the language minus mean over the other languages' means, float64 ``[layers, width, languages]``."""
        others = (self.mean.sum(dim=-1, keepdim=True) - self.mean) / max(1, len(self.languages) - 1)
        return self.mean - others

    @property
    def frequency(self) -> torch.Tensor:
        """Share of tokens on which the value was above zero, float64 ``[layers, width, languages]``."""
        return self.active / self.tokens.double()


def collect(
    model: nn.Module,
    batches: Mapping[str, Iterable[Batch]],
    *,
    site: str = "ffn.act",
    done: Callable[[str, int], None] = lambda language, tokens: None,
) -> Statistics:
    """Run the decoder (no language-model head) over every language's batches.

    The first position of a document is left out: it holds the begin-of-text token or, without one, a token that no
    context precedes, and says nothing of the language.

    Args:
        model: a transformers causal language model.
        batches: right-padded batches for each language.
        site: the site to count, of one width in all layers.
        done: called with language and new tokens after each batch, for a progress bar.
    """
    architecture = architecture_of(model)
    layers, width = architecture.layers, architecture.width(site, 0)
    shape = (layers, width, len(batches))
    found = Statistics(
        site=site,
        languages=tuple(batches),
        tokens=torch.zeros(len(batches), dtype=torch.int64),
        active=torch.zeros(shape, dtype=torch.int64),
        total=torch.zeros(shape, dtype=torch.float64),
    )
    counter = _Counter(found, site_map(model).decoder)
    with observed(model, [site], counter.see):
        for k, (language, listed) in enumerate(batches.items()):
            for ids, mask in listed:
                done(language, counter.count(ids, mask, k))
    return found


class _Counter:
    """Adds what it sees of one batch after another to the statistics; the model is watched once for all of them."""

    def __init__(self, into: Statistics, decoder: Any) -> None:
        self._into, self._decoder = into, decoder
        self._weight = decoder.get_input_embeddings().weight

    @torch.inference_mode()
    def count(self, ids: torch.Tensor, mask: torch.Tensor, k: int) -> int:
        """Run one batch of language ``k`` through the decoder and return how many tokens were counted."""
        if not self._weight.is_meta:  # offloading moves the batch itself
            ids, mask = ids.to(self._weight.device), mask.to(self._weight.device)
        self._k, self._counted = k, mask.bool().clone()
        self._counted[:, 0] = False
        self._decoder(input_ids=ids, attention_mask=mask, use_cache=False)
        tokens = int(self._counted.sum())
        self._into.tokens[k] += tokens
        return tokens

    def see(self, layer: int, _: str, values: torch.Tensor) -> None:
        """Add one layer's values of the present batch; OPT flattens batches."""
        counted = self._counted.to(values.device)
        chosen = values.reshape(*counted.shape, -1)[counted]  # [tokens, width]
        self._into.active[layer, :, self._k] += (chosen > 0).sum(dim=0).cpu()
        self._into.total[layer, :, self._k] += chosen.double().sum(dim=0).cpu()
