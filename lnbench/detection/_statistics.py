"""What one pass over each language's text says about the neurons of a site, and the pass over batches at hand.

The pass over corpora of any size, several sites at once and resumable, is :func:`lnbench.detection.collect_sites`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from lnbench.detection._batches import counted_rows
from lnbench.detection._counting import Counter
from lnbench.detection._watch import Watch, widths

#: ``(input_ids, attention_mask)``, int64 ``[batch, tokens]``.
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Statistics:
    """Counts and sums of one site; what was not collected is None.

    Attributes:
        site: which neurons.
        languages: labels in the order of the last dimension.
        tokens: tokens counted, int64 ``[languages]``; padding and each document's first position do not count.
        active: tokens on which the value was above zero, int64 ``[layers, width, languages]``.
        total: sum of the values, float64 ``[layers, width, languages]``.
        squares: sum of their squares, float64, likewise.
        active_total: sum of the values above zero, float64, likewise.
        median: median of the values, float32, likewise, from a sample of tokens (``lnbench/detection/_medians.py``).
        active_median: median of the values above zero, likewise; 0 where none was seen.
    """

    site: str
    languages: tuple[str, ...]
    tokens: torch.Tensor
    active: torch.Tensor
    total: torch.Tensor
    squares: torch.Tensor | None = None
    active_total: torch.Tensor | None = None
    median: torch.Tensor | None = None
    active_median: torch.Tensor | None = None

    @property
    def mean(self) -> torch.Tensor:
        """Mean value over a language's tokens, float64 ``[layers, width, languages]``."""
        return self.total / self.tokens

    @property
    def diff(self) -> torch.Tensor:
        """Mean on the language minus mean over the other languages' means, float64 ``[layers, width, languages]``."""
        return _against_others(self.mean)

    @property
    def deviation(self) -> torch.Tensor | None:
        """Standard deviation over a language's tokens, float64 ``[layers, width, languages]``."""
        if self.squares is None:
            return None
        return (self.squares / self.tokens - self.mean.square()).clamp(min=0).sqrt()

    @property
    def active_mean(self) -> torch.Tensor | None:
        """Mean over the tokens on which the value was above zero (0 where there is none), float64, likewise."""
        return None if self.active_total is None else self.active_total / self.active.clamp(min=1)

    @property
    def frequency(self) -> torch.Tensor:
        """Share of tokens on which the value was above zero, float64 ``[layers, width, languages]``."""
        return self.active / self.tokens.double()

    def constants(self) -> dict[str, torch.Tensor]:
        """What steering may set a neuron to, by kind, each ``[layers, width, languages]``.

        ``mean``, ``median`` and ``diff`` over all tokens, ``active_mean``, ``active_median`` and ``active_diff`` over
        the tokens on which the neuron was active; those that were collected, and no difference to other languages
        where there is one language.
        """
        active, several = self.active_mean, len(self.languages) > 1
        found = {
            "mean": self.mean,
            "median": self.median,
            "diff": self.diff if several else None,
            "active_mean": active,
            "active_median": self.active_median,
            "active_diff": None if active is None or not several else _against_others(active),
        }
        return {kind: values for kind, values in found.items() if values is not None}


def _against_others(values: torch.Tensor) -> torch.Tensor:
    others = (values.sum(dim=-1, keepdim=True) - values) / max(1, values.shape[-1] - 1)
    return values - others


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
        batches: padded batches for each language.
        site: the site to count, of one width in all layers.
        done: called with language and new tokens after each batch, for a progress bar.

    Raises:
        SpecError: the model lacks the site, or its layers differ in width there.
    """
    (shape,) = widths(model, [site]).values()
    counters = {language: Counter() for language in batches}
    tokens = dict.fromkeys(batches, 0)
    with Watch(model, [site]) as watch:
        for language, listed in batches.items():
            for ids, mask in listed:
                rows = counted_rows(mask)
                watch.run(counters[language], ids, mask, rows, rows[:0])
                tokens[language] += len(rows)
                done(language, len(rows))
    parts = [counter.result() for counter in counters.values()]
    return from_parts(site, tokens, [part or _nothing(site, shape) for part in parts])


def from_parts(site: str, tokens: Mapping[str, int], parts: list[Mapping[str, torch.Tensor]]) -> Statistics:
    """Statistics of a site from what was counted for each language (:meth:`Counter.result`, medians added)."""

    def stacked(name: str) -> torch.Tensor | None:
        found = [part.get(f"{site}.{name}") for part in parts]
        return None if None in found else torch.stack([tensor for tensor in found if tensor is not None], dim=-1)

    active, sums = stacked("active"), stacked("sums")
    assert active is not None and sums is not None  # every counter has them
    return Statistics(
        site=site,
        languages=tuple(tokens),
        tokens=torch.tensor(list(tokens.values()), dtype=torch.int64),
        active=active,
        total=sums[:, 0].contiguous(),
        squares=sums[:, 1].contiguous(),
        active_total=sums[:, 2].contiguous(),
        median=stacked("median"),
        active_median=stacked("active_median"),
    )


def _nothing(site: str, shape: tuple[int, int]) -> dict[str, torch.Tensor]:
    layers, width = shape
    return {
        f"{site}.active": torch.zeros(layers, width, dtype=torch.int64),
        f"{site}.sums": torch.zeros(layers, 3, width, dtype=torch.float64),
    }
