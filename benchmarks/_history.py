"""Runs that are kept: one file each in ``benchmarks/history``, and what has changed from one to another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmarks._ratio import Ratio
from lnbench._write import whole

HISTORY = Path(__file__).parent / "history"
SCHEMA = "1.0"


@dataclass(frozen=True)
class Module:
    """How one file of benchmarks went."""

    name: str
    seconds: float
    skipped: str | None = None
    """What the machine lacks for it."""
    failed: str | None = None
    """The error that ended it."""


@dataclass(frozen=True)
class Run:
    """One run of the benchmarks.

    Attributes:
        date: when it began, UTC, ISO 8601.
        commit: of the checkout; None where there is none.
        changed: whether tracked files differed from it.
        machine, versions: see `_machine`.
        load: at start and at end, processes that ran or waited, mean over 1, 5 and 15 minutes.
        modules: in the order in which they ran.
        rows: (module, row) for each row of the table.
    """

    date: str
    commit: str | None
    changed: bool
    machine: dict[str, Any]
    versions: dict[str, str]
    load: dict[str, list[float]]
    modules: list[Module] = field(default_factory=list)
    rows: list[tuple[str, Ratio]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Date, time and commit, so that files sort by age."""
        at = self.date[:16].replace("T", "-").replace(":", "")
        return f"{at}-{(self.commit or 'unknown')[:7]}{'-changed' if self.changed else ''}"

    def save(self, folder: Path = HISTORY) -> Path:
        """Write the run's file and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        told = {"schema": SCHEMA, **asdict(self)}
        told["rows"] = [{"module": module, **asdict(row)} for module, row in self.rows]
        file = folder / f"{self.name}.json"
        with whole(file) as part:
            part.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return file


def read(file: Path) -> Run:
    """A kept run."""
    told = json.loads(file.read_text("utf-8"))
    if told.pop("schema") != SCHEMA:
        raise ValueError(f"{file} is not a run of schema {SCHEMA}")
    modules = [Module(**each) for each in told.pop("modules")]
    rows = [(row.pop("module"), Ratio(**row)) for row in told.pop("rows")]
    return Run(**told, modules=modules, rows=rows)


def kept(folder: Path = HISTORY) -> list[Run]:
    """All kept runs, the oldest first."""
    return [read(file) for file in sorted(folder.glob("*.json"))]


def last_before(run: Run, runs: list[Run]) -> Run | None:
    """The newest of some runs that is older than ``run`` and was made on a machine of the same kind."""
    older = [each for each in runs if each.date < run.date and each.machine == run.machine]
    return max(older, key=lambda each: each.date, default=None)


def changes(now: Run, before: Run) -> str:
    """What has changed, as a table: a row is slower or faster when the two ranges of its ratios do not meet."""
    old = {(row.what, row.against): row for _, row in before.rows}
    lines = [_change(row, old.pop((row.what, row.against), None)) for _, row in now.rows]
    lines += [(row.what, f"{row.median:.3f}", "", "", "no longer measured") for row in old.values()]
    headers = ("what", "before", "now", "change", "")
    return tabulate(lines, headers=headers, disable_numparse=True)


def _change(now: Ratio, before: Ratio | None) -> tuple[str, ...]:
    if before is None:
        return now.what, "", f"{now.median:.3f}", "", "new"
    apart = "slower" if now.low > before.high else "faster" if now.high < before.low else "ranges overlap"
    change = f"{now.median / before.median - 1:+.1%}"
    return now.what, f"{before.median:.3f}", f"{now.median:.3f}", change, apart
