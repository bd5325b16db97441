"""Write the table of ``docs/performance.md`` from the last run that ``benchmarks/history`` keeps.

    python -m scripts.make_performance_page [--check]

The page is committed. ``--check`` writes nothing and fails when its table differs from what would be written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks._history import HISTORY, Run, kept
from benchmarks._ratio import Ratio
from scripts.page import table_line, write_or_check

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- table: written by scripts/make_performance_page.py -->\n", "<!-- end of table -->\n"
#: The heading of the part that says why an aim is missed.
MISSED = "## Where an aim is missed\n"
TITLES = ("what", "against", "median ratio", "range", "runs", "aim", "met", "earlier", "also")
#: So many runs before it are shown, by their medians.
_EARLIER = 3


def part(run: Run | None, runs: Sequence[Run] = ()) -> str:
    """What the page says of one run, in Markdown, with the medians of others of the same kind of machine."""
    if run is None:
        return "No run is kept.\n"
    before = [each for each in runs if each.date < run.date and each.machine == run.machine][-_EARLIER:]
    rows = [_line(row, _medians(row.what, before)) for _, row in run.rows]
    lines = [table_line(TITLES), table_line("---" for _ in TITLES), *rows]
    return f"{_where(run)}\n\n{''.join(lines)}\n{_times(run)}\n"


def _where(run: Run) -> str:
    machine, load = run.machine, run.load
    things = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    cores = f"{machine['cores']} cores, torch threads: {machine['threads']}, {machine['gpu'] or 'no GPU'}"
    on = f"{machine['processor']} ({machine['architecture']}), {cores}"
    busy = f"load {load['start'][0]} at the start and {load['end'][0]} at the end"
    return f"`benchmarks/history/{run.name}.json`: {on}; {things}; {busy}."


def _times(run: Run) -> str:
    """How long it took, and what was left out."""
    took = ", ".join(f"`{module.name}` {module.seconds:.0f} s" for module in run.modules if not module.skipped)
    left_out = "".join(f" Left out: `{module.name}`, {module.skipped}." for module in run.modules if module.skipped)
    return f"{took}; {sum(module.seconds for module in run.modules):.0f} s in all.{left_out}"


def _medians(what: str, runs: Sequence[Run]) -> str:
    """The medians of a row in some runs, the newest first."""
    return ", ".join(f"{row.median:.3f}" for run in reversed(runs) for _, row in run.rows if row.what == what)


def _line(row: Ratio, earlier: str) -> str:
    numbers = f"**{row.median:.3f}**", f"{row.low:.3f} to {row.high:.3f}", str(row.runs)
    aim = row.aim.replace("<=", "≤").replace("+-", "±")
    also = row.note or (f"{row.extra_seconds:+.4f} s" if "more" in row.aim else "")
    return table_line((row.what, row.against, *numbers, aim, "yes" if row.holds else "**no**", earlier, also))


def unexplained(page: str, run: Run) -> list[str]:
    """Rows that miss their aim and that the page gives no reason for, by name."""
    reasons = page.partition(MISSED)[2].partition("\n## ")[0]
    return [row.what for _, row in run.rows if not row.holds and f"**{row.what}**" not in reasons]


def last() -> Run | None:
    """The newest kept run."""
    return next(reversed(kept(HISTORY)), None)


def updated(page: str) -> str:
    """``page`` with the part between its two marks written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{part(last(), kept(HISTORY))}{END}{after}"


def main() -> int:
    """Entry point; returns the exit code."""
    run = last()
    for what in unexplained(PAGE.read_text("utf-8"), run) if run else ():
        print(f"docs/{PAGE.name} gives no reason why an aim is missed: **{what}**", file=sys.stderr)
    return write_or_check("make_performance_page", __doc__, PAGE, updated)


if __name__ == "__main__":
    raise SystemExit(main())
