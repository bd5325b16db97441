"""Scores of many documents: in memory, or in shards on disk from which selection takes seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from lnbench.detection._per_document import StoredPerDocument, common_shapes
from lnbench.detection.plnd._settings import Settings
from lnbench.models import architecture_of

if TYPE_CHECKING:
    from lnbench.detection._shards import Place
    from lnbench.detection._store import ShardStore
    from lnbench.detection.corpora import TokenDocuments

#: Documents of a shard.
SHARD = 16
#: What the key of a store of scores says it is.
IMPACTS = "impacts"
#: Why a document has no scores, by the number that a shard keeps.
REASONS = ("", "too short", "out of memory", "not finite")
_FAILED = "failed"
#: Reasons that another try may not meet: memory that others had, a device at fault.
_PASSING = tuple(REASONS.index(reason) for reason in ("out of memory", "not finite"))


class Impacts(Protocol):
    """Scores by language and document."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Labels."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, int]]:
        """Site -> (layers, width)."""

    @property
    def form(self) -> str:
        """The form of the scores."""

    @property
    def about(self) -> dict[str, Any]:
        """Fields of a neuron set's header, as far as they are known."""

    def failed(self, language: str) -> dict[str, int]:
        """Reason -> documents without scores."""

    def scores(self, language: str) -> Iterator[Mapping[str, torch.Tensor]]:
        """float ``[documents, layers, width]`` for each site, some documents at a time, failed ones left out."""


class MemoryImpacts:
    """Scores that are at hand: language -> site -> ``[documents, layers, width]``.

    Raises:
        SpecError: languages differ in their sites or shapes, or there are none.
    """

    def __init__(self, values: Mapping[str, Mapping[str, torch.Tensor]], form: str = "output") -> None:
        """Keep the tensors as they are."""
        self.shapes = common_shapes(values, what="scores", remedy="measure all with one model")
        self._values, self.languages, self.form = values, tuple(values), form
        self.about: dict[str, Any] = {}

    def failed(self, language: str) -> dict[str, int]:
        """No document failed."""
        return {}

    def scores(self, language: str) -> Iterator[Mapping[str, torch.Tensor]]:
        """All documents at once."""
        yield self._values[language]


class StoredImpacts(StoredPerDocument):
    """Scores in shards on disk: 4 bytes a document and neuron there, one shard in memory.

    Raises:
        DataError: the folder holds something else, or a pass that did not come to its end.
    """

    def __init__(self, store: ShardStore) -> None:
        """All shards must be there."""
        otherwise = "no PLND scores; name what `detect plnd` has written"
        super().__init__(store, what=IMPACTS, shard=SHARD, otherwise=otherwise)
        self.form = str(store.key["form"])

    def failed(self, language: str) -> dict[str, int]:
        """Reason -> documents without scores."""
        codes = [int(c) for n in self._shards(language) for c in self._store.part(language, n, _FAILED, 0) if c]
        return {REASONS[code]: codes.count(code) for code in sorted(set(codes))}

    def scores(self, language: str) -> Iterator[Mapping[str, torch.Tensor]]:
        """One shard at a time."""
        for number in self._shards(language):
            shard = self._store.read(language, number)
            good = shard[_FAILED][0] == 0
            yield {site: shard[site][good] for site in self.shapes}


def forget_failed(store: ShardStore, places: Iterable[Place]) -> None:
    """Drop the shards in which documents failed for a reason that may have passed, so that they are made again.

    Raises:
        DataError: a shard is damaged.
    """
    for place in places:
        if store.done(place.language, place.number):
            codes = store.part(place.language, place.number, _FAILED, 0)
            if any(int(code) in _PASSING for code in codes):
                store.drop(place.language, place.number)


def impacts_key(model: nn.Module, documents: TokenDocuments, settings: Settings) -> dict[str, Any]:
    """What the key of a store of scores must say, for :class:`StoredImpacts` to read it."""
    return {
        "what": IMPACTS,
        "counts": [[language, len(documents[language])] for language in documents],  # a list keeps the order
        "shapes": {site: list(shape) for site, shape in shapes_of(model, settings.sites).items()},
        "form": settings.form,
        "architecture": architecture_of(model).to_json(),
        "report": documents.report,
    }


def shapes_of(model: nn.Module, sites: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Site -> (layers, largest width)."""
    architecture = architecture_of(model)
    return {site: (architecture.layers, architecture.widest(site)) for site in sites}


def shard_of(
    outcomes: Sequence[Mapping[str, torch.Tensor] | int], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    """The tensors of a shard, from each document's scores or the number of its reason."""
    blank = {site: torch.zeros(*shape) for site, shape in shapes.items()}
    rows = [blank if isinstance(outcome, int) else outcome for outcome in outcomes]
    codes = torch.tensor([[outcome if isinstance(outcome, int) else 0 for outcome in outcomes]], dtype=torch.int8)
    return {site: torch.stack([row[site] for row in rows]) for site in shapes} | {_FAILED: codes}
