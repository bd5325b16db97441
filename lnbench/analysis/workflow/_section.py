"""The layer blocks, the sweep and the without-English comparison as sections of a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lnbench.analysis._section import Picture, Section, ShownTable
from lnbench.analysis.workflow._plot import sweep_png, workflow_png
from lnbench.analysis.workflow._show import grid_rows, sweep_sentences
from lnbench.analysis.workflow._sweep import Sweep, sweeps
from lnbench.analysis.workflow._table import WorkflowTable, workflow_tables
from lnbench.reporting import Results
from lnbench.reporting.tables import describe, words

__all__ = ["sweep_section", "without_english_section", "workflow_section"]

_ASKED = (
    "Neurons of one block of layers and one structure are switched off, each language's own while the language is "
    "asked. The workflow of Zhao et al. 2024 says that the other languages lose more than English does: a gap above 0."
)


def workflow_section(results: Results, *, english: str | None = None) -> Section:
    """The layer-block table of every dataset; errors as in :func:`workflow_table`."""
    tables = workflow_tables(results, english=english)
    return _section("workflow", "Layer blocks", _ASKED, tables)


def without_english_section(results: Results, *, english: str | None = None) -> Section:
    """All of a language's neurons against those that it does not share with English."""
    text = (
        "All neurons of a language are switched off (`specific`), or only those that are not English neurons too "
        "(`specific-without-english`). Where the two do the same, the shared neurons carry nothing of the language."
    )
    found = _section("without-english", "Without the neurons shared with English", text, _only(results, english))
    return replace(found, pictures=[replace(one, name="without-english") for one in found.pictures])


def _only(results: Results, english: str | None) -> list[WorkflowTable]:
    labels = {
        entry.condition
        for entry in results
        if entry.condition == "original" or entry.role.control or entry.condition.startswith("specific")
    }
    kept = replace(results, entries=tuple(entry for entry in results if entry.condition in labels))
    return workflow_tables(kept, english=english)


def _section(key: str, title: str, text: str, tables: Sequence[WorkflowTable]) -> Section:
    shown = [_shown(table) for table in tables]
    alt = "Change of the English and the non-English mean and their gap, by condition, as a heat map."
    told = "\n\n".join(f"{table.dataset}: {_verdict(table)}" for table in tables)
    data = {"tables": [table.as_json() for table in tables]}
    return Section(key, title, f"{text}\n\n{told}", shown, [Picture(key, alt, workflow_png(tables))], data)


def _shown(table: WorkflowTable) -> ShownTable:
    header, *rows = words(table)
    return ShownTable(f"{table.model} on {table.dataset}. {' '.join(describe(table))}", header, rows)


def _verdict(table: WorkflowTable) -> str:
    """Which rows are marked, in words: also that none is."""
    gaps = [(row.condition, row.cells["gap"]) for row in table.rows[1:] if "gap" in row.cells and not row.control]
    if all(math.isnan(cell.value) for _, cell in gaps):
        return "no gap is known; the documents that it needs were not evaluated."
    wider = [label for label, cell in gaps if cell.mark == "*"]
    narrower = [label for label, cell in gaps if cell.mark == "+"]
    parts = [f"wider than of random sets: {', '.join(wider)}"] if wider else []
    parts += [f"narrower: {', '.join(narrower)}"] if narrower else []
    return f"the gap is {'; '.join(parts)}." if parts else "no condition's gap differs from that of random sets."


def sweep_section(results: Results, *, english: str | None = None) -> Section:
    """The sweep over block sizes; errors as in :func:`sweep`."""
    found = sweeps(results, english=english)
    tables = [_grid(one) for one in found]
    text = "The English / non-English gap for every size of the first and the last block, and the pair that it picks."
    alt = "English / non-English gap by n1 and n2 as a heat map."
    data = {"sweeps": [one.as_json() for one in found]}
    return Section("sweep", "Block sizes", text, tables, [Picture("sweep", alt, sweep_png(found))], data)


def _grid(found: Sweep) -> ShownTable:
    header, *rows = grid_rows(found)
    return ShownTable(f"{found.dataset}, block {found.block}. {' '.join(sweep_sentences(found))}", header, rows)
