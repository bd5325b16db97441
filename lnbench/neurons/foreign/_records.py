"""Neurons one by one, as JSON lists and CSV tables have them: which columns there are, and what each may hold."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lnbench.errors import NeuronSetError
from lnbench.neurons._header import MAX_LABELS, check_labels
from lnbench.neurons.foreign._facts import FileFacts
from lnbench.neurons.foreign._table import Columns, Table, brief, checked_site, refuse_site, site_of


@dataclass
class Records:
    """Rows with what each says of itself; `table` makes one of them.

    Attributes:
        facts: what is told.
        has: our columns that the file has.
    """

    facts: FileFacts
    has: frozenset[str]
    labels: dict[str, int] = field(default_factory=dict)
    columns: Columns = field(default_factory=Columns)
    scores: array[float] = field(default_factory=lambda: array("d"))
    ignored: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_columns(self.has)
        self.site, self.notes = site_of(self.facts)
        if "site" in self.has:
            refuse_site(self.facts)
            self.notes = ()

    def add(self, values: dict[str, Any]) -> None:
        """One neuron: our column -> its value.

        Raises:
            NeuronSetError: a value is of the wrong kind.
        """
        for name in ("layer", "index"):
            if isinstance(values[name], bool) or not isinstance(values[name], int):
                raise NeuronSetError(f"{name} is {brief(values[name])}, which is no whole number")
        site = checked_site(values["site"]) if "site" in values else self.site
        self.columns.add(self.language(values), site, values["layer"], values["index"])
        if "score" in values:
            score = values["score"]
            number = isinstance(score, (int, float)) and not isinstance(score, bool)
            if not number or not abs(score) < 1e300:  # NaN compares false
                raise NeuronSetError(f"a score is {brief(score)}, and every score must be a finite number")
            self.scores.append(score)

    def language(self, values: dict[str, Any]) -> int:
        """The number of a row's language."""
        if "language" not in values:
            return 0
        label = values["language"]
        if not isinstance(label, str) or label not in self.labels:
            check_labels([label])
            if len(self.labels) >= MAX_LABELS:
                raise NeuronSetError(f"it names more than {MAX_LABELS} languages")
        return self.labels.setdefault(label, len(self.labels))

    def table(self, layers: int | None = None) -> Table:
        """All rows."""
        notes = [*self.notes, *([f"left aside: {', '.join(list(self.ignored)[:9])}"] if self.ignored else [])]
        scores = np.array(self.scores) if "score" in self.has else None
        languages = tuple(self.labels) if "language" in self.has else 1
        return Table(self.columns.rows(), languages, layers=layers, scores=scores, notes=tuple(notes))


def check_columns(has: Collection[str]) -> None:
    """Refuse a table in which a neuron cannot be told.

    Raises:
        NeuronSetError: it has no layers, or no indices.
    """
    for name, called in (("layer", "layer"), ("index", "unit, neuron or index")):
        if name not in has:
            raise NeuronSetError(f"it has no column {called}: a neuron is told by its layer and its index")
