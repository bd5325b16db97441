"""What is compared: one metric of one cell, joined by role, because a new model changes the hash of every prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lnbench.errors import DataError
from lnbench.reporting.reading import Documents, Results, Scores

__all__ = ["Cell", "Keys", "Place", "cells_of", "model_of"]

FloatArray = npt.NDArray[np.float64]
#: Hex digits of a hash that are kept: enough to pair the documents of one task.
_DIGITS = 16


@dataclass(frozen=True)
class Place:
    """A role: where a cell stands in a study, whatever the model.

    Attributes:
        task: lm-eval's name.
        language: the evaluated language.
        condition, ablated, seed: see :class:`lnbench.reporting.reading.Role`.
    """

    task: str
    language: str
    condition: str
    ablated: str | None = None
    seed: int | None = None

    @property
    def line(self) -> Place:
        """The same without the draw: all draws of one random control."""
        return replace(self, seed=None)

    @property
    def original(self) -> Place:
        """The same task without anything done to the model."""
        return Place(self.task, self.language, "original")

    @property
    def own(self) -> bool:
        """Whether the evaluated language is (one of) the ablated."""
        return self.ablated is not None and self.language in self.ablated.split("+")

    def __str__(self) -> str:
        seed = None if self.seed is None else f"seed {self.seed}"
        return f"{self.task}, {' '.join(part for part in (self.condition, self.ablated, seed) if part)}"


@dataclass(frozen=True, eq=False)
class Keys:
    """The documents of a cell: hash of the document, hash of its target, and how often the two came before.

    Attributes:
        names: one text a document.
        positions: their places in the dataset, which parallel languages have in common; empty where not recorded.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...] = ()

    @classmethod
    def of(cls, documents: Documents) -> Keys:
        """From lm-eval's hashes; the prompt's is left out, since another tokenizer or template may change it."""
        names = tuple(f"{doc[:_DIGITS]}:{target[:_DIGITS]}:{again}" for doc, target, again in documents.keys)
        return cls(names, documents.positions)

    @cached_property
    def at(self) -> dict[str, int]:
        """The place of each document."""
        return {name: at for at, name in enumerate(self.names)}

    def places(self, other: Keys) -> tuple[list[int], list[int]]:
        """The documents that both have: their places here and there, in the order of here."""
        if other is self or other.names == self.names:
            return list(range(len(self.names))), list(range(len(self.names)))
        here = [at for at, name in enumerate(self.names) if name in other.at]
        return here, [other.at[self.names[at]] for at in here]


@dataclass(frozen=True, eq=False)
class Cell:
    """One metric of one cell, with the score of every document.

    Attributes:
        place: its role.
        dataset: the task without its language.
        metric: lm-eval's name, with its filter.
        higher_is_better: None where it is not known.
        control: whether it is a random control.
        what: what is done to the neurons; None where it is not recorded.
        value: lm-eval's aggregate.
        keys, scores: documents and ``[documents]``; NaN where unscored.
    """

    place: Place
    dataset: str
    metric: str
    higher_is_better: bool | None
    control: bool
    what: str | None
    value: float
    keys: Keys
    scores: FloatArray


def model_of(results: Sequence[Results]) -> str:
    """The one model of these results.

    Raises:
        DataError: there are several; they are never compared as if they were one.
    """
    models = list(dict.fromkeys(model for one in results for model in one.models))
    if len(models) > 1:
        named = ", ".join(map(repr, models))
        raise DataError(f"the results hold {len(models)} models ({named}); check the results of one model at a time")
    return models[0]


def cells_of(results: Sequence[Results]) -> list[Cell]:
    """The cells of all results; further runs of the same (which measure the noise) are left out.

    Raises:
        DataError: two results for one cell, or a score that is infinite.
    """
    known: dict[Documents, Keys] = {}
    found: dict[tuple[Place, str], Scores] = {}
    cells = []
    for entry in _first_runs(results):
        place = Place(entry.task, entry.evaluated, entry.condition, entry.ablated, entry.seed)
        other = found.setdefault((place, entry.metric), entry)
        if other is not entry:
            raise DataError(f"two results for {place}: {other.source} and {entry.source}; take one of them away")
        if entry.documents not in known:
            known[entry.documents] = Keys.of(entry.documents)
        cells.append(_cell(entry, place, known[entry.documents]))
    return cells


def _first_runs(results: Iterable[Results]) -> Iterable[Scores]:
    return (entry for one in results for entry in one if entry.role.repeat == 0)


def _cell(entry: Scores, place: Place, keys: Keys) -> Cell:
    infinite = int(np.isinf(entry.scores).sum())
    if infinite:
        raise DataError(
            f"{entry.metric} of {infinite} documents of {entry.task} is infinite in {entry.source} and cannot be "
            "compared; evaluate bits_per_byte instead"
        )
    role = entry.role
    return Cell(
        place, entry.dataset, entry.metric, entry.higher_is_better, role.control, role.what, entry.value, keys,
        entry.scores,
    )  # fmt: skip
