"""``make bench``: run every benchmark, print one table, and keep the run as a file in ``benchmarks/history``.

``python -m benchmarks --help`` has the options; `docs/performance.md` says what the numbers mean.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path

from tabulate import tabulate
from tqdm import tqdm

from benchmarks import _history, _machine
from benchmarks._history import Module, Run
from benchmarks._ratio import Ratio, Skipped, seconds

MODULES = (
    "bench_startup",
    "bench_apply",
    "bench_evaluation",
    "bench_lape",
    "bench_plnd",
    "bench_table",
    "bench_study",
    "bench_store",
    "bench_ray",
    "bench_gpu",
)
#: What ``--compare`` stands for without a file.
LAST = "last"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and keep; returns the exit code, 1 when a module has failed."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:  # before minutes of measuring
        before = _history.read(Path(asked.compare)) if asked.compare not in (None, LAST) else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        parser.error(f"--compare: {asked.compare} is no kept run ({error})")
    run = measured(asked.only or MODULES, quick=asked.quick)
    print(table([row for _, row in run.rows]))
    print("\n" + _modules(run))
    if asked.compare:
        print("\n" + _compared(run, before or _history.last_before(run, _history.kept(_history.HISTORY))))
    folder = asked.out or (None if asked.quick or asked.only else _history.HISTORY)
    if folder is not None:
        print(f"\nkept as {run.save(folder)}")
    return int(any(module.failed for module in run.modules))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed, as ratios of both sides.")
    parser.add_argument("--quick", action="store_true", help="smaller and fewer, as a smoke test; not kept")
    parser.add_argument("--only", nargs="+", choices=MODULES, metavar="MODULE", help="these modules alone; not kept")
    parser.add_argument("--out", type=Path, help="keep the run in this folder, quick or partial ones too")
    parser.add_argument(
        "--compare",
        nargs="?",
        const=LAST,
        metavar="FILE",
        help="print the change against FILE, or the last kept run of the same kind of machine",
    )
    return parser


def measured(names: Sequence[str], *, quick: bool) -> Run:
    """Run modules one after the other. One that fails is told and leaves the others' rows as they are."""
    commit, changed = _machine.commit()
    date, before = datetime.now(timezone.utc).isoformat(timespec="seconds"), _machine.load()
    machine = _machine.machine()  # now, as some modules set the number of threads
    modules: list[Module] = []
    rows: list[tuple[str, Ratio]] = []
    bar = tqdm(names, desc="benchmarks", unit="module")
    for name in bar:
        bar.set_postfix_str(name)
        module, found = _one(name, quick=quick)
        modules.append(module)
        rows += [(name, row) for row in found]
    load = {"start": before, "end": _machine.load()}
    return Run(date, commit, changed, machine, _machine.versions(), load, modules, rows)


def _one(name: str, *, quick: bool) -> tuple[Module, list[Ratio]]:
    rows: list[Ratio] = []
    skipped = failed = None

    def go() -> None:
        nonlocal skipped, failed
        try:
            rows.extend(import_module(f"benchmarks.{name}").run(quick=quick))
        except Skipped as reason:
            skipped = str(reason)
        except Exception as error:
            failed = f"{type(error).__name__}: {error}"
            traceback.print_exc()

    with _machine.same_threads():
        spent = seconds(go)
    return Module(name, round(spent, 1), skipped, failed), rows


def table(rows: list[Ratio]) -> str:
    """The rows for a terminal."""
    headers = ("what", "against", "median ratio", "range", "more seconds", "runs", "aim", "met", "")
    return tabulate([_cells(row) for row in rows], headers=headers, disable_numparse=True)


def _cells(r: Ratio) -> tuple[str, ...]:
    spread, met = f"{r.low:.3f} to {r.high:.3f}", "yes" if r.holds else "NO"
    return r.what, r.against, f"{r.median:.3f}", spread, f"{r.extra_seconds:+.4f}", str(r.runs), r.aim, met, r.note


def _modules(run: Run) -> str:
    """How long each module took, and what was left out."""
    lines = [(m.name, f"{m.seconds:.0f} s", m.failed and f"FAILED: {m.failed}", m.skipped) for m in run.modules]
    lines.append(("all", f"{sum(m.seconds for m in run.modules):.0f} s", None, f"load at start {run.load['start'][0]}"))
    return tabulate([(name, spent, failed or note or "") for name, spent, failed, note in lines], tablefmt="plain")


def _compared(run: Run, before: Run | None) -> str:
    if before is None:
        return "no earlier run of this kind of machine is kept"
    return f"against {before.name}\n{_history.changes(run, before)}"


if __name__ == "__main__":
    sys.exit(main())
