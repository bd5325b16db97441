"""What was read: one :class:`Scores` for each cell and metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench._near import hint
from lnbench.errors import DataError
from lnbench.reporting.reading._documents import Documents
from lnbench.reporting.reading._role import Role

__all__ = ["Failed", "Results", "Scores"]


@dataclass(frozen=True, eq=False)
class Scores:
    """One metric of one task in one condition.

    Attributes:
        role: model and condition.
        task: lm-eval's name.
        dataset: the task without its language, ``demo_summ``.
        evaluated: the language of the task, ``und`` where its name does not tell.
        metric: lm-eval's name, with its filter when that is not ``none`` (``exact_match,strict-match``).
        higher_is_better: as lm-eval recorded it; None where it is not known.
        value: lm-eval's aggregate over the scored documents.
        documents: which documents.
        scores: ``[documents]``, NaN where a document is unscored.
        source: the results file.
        neurons: how many neurons are edited; None where it is not recorded.
    """

    role: Role
    task: str
    dataset: str
    evaluated: str
    metric: str
    higher_is_better: bool | None
    value: float
    documents: Documents
    scores: npt.NDArray[np.float64]
    source: Path
    neurons: int | None = None

    @property
    def model(self) -> str:
        """The model's name."""
        return self.role.model

    @property
    def condition(self) -> str:
        """``original``, ``random``, ``specific`` or another label."""
        return self.role.condition

    @property
    def ablated(self) -> str | None:
        """The ablated language."""
        return self.role.ablated

    @property
    def seed(self) -> int | None:
        """The draw of a random control."""
        return self.role.seed


@dataclass(frozen=True)
class Failed:
    """A cell that failed: which, and why."""

    name: str
    task: str
    role: Role
    error: str


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that was read from one folder, in an order that does not depend on file names.

    Attributes:
        entries: one per cell and metric.
        failed: cells that failed.
        unfinished: folders of cells without a manifest.
        notes: what was left out, one sentence each.
        signatures: model -> what lnbench's metrics mean, by kind of task, where the results say so.
        absent: conditions that a study left out, for its neuron set has no neurons at their sites -> those sites.
    """

    entries: tuple[Scores, ...]
    failed: tuple[Failed, ...] = ()
    unfinished: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    signatures: Mapping[str, Any] = field(default_factory=dict)
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Scores]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def models(self) -> tuple[str, ...]:
        """The models."""
        return self._distinct(lambda s: s.model)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of all models."""
        return self._distinct(lambda s: s.dataset)

    def where(self, **wanted: Any) -> Results:
        """Only entries with these attributes: ``where(dataset="demo_summ", metric="rouge1", condition="original")``.

        Raises:
            DataError: nothing has such a value; the sentence says which values there are.
        """
        entries = self.entries
        for name, value in wanted.items():
            kept = tuple(s for s in entries if getattr(s, name) == value)
            if not kept:
                known = sorted({str(getattr(s, name)) for s in entries})
                what = f"{hint(value, known)}there are {', '.join(known) or 'none'}"
                raise DataError(f"there are no results with {name} {value!r}; {what}")
            entries = kept
        return replace(self, entries=entries)

    def _distinct(self, name: Callable[[Scores], str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name(s) for s in self.entries))
