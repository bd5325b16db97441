"""``make bench``: run every benchmark, print one table, write ``benchmarks/results.json``."""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path

from tabulate import tabulate

from benchmarks import (
    bench_apply,
    bench_evaluation,
    bench_ray,
    bench_startup,
    bench_store,
    bench_study,
    bench_table,
    detection,
    plnd,
)
from benchmarks._ratio import Ratio

MODULES = (
    bench_startup,
    bench_apply,
    bench_evaluation,
    detection,
    plnd,
    bench_table,
    bench_study,
    bench_store,
    bench_ray,
)


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, for a smoke test")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results.json")
    arguments = parser.parse_args()
    rows = [row for module in MODULES for row in module.run(quick=arguments.quick)]
    print(table(rows))
    about = {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    arguments.json.write_text(json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


def table(rows: list[Ratio]) -> str:
    """The rows for a terminal."""
    headers = ("what", "against", "median ratio", "range", "more seconds", "runs", "aim", "met")
    return tabulate([_cells(row) for row in rows], headers=headers, disable_numparse=True)


def _cells(r: Ratio) -> tuple[str, ...]:
    spread, met = f"{r.low:.3f} to {r.high:.3f}", "yes" if r.holds else "NO"
    return r.what, r.against, f"{r.median:.3f}", spread, f"{r.extra_seconds:+.4f}", str(r.runs), r.aim, met


if __name__ == "__main__":
    main()
