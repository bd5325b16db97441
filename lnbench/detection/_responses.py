"""Mean response of every neuron to every document: what methods that look at documents one by one select from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import nn

from lnbench.detection._batches import assemble, batches
from lnbench.detection._per_document import StoredPerDocument, common_shapes
from lnbench.detection._shards import Done, Here, Measured, Runner, Shard, Tensors, every, fill, places_of, shard_at
from lnbench.detection._watch import Watch, widths
from lnbench.errors import DataError
from lnbench.models import architecture_of

if TYPE_CHECKING:
    from lnbench.detection._store import ShardStore
    from lnbench.detection.corpora import TokenDocuments

__all__ = ["MemoryResponses", "Responses", "StoredResponses", "collect_responses", "responses_key"]

#: Documents of a shard.
SHARD = 64
#: What the key of a store of responses says it is.
RESPONSES = "responses"


class Responses(Protocol):
    """Mean responses by language, site and layer."""

    @property
    def languages(self) -> Sequence[str]:
        """Labels."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, int]]:
        """Site -> (layers, width)."""

    @property
    def about(self) -> dict[str, Any]:
        """Fields of a neuron set's header, as far as they are known."""

    def documents(self, language: str) -> int:
        """How many documents a language has."""

    def layer(self, language: str, site: str, layer: int) -> torch.Tensor:
        """float32 ``[documents, width]``."""


class MemoryResponses:
    """Responses that are at hand: language -> site -> ``[documents, layers, width]``.

    Raises:
        SpecError: languages differ in their sites or shapes, or there are none.
    """

    def __init__(self, values: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        """Keep the tensors as they are."""
        self.shapes = common_shapes(values, what="responses", remedy="collect all in one pass")
        self._values, self.languages = values, tuple(values)
        self.about: dict[str, Any] = {}

    def documents(self, language: str) -> int:
        """How many documents a language has."""
        return len(next(iter(self._values[language].values())))

    def layer(self, language: str, site: str, layer: int) -> torch.Tensor:
        """float32 ``[documents, width]``."""
        return self._values[language][site][:, layer].float()


class StoredResponses(StoredPerDocument):
    """Responses in shards on disk, read layer by layer: 4 bytes a document and neuron there, one layer in memory.

    The store's key says what :func:`responses_key` gives: number of documents, shapes, and where they come from.

    Raises:
        DataError: the folder holds something else, or a pass that did not come to its end.
    """

    def __init__(self, store: ShardStore) -> None:
        """All shards must be there."""
        otherwise = "no responses to documents; name what `detect ap` has written"
        super().__init__(store, what=RESPONSES, shard=SHARD, otherwise=otherwise)

    def documents(self, language: str) -> int:
        """How many documents a language has."""
        return self._documents[language]

    def layer(self, language: str, site: str, layer: int) -> torch.Tensor:
        """float32 ``[documents, width]``."""
        return torch.cat([self._store.part(language, n, site, layer) for n in self._shards(language)])


def responses_key(model: nn.Module, documents: TokenDocuments, sites: Sequence[str]) -> dict[str, Any]:
    """What the key of a store of responses must say, for :class:`StoredResponses` to read it.

    Raises:
        SpecError: the model lacks a site, or its layers differ in width there.
    """
    return {
        "what": RESPONSES,
        "counts": [[language, len(documents[language])] for language in documents],  # a list keeps the order
        "shapes": widths(model, sites),
        "architecture": architecture_of(model).to_json(),
        "report": documents.report,
    }


def collect_responses(
    model: nn.Module,
    documents: TokenDocuments,
    store: ShardStore,
    *,
    pad: int = 0,
    batch_tokens: int = 4096,
    runner: Runner | None = None,
    done: Done = lambda language, tokens, resumed: None,
) -> StoredResponses:
    """Run the decoder over every document and keep each neuron's mean over its tokens (the first position left out).

    Shards that the store already has are not computed again.

    Args:
        model: a transformers causal language model.
        documents: token ids by language.
        store: where the means go, in shards of 64 documents; its key has what :func:`responses_key` gives.
        pad: a token id to fill up batches with.
        batch_tokens: tokens of a batch, padding included.
        runner: where shards are measured, as a :class:`RayRunner`; this process when left out.
        done: called with language, tokens and whether they were there already, after each shard.

    Raises:
        OutputError: a shard cannot be written.
        DataError: the model computed values that are no finite numbers.
    """
    shapes = {site: (layers, width) for site, (layers, width) in store.key["shapes"].items()}
    measure = ResponseMeasure(tuple(shapes.items()), batch_tokens, pad)
    fill(store, places_of(documents, every(SHARD)), runner or Here(model), measure, partial(shard_at, documents), done)
    return StoredResponses(store)


@dataclass(frozen=True)
class ResponseMeasure:
    """Each document's mean value of every neuron.

    Attributes:
        shapes: site and its (layers, width).
        most: tokens of a batch, padding included.
        pad: token id to fill up with.
    """

    shapes: tuple[tuple[str, tuple[int, int]], ...]
    most: int
    pad: int

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[Measured]:
        """Watch the sites for the length of a block."""
        with Watch(model, [site for site, _ in self.shapes]) as watch:
            yield partial(self._measured, watch)

    def _measured(self, watch: Watch, shard: Shard, told: Callable[[int], None]) -> Tensors:
        means = _Means(dict(self.shapes), len(shard.lengths))
        for group in batches(shard.lengths, range(len(shard.lengths)), self.most):
            _run(watch, means, [shard.documents[at] for at in group], group, self.pad)
        _refuse_infinite(shard.language, means.result)
        return means.result


def _refuse_infinite(language: str, responses: Mapping[str, torch.Tensor]) -> None:
    for site, values in responses.items():
        if not bool(values.isfinite().all()):
            raise DataError(
                f"the model computed values that are no finite numbers at {site} on the corpus of {language!r}; run it "
                "in bfloat16 or float32"
            )


def _run(watch: Watch, means: _Means, ids: list[list[int]], group: Sequence[int], pad: int) -> None:
    nothing = [np.empty(0, dtype=np.int64)] * len(group)
    batch = assemble(ids, nothing, pad)
    watch.run(means.of(group, batch.ids.shape[1]), batch.ids, batch.mask, batch.rows, batch.sampled)


class _Means:
    """Takes the watched values of one batch after another and keeps each document's mean."""

    def __init__(self, shapes: Mapping[str, tuple[int, int]], documents: int) -> None:
        self.result = {site: torch.zeros(layers, documents, width) for site, (layers, width) in shapes.items()}

    def of(self, group: Sequence[int], longest: int) -> _Means:
        """The next batch holds these documents, padded to ``longest`` tokens."""
        self._at, self._longest = torch.tensor(group), longest
        return self

    def begin(self, rows: torch.Tensor, sampled: torch.Tensor) -> None:
        """Say which flat positions of the batch count."""
        self._rows, self._document = rows, rows // self._longest
        self._tokens = torch.bincount(self._document, minlength=len(self._at)).clamp(min=1)

    def see(self, layer: int, site: str, values: torch.Tensor) -> None:
        """Take one layer's values of the batch ``[..., width]``."""
        flat = values.reshape(-1, values.shape[-1])
        device = flat.device
        chosen = flat.index_select(0, self._rows.to(device)).float()
        sums = torch.zeros(len(self._at), flat.shape[1], device=device)
        sums.index_add_(0, self._document.to(device), chosen)
        self.result[site][layer, self._at] = (sums / self._tokens.to(device)[:, None]).cpu()

    def end(self) -> None:
        """Nothing is left to fetch."""
