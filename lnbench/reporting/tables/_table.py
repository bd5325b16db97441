"""The standardized table as a plain value: rows, columns, and in each place a number with its uncertainty.

It knows how it looks to no reader: the renderers beside it make text, Markdown, CSV and LaTeX from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lnbench.errors import DataError

__all__ = ["AVERAGE", "FIDELITY", "SCHEMA", "Table", "TableCell", "TableRow"]

#: Version of :meth:`Table.as_json`; a reader refuses another major version.
SCHEMA = "1.0"
AVERAGE, FIDELITY = "average", "fidelity"

_Interval = tuple[float, float]


@dataclass(frozen=True)
class TableCell:
    """One number of the table. None or NaN: it cannot be known, and ``reason`` may say why.

    Attributes:
        value: the metric in this condition, on the documents that are scored in both, it and the original; for a
            random row the mean over its draws.
        n: those documents; where several languages are averaged, rows of parallel documents.
        coverage: their share of all documents.
        interval: of ``value`` in the row of the original, else of ``difference``; 95 %.
        base: the original's value on the same documents.
        difference: mean per-document change against the original.
        p: of no change; not corrected.
        sd: standard deviation over the draws of a random row.
        against_random: harm minus mean harm of the random sets (positive: more harmful).
        against_random_interval: its prediction interval for one more random set.
        against_random_p, corrected_p: p of being one more random set, and after Holm's correction over the table.
        rank_p: (1 + random sets at least as harmful) / (K + 1).
        K: random sets behind this number.
        mark: ``*`` more harmful, ``+`` less harmful than a random set; only from ``corrected_p``.
        reason: why a number is missing or a mark was withheld.
    """

    value: float = math.nan
    n: int = 0
    coverage: float = math.nan
    interval: _Interval = (math.nan, math.nan)
    base: float = math.nan
    difference: float = math.nan
    p: float = math.nan
    sd: float = math.nan
    against_random: float = math.nan
    against_random_interval: _Interval = (math.nan, math.nan)
    against_random_p: float = math.nan
    corrected_p: float = math.nan
    rank_p: float = math.nan
    K: int = 0
    mark: str = ""
    reason: str | None = None


@dataclass(frozen=True)
class TableRow:
    """One condition.

    Attributes:
        condition: ``original``, ``random``, ``specific`` or another label.
        ablated: the ablated language, None for ``original``.
        control: whether it stands for several draws of a random control.
        seeds: of these draws.
        cells: column -> cell; a column that is missing was not run.
    """

    condition: str
    ablated: str | None
    control: bool
    seeds: tuple[int, ...]
    cells: Mapping[str, TableCell]


@dataclass(frozen=True)
class Table:
    """One model on one dataset.

    Attributes:
        model, dataset, metric: what is shown.
        higher_is_better: of the metric.
        percent: whether a reader expects the scores in percent (they are in 0..1 here).
        languages: evaluated languages; the columns are these, ``average`` and, where ``fidelity_metric``, ``fidelity``.
        documents: language -> number of documents.
        parallel: whether the languages have the same documents, so that these are drawn jointly.
        fidelity_metric: what the column ``fidelity`` is: the ablated language's own answers, in the first row the mean.
        rows: original first, then by ablated language the random control and the other conditions.
        noise: metric -> measured difference between two runs of the original; empty where it was not measured.
        selectivity: condition -> how much of its harm stays in the ablated language.
        settings: level, seeds, resamples, size of the family that Holm's correction counted.
        signatures: what the metrics of lnbench's own tasks mean.
        notes: what a reader must know, one sentence each.
    """

    model: str
    dataset: str
    metric: str
    higher_is_better: bool
    percent: bool
    languages: tuple[str, ...]
    documents: Mapping[str, int]
    parallel: bool
    fidelity_metric: str | None
    rows: tuple[TableRow, ...]
    noise: Mapping[str, Any] = field(default_factory=dict)
    selectivity: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    signatures: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Evaluated languages, average, fidelity."""
        return (*self.languages, AVERAGE, *([FIDELITY] if self.fidelity_metric else []))

    @property
    def signed(self) -> frozenset[str]:
        """Columns whose values are changes and are shown with their sign."""
        return frozenset()

    def row(self, condition: str, ablated: str | None = None) -> TableRow:
        """The row of a condition.

        Raises:
            DataError: there is none.
        """
        for row in self.rows:
            if (row.condition, row.ablated) == (condition, ablated):
                return row
        raise DataError(f"the table of {self.dataset} has no row {condition!r} of {ablated!r}; see its rows")

    def as_json(self) -> dict[str, Any]:
        """Plain JSON: NaN as null, floats at nine significant digits, so that the same inputs give the same bytes."""
        made: dict[str, Any] = {"schema": SCHEMA, **_plain(self)}
        return made

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Table:
        """The table of :meth:`as_json`.

        Raises:
            DataError: of another version, or a field is missing.
        """
        if str(content.get("schema")).split(".", maxsplit=1)[0] != SCHEMA.split(".", maxsplit=1)[0]:
            raise DataError(
                f"this table has schema {content.get('schema')}, and this lnbench reads {SCHEMA}; update lnbench"
            )
        try:
            rows = tuple(_row(row) for row in content["rows"])
            known: dict[str, Any] = {f.name: content[f.name] for f in fields(cls)}
            return cls(**{**known, **{name: tuple(known[name]) for name in ("languages", "notes")}, "rows": rows})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"this is no table of lnbench ({error!r}); build it again") from error


def _row(row: Mapping[str, Any]) -> TableRow:
    cells = {column: _cell(cell) for column, cell in row["cells"].items()}
    return TableRow(row["condition"], row["ablated"], row["control"], tuple(row["seeds"]), cells)


def _cell(given: Mapping[str, Any]) -> TableCell:
    """A number that is null becomes NaN again; ``reason`` stays None."""
    known: dict[str, Any] = dict(given)
    for name in ("interval", "against_random_interval"):
        known[name] = (math.nan, math.nan) if known[name] is None else tuple(known[name])
    known |= {name: math.nan for name, value in known.items() if value is None and name != "reason"}
    return TableCell(**known)


def _plain(value: Any) -> Any:
    if isinstance(value, (Table, TableRow, TableCell)):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        unknown = len(value) == 2 and all(isinstance(end, float) and math.isnan(end) for end in value)
        return None if unknown else [_plain(item) for item in value]  # an interval that is not known
    if isinstance(value, float):
        return float(f"{value:.9g}") + 0.0 if math.isfinite(value) else None
    return value
