"""How selective the rows of a table are: the measures of lnbench.reporting.statistics on its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lnbench.errors import LnbenchError
from lnbench.reporting.statistics import diagonal_share, english_gap, langspec_f1, selectivity
from lnbench.reporting.tables._table import TableCell, TableRow

__all__ = ["selectivity_of"]


def selectivity_of(
    rows: Sequence[TableRow], languages: Sequence[str], *, higher_is_better: bool
) -> dict[str, dict[str, Any]]:
    """Per condition the diagonal share of its matrix; per ablated language harms, English gap and LangSpec-F1.

    Only rows that ablate one language. Harm is the mean per-document change, oriented; for a random control the mean
    over its draws, so that the same measures of the random rows stand beside the specific ones.
    """
    by_condition: dict[str, dict[str, TableRow]] = {}
    for row in rows:
        if row.ablated in languages:
            by_condition.setdefault(row.condition, {})[str(row.ablated)] = row
    return {label: _of_condition(chosen, languages, higher_is_better) for label, chosen in by_condition.items()}


def _of_condition(chosen: Mapping[str, TableRow], languages: Sequence[str], higher_is_better: bool) -> dict[str, Any]:
    sign = -1.0 if higher_is_better else 1.0
    matrix = {
        ablated: {code: sign * row.cells[code].difference for code in languages if code in row.cells}
        for ablated, row in chosen.items()
    }
    found = {
        ablated: {
            "target": one.target,
            "off_target": one.off_target,
            "difference": one.difference,
            "english_gap": english_gap(matrix[ablated]),
            "langspec_f1": _f1(chosen[ablated], languages, ablated) if higher_is_better else math.nan,
            **_against(chosen[ablated].cells.get(ablated)),
        }
        for ablated, one in selectivity(matrix).items()
    }
    return {"diagonal_share": diagonal_share(matrix), "languages": found}


def _against(own: TableCell | None) -> dict[str, Any]:
    """The own language's place against random sets, uncorrected."""
    cell = own or TableCell()
    names = ("against_random", "against_random_interval", "rank_p", "K")
    return {name: getattr(cell, name) for name in names}


def _f1(row: TableRow, languages: Sequence[str], ablated: str) -> float:
    cells = {code: row.cells[code] for code in languages if code in row.cells}
    known = {code: cell for code, cell in cells.items() if math.isfinite(cell.value)}
    base, after = ({code: getattr(c, name) for code, c in known.items()} for name in ("base", "value"))
    try:
        return langspec_f1(base, after, ablated)
    except LnbenchError:  # no other language, or scores below 0: there is no such number, and the table stands
        return math.nan
