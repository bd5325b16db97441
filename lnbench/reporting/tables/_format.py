"""How numbers of a table are written, whatever the format: the same digits everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lnbench.reporting.tables._table import AVERAGE, FIDELITY, Table, TableCell, TableRow

__all__ = ["MISSING", "TOGETHER", "Style", "describe", "label_of", "legend_of", "selectivity_rows", "shown_rows"]

MISSING = "-"
#: Said where all languages have documents at the same positions, which says nothing of what stands in them.
TOGETHER = "Documents at the same position of each language's data are drawn together in means over languages."


class Style:
    """Digits of one table: percent with one decimal (intervals none), other metrics with three digits or more."""

    def __init__(self, table: Table) -> None:
        self.percent, self._signed = table.percent, table.signed
        values = [abs(cell.value) for row in table.rows for cell in row.cells.values() if math.isfinite(cell.value)]
        largest = max(values, default=0.0)
        self.digits = 3 if largest < 10 else 2 if largest < 100 else 1

    def value(self, cell: TableCell, column: str = "") -> str:
        """The number of the cell, without its mark."""
        return self._number(cell.value, column, sign="+" if column in self._signed else "")

    def spread(self, cell: TableCell, column: str = "") -> str:
        """Standard deviation over draws, or the interval; empty where there is neither."""
        if math.isfinite(cell.sd):
            return f"±{self._number(cell.sd, column, sign='')}"
        if not all(map(math.isfinite, cell.interval)):
            return ""
        return self.ends(cell.interval, column, sign="+" if math.isfinite(cell.difference) else "")

    def ends(self, interval: tuple[float, float], column: str = "", sign: str = "+") -> str:
        """``[-100,-78]``; with a decimal where an end is below 10 percent, for there it decides on which side of 0."""
        near = min(map(abs, interval)) < 0.0995 if self.percent or column == FIDELITY else False
        low, high = (self._number(end, column, sign, digits=int(near), end=True) for end in interval)
        return f"[{low},{high}]"

    def change(self, number: float | None) -> str:
        """A signed difference of the table's metric."""
        return self._number(math.nan if number is None else number, "", sign="+")

    def _number(self, number: float, column: str, sign: str, digits: int = 1, end: bool = False) -> str:
        if not math.isfinite(number):
            return MISSING
        if self.percent or column == FIDELITY:
            return _fixed(100 * number, digits, sign, end)
        return _fixed(number, self.digits, sign, end)


def _fixed(number: float, digits: int, sign: str, end: bool) -> str:
    """Fixed digits, no minus before zero; but an end of an interval below zero keeps it."""
    text = f"{number:{sign}.{digits}f}"
    return text.replace("-", "+" if sign else "") if float(text) == 0 and not end else text


def share(number: float | None) -> str:
    """A share in percent."""
    return MISSING if number is None or not math.isfinite(number) else f"{100 * number:.1f}"


def label_of(row: TableRow) -> str:
    """``specific zh``."""
    return " ".join(part for part in (row.condition, row.ablated) if part)


def draws_of(row: TableRow) -> str:
    """How many draws a random row stands for."""
    return f"{len(row.seeds)} draw{'s' * (len(row.seeds) != 1)}" if row.control else ""


def scored_of(row: TableRow) -> str:
    """Share of the documents behind the fidelity of a row."""
    cell = row.cells.get(FIDELITY)
    return MISSING if cell is None else share(cell.coverage)


def header_of(table: Table) -> list[str]:
    """The columns as they are headed."""
    return ["condition", *table.columns, *(["scored"] if table.fidelity_metric else [])]


def shown_rows(table: Table) -> Iterator[tuple[TableRow, list[tuple[str, TableCell | None]]]]:
    """Rows with their columns in order."""
    for row in table.rows:
        yield row, [(column, row.cells.get(column)) for column in table.columns]


def selectivity_rows(table: Table) -> list[list[str]]:
    """Header and rows of the small table on the ablated language's own place: harm, against random sets, and how much
    of the harm stays there; empty without rows."""
    style = Style(table)
    rows = []
    for condition, found in table.selectivity.items():
        for ablated, one in found["languages"].items():
            harms = [style.change(one[key]) for key in ("off_target", "english_gap")]
            against = [_against(style, one), _rank(one)]
            f1 = one["langspec_f1"]
            last = MISSING if f1 is None or not math.isfinite(f1) else f"{f1:.2f}"
            rows.append([f"{condition} {ablated}", style.change(one["target"]), *against, *harms, last])
    header = ["condition", "target harm", "against random", "rank p (K)", "off-target", "English gap", "LangSpec-F1"]
    return [header, *rows] if rows else []


def _against(style: Style, one: Mapping[str, Any]) -> str:
    interval = one.get("against_random_interval")
    if interval is None or not all(map(math.isfinite, interval)):
        return MISSING
    return f"{style.change(one['against_random'])} {style.ends(interval)}"


def _rank(one: Mapping[str, Any]) -> str:
    rank = one.get("rank_p")
    return MISSING if rank is None or not math.isfinite(rank) else f"{rank:.2f} ({one['K']})"


def describe(table: Table) -> list[str]:
    """What a reader must know beside the numbers, one sentence each, the same in every format."""
    sizes = " or ".join(map(str, sorted(set(table.documents.values()))))
    settings = table.settings
    return [
        f"{table.metric}{', percent' if table.percent else ''}; {'higher' if table.higher_is_better else 'lower'} is "
        f"better; {sizes} documents a language.",
        *legend_of(table),
        *_fidelity(table),
        *([TOGETHER] if _joint(table) else []),
        *_rank_rule(table),
        *_diagonal(table),
        *(f"Noise floor of {name}: {found['floor']:.3g}." for name, found in table.noise.items()),
        *table.notes,
        f"Bootstrap and sign-flip test: {settings.get('resamples')} resamples, seed {settings.get('seed')}.",
    ]


def legend_of(table: Table) -> list[str]:
    """Those sentences of :func:`describe` that say what stands in the cells."""
    return [
        "original: 95 % interval of the value; random: mean and standard deviation over the draws; "
        "other rows: 95 % interval of the change against the original.",
        *_marks(table),
    ]


def _marks(table: Table) -> list[str]:
    tested = table.settings.get("tested")
    if not tested:
        return []
    rule = f"(95 % prediction interval, Holm-corrected for {tested} places)"
    if any(cell.mark for row in table.rows for cell in row.cells.values()):
        return [f"*: more harmful (+: less) than one more random set of the same size would be {rule}."]
    return [f"No place differs from one more random set of the same size {rule}."]


def _fidelity(table: Table) -> list[str]:
    if not table.fidelity_metric:
        return []
    return [
        f"{FIDELITY}: {table.fidelity_metric} of the ablated language's own answers, in percent (first row: mean of "
        "these languages), on documents scored in both conditions; scored: their share."
    ]


def _rank_rule(table: Table) -> list[str]:
    places = [one for found in table.selectivity.values() for one in found["languages"].values()]
    if all(_rank(one) == MISSING for one in places):
        return []
    return [
        "Against random: the ablated language's own harm less the mean harm of K random sets, with the 95 % prediction "
        "interval; rank p: (1 + random sets at least as harmful) / (K + 1). Both uncorrected."
    ]


def _joint(table: Table) -> bool:
    return AVERAGE in table.columns and table.parallel and len(table.languages) > 1


def _diagonal(table: Table) -> list[str]:
    harmed = {row.condition for row in table.rows if any(_is_harm(table, cell) for cell in row.cells.values())}
    shares = [
        f"{condition} {share(found['diagonal_share'])} %"
        for condition, found in table.selectivity.items()
        if condition in harmed and len(found["languages"]) > 1 and share(found["diagonal_share"]) != MISSING
    ]
    return [f"Share of all harm that is in the ablated language itself: {', '.join(shares)}."] if shares else []


def _is_harm(table: Table, cell: TableCell) -> bool:
    """Whether a change is harm beyond its own uncertainty: a share of noise is no share of harm."""
    worse = -1.0 if table.higher_is_better else 1.0
    if math.isfinite(cell.sd):
        return worse * cell.difference > 2 * cell.sd
    return all(worse * end > 0 for end in cell.interval)
