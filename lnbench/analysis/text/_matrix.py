"""The perplexity matrix: how much worse is a language predicted without the neurons of each?

Tang et al. (ACL 2024, arXiv 2402.16438) show such a matrix. Everything is read from the standardized table: the change
per block, its interval, matched random sets, Holm's correction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import DataError
from lnbench.reporting import Results, Table, TableCell, standard_table
from lnbench.reporting.tables import grid

__all__ = ["UNITS", "LossMatrix", "matrices"]

#: Metric -> what it is called; the first that a dataset has decides which dataset is shown.
UNITS = {"nats_per_token": "nats per token", "bits_per_byte": "bits per byte"}


@dataclass(frozen=True)
class LossMatrix:
    """One metric of one model: rows are ablated, columns evaluated languages.

    Attributes:
        table: the standardized table that all numbers are from.
        condition: the condition that is shown.
        controls: ablated language -> the label of its random sets, where there are some.
    """

    table: Table
    condition: str
    controls: Mapping[str, str]

    @property
    def metric(self) -> str:
        """``nats_per_token`` or ``bits_per_byte``."""
        return self.table.metric

    @property
    def unit(self) -> str:
        """The metric in words."""
        return UNITS[self.metric]

    @property
    def languages(self) -> tuple[str, ...]:
        """Evaluated languages."""
        return self.table.languages

    @property
    def ablated(self) -> tuple[str, ...]:
        """Ablated languages, evaluated ones first and in their order."""
        named = {row.ablated for row in self.table.rows if row.condition == self.condition and row.ablated}
        first = [code for code in self.languages if code in named]
        return (*first, *sorted(named - set(first)))

    def original(self, evaluated: str) -> TableCell:
        """The untouched model."""
        return self.table.rows[0].cells[evaluated]

    def change(self, ablated: str, evaluated: str) -> TableCell:
        """The ablation of a language; a cell without a number where it was not run."""
        return self._cell(ablated, evaluated, control=False)

    def random(self, ablated: str, evaluated: str) -> TableCell:
        """Its matched random sets, averaged."""
        return self._cell(ablated, evaluated, control=True)

    def changes(self, *, control: bool = False) -> npt.NDArray[np.float64]:
        """``[ablated, evaluated]``: mean change per block against the original, NaN where it was not run."""
        return np.array(
            [[self._cell(a, e, control=control).difference for e in self.languages] for a in self.ablated]
        ).reshape(len(self.ablated), len(self.languages))

    def others(self, ablated: str) -> float:
        """Mean change in all evaluated languages but the ablated one."""
        values = [self.change(ablated, code).difference for code in self.languages if code != ablated]
        return float(np.mean(values)) if values else math.nan

    def as_json(self) -> dict[str, Any]:
        """Plain JSON: the table with everything in it."""
        return {"metric": self.metric, "condition": self.condition, "table": self.table.as_json()}

    def _cell(self, ablated: str, evaluated: str, *, control: bool) -> TableCell:
        label = self.controls.get(ablated) if control else self.condition
        rows = [row for row in self.table.rows if (row.condition, row.ablated) == (label, ablated)]
        return next((row.cells[evaluated] for row in rows if evaluated in row.cells), TableCell())


def matrices(results: Results, *, dataset: str | None = None, condition: str = "specific") -> list[LossMatrix]:
    """A matrix for each metric of text: packed text first, with nats per token and bits per byte.

    Args:
        results: of one model.
        dataset: left out: packed text, or what has bits per byte.
        condition: the label of the ablation.

    Raises:
        DataError: no text was evaluated, the condition was not run, or what :func:`standard_table` refuses.
    """
    chosen = results.where(dataset=_dataset(results) if dataset is None else dataset)
    metrics = [name for name in UNITS if any(s.metric == name for s in chosen)]
    if not metrics:
        raise DataError(f"{chosen.datasets[0]} has no {' and no '.join(UNITS)}; name a dataset of text, as packed is")
    labels = list(dict.fromkeys(s.condition for s in chosen if s.condition != "original" and not s.role.control))
    if condition not in labels:
        raise DataError(f"no condition is called {condition!r}; the results have {', '.join(labels) or 'the original'}")
    lined = grid(chosen, metrics[0])
    controls = {
        str(line.ablated): of.condition
        for line in lined.lines
        if line.condition == condition
        for of in lined.controls(line)[:1]
    }
    return [LossMatrix(standard_table(chosen, metric=metric), condition, controls) for metric in metrics]


def _dataset(results: Results) -> str:
    found = [_first(results, metric) for metric in UNITS]
    name = next((one for one in found if one), None)
    if name is None:
        raise DataError(
            f"the results are of {', '.join(results.datasets)}, and none is text; run the preset lape-matrix"
        )
    return name


def _first(results: Results, metric: str) -> str | None:
    datasets: Sequence[str] = [s.dataset for s in results if s.metric == metric]
    return datasets[0] if datasets else None
