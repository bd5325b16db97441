"""The sweep as text, Markdown, CSV, JSON and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields

from lnbench._data import DEMO_MODEL
from lnbench.analysis._grids import render_grids
from lnbench.analysis.workflow._sweep import Sweep, SweepCell
from lnbench.errors import DataError
from lnbench.reporting import FORMATS
from lnbench.reporting.leaderboard import INSTRUMENT

__all__ = ["render_sweep", "sweep_sentences"]


def render_sweep(found: Sweep, form: str) -> str:
    """The grid of gaps in one of :data:`lnbench.reporting.FORMATS`, with what was picked and how sure that is.

    Raises:
        DataError: there is no such format.
    """
    if form == "json":
        return json.dumps(found.as_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    if form == "csv":
        return _csv(found)
    if form not in FORMATS:
        raise DataError(f"there is no format {form!r}; choose among {', '.join(FORMATS)}")
    title = f"{found.model}: {found.dataset}, block {found.block}: English / non-English gap"
    return render_grids(title, [("", grid_rows(found))], sweep_sentences(found), form)


def grid_rows(found: Sweep) -> list[list[str]]:
    """Header, then a row for each n1: gap and interval, ``*`` behind the pick, and the random sets' gap."""
    rows = [["n1 \\ n2", *map(str, found.n2s)]]
    for n1 in found.n1s:
        rows.append([str(n1), *(_shown(found, found.at(n1, n2)) for n2 in found.n2s)])
    return rows


def _shown(found: Sweep, cell: SweepCell | None) -> str:
    if cell is None or not math.isfinite(cell.gap):
        return "-"
    mark = "*" if (cell.n1, cell.n2) == (found.pick.n1, found.pick.n2) else ""
    low, high = (_number(found, end) for end in cell.interval)
    interval = f" [{low}, {high}]" if math.isfinite(cell.interval[0]) else ""
    random = f", random {_number(found, cell.random)}" if math.isfinite(cell.random) else ""
    return f"{_number(found, cell.gap)}{mark}{interval}{random}"


def _number(found: Sweep, value: float) -> str:
    if not math.isfinite(value):
        return "-"
    text = f"{100 * value:+.1f}" if found.percent else f"{value:+.3f}"
    return text.replace("-", "+") if float(text) == 0 else text


def sweep_sentences(found: Sweep) -> list[str]:
    """What was picked, on what, how large its gap is elsewhere, and which pairs cannot be told from it."""
    told = [INSTRUMENT] if found.model == DEMO_MODEL else []
    told += [_what_a_gap_is(found), *_what_was_picked(found)]
    empty = _pairs(cell for cell in found.cells if not math.isfinite(cell.gap))
    return [*told, *([f"No neurons in the block: {empty}."] if empty else [])]


def _what_a_gap_is(found: Sweep) -> str:
    unit = "points" if found.percent else f"of {found.metric}"
    reading = "with its own neurons off" if found.english == "own" else "with the other languages' neurons off in turn"
    return (
        f"Gap: mean harm in {', '.join(found.others)} less harm in English ({reading}), {unit}, {found.documents} "
        "documents a language; 95 % interval over documents; random: mean gap of the random sets."
    )


def _what_was_picked(found: Sweep) -> list[str]:
    pick, largest = found.pick, found.largest
    low, high = (_number(found, end) for end in pick.second_interval)
    same = _pairs(c for c in found.cells if not c.apart and c is not pick and math.isfinite(c.gap))
    return [
        f"Pick (*): n1 {pick.n1}, n2 {pick.n2}, the largest gap on every second document; on the others, which had no "
        f"part in the pick, its gap is {_number(found, pick.second)} [{low}, {high}].",
        f"On all documents the largest gap is that of n1 {largest.n1}, n2 {largest.n2}: {_number(found, largest.gap)}. "
        f"It is the largest of {len(found.cells)}, so it is too large by what its noise helped it to win.",
        f"Of equal gaps the smallest n1, then n2, is picked. Not told apart from the pick on the other documents: "
        f"{same or 'none'} (95 % interval of the paired difference, uncorrected).",
    ]


def _pairs(cells: Iterable[SweepCell]) -> str:
    return ", ".join(f"{cell.n1}/{cell.n2}" for cell in cells)


def _csv(found: Sweep) -> str:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    names = [field.name for field in fields(SweepCell)]
    writer.writerow(["model", "dataset", "metric", "block", *names, "picked"])
    for cell in found.cells:
        values = [_text(getattr(cell, name)) for name in names]
        picked = str((cell.n1, cell.n2) == (found.pick.n1, found.pick.n2)).lower()
        writer.writerow([found.model, found.dataset, found.metric, found.block, *values, picked])
    return made.getvalue()


def _text(value: int | float | bool | Sequence[float]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:.9g}" if math.isfinite(value) else ""
    return " ".join(_text(end) for end in value)
