"""A pass over documents in shards: each is measured on a model, in this process or in another, and kept in a store.

A shard carries its documents, so whoever has the model can measure it; its tensors are the same wherever that is, on
machines of one kind with one number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, overload

import numpy as np
import torch
from torch import nn

from lnbench.detection._batches import IntArray

if TYPE_CHECKING:
    from lnbench.detection.corpora import TokenDocuments

Tensors: TypeAlias = Mapping[str, torch.Tensor]
#: Called with language, new tokens and whether they were there already.
Done: TypeAlias = Callable[[str, int, bool], None]


@dataclass(frozen=True)
class Place:
    """Which documents of a language are a shard, and the number under which it is kept."""

    language: str
    number: int
    documents: range
    tokens: int
    """That count."""


@dataclass(frozen=True, eq=False)
class Shard:
    """Documents of one language, with all that is needed to measure them but the model.

    Attributes:
        language: whose they are.
        documents: token ids.
        lengths: tokens of each document, the first position included, int64 ``[documents]``.
        sampled: for each document the positions whose values are kept; empty where no values are.
    """

    language: str
    documents: Sequence[list[int]]
    lengths: IntArray
    sampled: Sequence[IntArray] = ()


class Measured(Protocol):
    """What measures shards on one model."""

    def __call__(self, shard: Shard, told: Callable[[int], None]) -> Tensors:
        """The tensors of a shard; ``told`` is called with new tokens on the way, or not at all."""


class Measure(Protocol):
    """What is measured of a shard, as a frozen dataclass, so that it can be sent to another process."""

    def on(self, model: nn.Module) -> AbstractContextManager[Measured]:
        """Prepare the model for the length of a block."""


class Runner(Protocol):
    """Where shards are measured: :class:`Here`, or :class:`~lnbench.detection.RayRunner`."""

    def run(
        self,
        measure: Measure,
        places: Sequence[Place],
        shard: Callable[[Place], Shard],
        keep: Callable[[Place, Tensors], None],
        done: Done,
    ) -> None:
        """Measure the shards at all places and hand each to ``keep`` when it is done, in any order."""


class Store(Protocol):
    """Where finished shards are kept: a :class:`~lnbench.detection.ShardStore`, or nothing but memory."""

    def done(self, language: str, number: int) -> bool:
        """Whether a shard is there."""

    def write(self, language: str, number: int, tensors: Tensors) -> None:
        """Keep a shard."""

    def read(self, language: str, number: int) -> Tensors:
        """Give a shard back."""

    def part(self, language: str, number: int, name: str, at: int) -> torch.Tensor:
        """Entry ``at`` of the first dimension of one tensor of a shard."""

    def drop(self, language: str, number: int) -> None:
        """Forget a shard."""


@dataclass(frozen=True)
class Here:
    """This process, with a model that is loaded."""

    model: nn.Module

    def run(
        self,
        measure: Measure,
        places: Sequence[Place],
        shard: Callable[[Place], Shard],
        keep: Callable[[Place, Tensors], None],
        done: Done,
    ) -> None:
        """One shard after another."""
        with measure.on(self.model) as measured:
            for place in places:
                said = _Said(place, done)
                keep(place, measured(shard(place), said))
                said.rest()


@dataclass
class _Said:
    """How many tokens of a shard the bar has been told of."""

    place: Place
    done: Done
    tokens: int = 0

    def __call__(self, tokens: int) -> None:
        self.tokens += tokens
        self.done(self.place.language, tokens, False)

    def rest(self) -> None:
        """Tell it of those that nobody told it of."""
        if self.place.tokens > self.tokens:
            self(self.place.tokens - self.tokens)


def fill(
    store: Store,
    places: Iterable[Place],
    runner: Runner,
    measure: Measure,
    shard: Callable[[Place], Shard],
    done: Done,
    kept: Callable[[Place], None] = lambda place: None,
) -> None:
    """Measure the shards that a store does not have yet.

    Args:
        store: where they are kept.
        places: all of them.
        runner: where they are measured.
        measure: what is measured.
        shard: the documents at a place.
        done: for a progress bar.
        kept: told of a place after the store has it.
    """

    def keep(place: Place, tensors: Tensors) -> None:
        store.write(place.language, place.number, tensors)
        kept(place)

    missing = []
    for place in places:
        if store.done(place.language, place.number):
            done(place.language, place.tokens, True)
        else:
            missing.append(place)
    if missing:
        runner.run(measure, missing, shard, keep, done)


def places_of(documents: TokenDocuments, parts: Callable[[IntArray], Iterable[range]]) -> Iterator[Place]:
    """The shards of every language, from how ``parts`` cuts its documents by their lengths."""
    for language in documents:
        lengths = documents[language].lengths()
        for number, part in enumerate(parts(lengths)):
            yield Place(language, number, part, int((lengths[part.start : part.stop] - 1).sum()))


def every(documents: int) -> Callable[[IntArray], Iterator[range]]:
    """Cut into shards of so many documents."""

    def cut(lengths: IntArray) -> Iterator[range]:
        for begin in range(0, len(lengths), documents):
            yield range(begin, min(begin + documents, len(lengths)))

    return cut


def shard_at(documents: TokenDocuments, place: Place, sampled: Sequence[IntArray] = ()) -> Shard:
    """The shard at a place; its documents are read from disk as they are asked for."""
    of, part = documents[place.language], place.documents
    return Shard(place.language, _Part(of, part), of.lengths()[part.start : part.stop], sampled)


class _Part(Sequence[list[int]]):
    """Some of a language's documents; what travels to another process is their ids."""

    def __init__(self, documents: Sequence[list[int]], chosen: range) -> None:
        self._documents, self._chosen = documents, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, at: int) -> list[int]: ...

    @overload
    def __getitem__(self, at: slice) -> list[list[int]]: ...

    def __getitem__(self, at: int | slice) -> list[int] | list[list[int]]:
        if isinstance(at, slice):
            return [self._documents[number] for number in self._chosen[at]]
        return self._documents[self._chosen[at]]

    def __reduce__(self) -> tuple[Any, ...]:
        ids = [np.asarray(document, dtype=np.int32) for document in self]
        return _Sent, (np.concatenate(ids), np.cumsum([0, *map(len, ids)]))


class _Sent(Sequence[list[int]]):
    """Documents as one array of ids, 4 bytes each."""

    def __init__(self, ids: Any, ends: Any) -> None:
        self._ids, self._ends = ids, ends

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> list[int]: ...

    @overload
    def __getitem__(self, at: slice) -> list[list[int]]: ...

    def __getitem__(self, at: int | slice) -> list[int] | list[list[int]]:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        number = range(len(self))[at]
        ids: list[int] = self._ids[self._ends[number] : self._ends[number + 1]].tolist()
        return ids
