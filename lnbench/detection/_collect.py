"""One pass over corpora for several sites at once, in batches of similar length, shard by shard so that it resumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from lnbench.detection._batches import Batch, assemble, batches, sampled_of, sampled_tokens, shards
from lnbench.detection._counting import Counter
from lnbench.detection._measured import CorpusStatistics
from lnbench.detection._medians import medians
from lnbench.detection._shards import (
    Done,
    Here,
    Measured,
    Place,
    Runner,
    Shard,
    Store,
    Tensors,
    fill,
    places_of,
    shard_at,
)
from lnbench.detection._statistics import from_parts
from lnbench.detection._watch import Watch, widths
from lnbench.detection.corpora import TokenDocuments
from lnbench.errors import DataError
from lnbench.models import architecture_of
from lnbench.neurons import expand_sites


class Memory:
    """Shards of a pass that nobody will resume."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Tensors] = {}

    def done(self, language: str, number: int) -> bool:
        """Whether a shard is there."""
        return (language, number) in self._kept

    def write(self, language: str, number: int, tensors: Tensors) -> None:
        """Keep a shard."""
        self._kept[language, number] = tensors

    def read(self, language: str, number: int) -> Tensors:
        """Give a shard back."""
        return self._kept[language, number]

    def part(self, language: str, number: int, name: str, at: int) -> torch.Tensor:
        """Entry ``at`` of the first dimension of one tensor of a shard."""
        return self._kept[language, number][name][at]

    def drop(self, language: str, number: int) -> None:
        """Forget a shard."""
        self._kept.pop((language, number), None)


def collect_sites(
    model: nn.Module,
    documents: TokenDocuments,
    *,
    sites: str | Sequence[str] = ("ffn.act",),
    batch_size: int = 8,
    sample: int = 1024,
    seed: int = 0,
    pad: int = 0,
    store: Store | None = None,
    runner: Runner | None = None,
    done: Done = lambda language, tokens, resumed: None,
) -> CorpusStatistics:
    """Count, sum and sample the neurons of all sites in one pass over each language's documents.

    Args:
        model: a transformers causal language model, on any device or spread over several.
        documents: what to read.
        sites: sites of one width in all layers; the short names ``ffn`` and ``attn`` too.
        batch_size: a forward pass has at most as many tokens as so many of the longest documents (padding included),
            so short documents go more at a time.
        sample: tokens of each language whose values are kept for medians; 0 for none.
        seed: of the choice of these tokens.
        pad: token id to fill up with; it is masked.
        store: where shards are kept while the pass lasts. With one that outlives the process, a pass that is started
            again goes on after the last finished shard and gives the same statistics, bit for bit on the same machine.
        runner: where shards are measured, as a :class:`RayRunner`; this process when left out.
        done: called with language, new tokens and whether they were there already, after each batch or resumed shard.

    Raises:
        SpecError: the model lacks a site, or its layers differ in width there.
        DataError: the model computed values that are no finite numbers.
    """
    names = expand_sites(sites)
    widths(model, names)
    longest = max(int(documents[language].lengths().max()) for language in documents)
    measure, device = SiteMeasure(tuple(names), batch_size * longest, pad), next(model.parameters()).device
    parts = _Pass(documents, measure, sample, seed, store or Memory(), device, done).run(runner or Here(model))
    return CorpusStatistics(
        {site: from_parts(site, documents.tokens, parts) for site in names},
        architecture_of(model),
        corpus=documents.report,
        settings={
            "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
            "batch_size": batch_size,
            "sample": sample,
            "seed": seed,
        },
    )


@dataclass(frozen=True)
class SiteMeasure:
    """Counts, sums and samples of some sites.

    Attributes:
        sites: which.
        most: tokens of a batch, padding included.
        pad: token id to fill up with.
    """

    sites: tuple[str, ...]
    most: int
    pad: int

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[Measured]:
        """Watch the sites for the length of a block."""
        with Watch(model, self.sites) as watch:
            yield partial(self._measured, watch)

    def _measured(self, watch: Watch, shard: Shard, told: Callable[[int], None]) -> Tensors:
        counter = Counter()
        for batch in self._batches(shard):
            watch.run(counter, batch.ids, batch.mask, batch.rows, batch.sampled)
            told(len(batch.rows))
        found = counter.result()
        for site in self.sites:  # before it is kept: a shard that is wrong would be met again by the next run
            _refuse_infinite(shard.language, site, found[f"{site}.sums"])
        return found

    def _batches(self, shard: Shard) -> Iterator[Batch]:
        for group in batches(shard.lengths, range(len(shard.lengths)), self.most):
            yield assemble([shard.documents[n] for n in group], [shard.sampled[n] for n in group], self.pad)


class _Pass:
    def __init__(
        self,
        documents: TokenDocuments,
        measure: SiteMeasure,
        sample: int,
        seed: int,
        store: Store,
        device: torch.device,
        done: Done,
    ) -> None:
        self._documents, self._measure, self._sites = documents, measure, measure.sites
        self._sample, self._seed, self._store, self._device, self._done = sample, seed, store, device, done
        self._places: dict[str, list[Place]] = {language: [] for language in documents}
        for place in places_of(documents, shards):
            self._places[place.language].append(place)

    def run(self, runner: Runner) -> list[Tensors]:
        """Everything about each language: its shards, those that are missing measured, joined."""
        unfinished = [language for language in self._places if not self._finished(language)]
        places = [place for language in unfinished for place in self._places[language]]
        fill(self._store, places, runner, self._measure, self._shard, self._done, lambda at: self._join(at.language))
        for language in self._places:
            self._join(language)  # where the last shard was there already
        return [self._store.read(language, len(of)) for language, of in self._places.items()]

    def _finished(self, language: str) -> bool:
        """Whether a language was joined, under the number that follows its shards'."""
        if not self._store.done(language, len(self._places[language])):
            return False
        self._done(language, self._documents.tokens[language], True)
        return True

    def _join(self, language: str) -> None:
        """Put the sum of a language's shards in their place, once they are all there."""
        numbers = range(len(self._places[language]))
        if not self._store.done(language, len(numbers)):
            if not all(self._store.done(language, number) for number in numbers):
                return
            self._store.write(language, len(numbers), self._joined(language, len(numbers)))
        for number in numbers:
            self._store.drop(language, number)

    def _shard(self, place: Place) -> Shard:
        lengths = self._documents[place.language].lengths()
        chosen = sampled_tokens(self._documents.tokens[place.language], self._sample, self._seed, place.language)
        return shard_at(self._documents, place, sampled_of(lengths, chosen, place.documents))

    def _joined(self, language: str, shards: int) -> dict[str, torch.Tensor]:
        """The shards' sums, added in order, and medians of what they sampled, one layer at a time."""
        found = dict(self._store.read(language, 0))
        samples = [name for name in found if name.endswith(".sample")]
        for number in range(1, shards):
            for name, tensor in self._store.read(language, number).items():
                if name not in samples:
                    found[name] = found[name] + tensor
        for site in self._sites:
            _refuse_infinite(language, site, found[f"{site}.sums"])
            layers = len(found[f"{site}.active"])
            if f"{site}.sample" in samples:
                pairs = [self._medians(language, f"{site}.sample", layer, shards) for layer in range(layers)]
                found[f"{site}.median"], found[f"{site}.active_median"] = map(torch.stack, zip(*pairs, strict=True))
        return {name: tensor for name, tensor in found.items() if name not in samples}

    def _medians(self, language: str, name: str, layer: int, shards: int) -> tuple[torch.Tensor, torch.Tensor]:
        parts = [self._store.part(language, number, name, layer) for number in range(shards)]
        sample = torch.cat(parts)
        found = medians(sample if self._device.type in ("cpu", "meta") else sample.to(self._device))
        return found[0].cpu(), found[1].cpu()


def _refuse_infinite(language: str, site: str, sums: torch.Tensor) -> None:
    bad = ~torch.isfinite(sums).all(dim=-1).all(dim=-1)
    if bool(bad.any()):
        layer = int(bad.nonzero()[0])
        raise DataError(
            f"the model computed values that are no finite numbers at {site} of layer {layer} on the corpus of "
            f"{language!r}; run it in bfloat16 or float32"
        )
