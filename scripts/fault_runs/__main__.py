"""Run commands under faults and print one table. As root on Linux, in a mount namespace of its own:

``unshare -m .venv/bin/python -m scripts.fault_runs --out build/faults [--commands a,b] [--faults c,d]``
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from scripts.fault_runs.bench import Bench, Outcome
from scripts.fault_runs.commands import Command, commands
from scripts.fault_runs.faults import FAULTS, OF_MODELS, OF_PARTS
from scripts.fault_runs.processes import Zygote


def main() -> None:
    """Print a line for every command and fault, and end with 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="Folder for the runs.")
    parser.add_argument("--commands", help="Names, joined by comma; all when left out.")
    parser.add_argument("--faults", help="Names, joined by comma; all when left out.")
    given = parser.parse_args()
    root = given.out.resolve()
    known = commands(root / "store" / "work" / "out")
    chosen = given.commands.split(",") if given.commands else list(known)
    faults = given.faults.split(",") if given.faults else list(FAULTS)
    zygote = Zygote()
    try:
        if any(not known[name].passes for name in chosen):
            Bench(zygote, known["study run"], root / "store" / "work").calm()
        wrong = sum(_run(zygote, known[name], root, faults) for name in chosen)
    finally:
        zygote.close()
    sys.exit(1 if wrong else 0)


def _run(zygote: Zygote, command: Command, root: Path, faults: list[str]) -> int:
    """One command under all faults; how many went wrong."""
    bench = Bench(zygote, command, root / command.name.replace(" ", "-") / "work")
    calm, wrong = bench.calm(), 0
    print(f"| {command.name} | undisturbed | {calm.writes} changes, {calm.passes} passes | |", flush=True)
    for name in faults:
        idle = (name in OF_MODELS and not command.passes) or (name in OF_PARTS and not command.kept)
        if not idle:
            started = time.monotonic()
            wrong += _shown(command, name, _tried(bench, calm, name), time.monotonic() - started)
    return wrong


def _tried(bench: Bench, calm: object, name: str) -> Outcome:
    try:
        return FAULTS[name](bench, calm)  # type: ignore[arg-type]
    except Exception as error:  # the others go on
        return Outcome([], "", [f"{type(error).__name__}: {error}"])


def _shown(command: Command, fault: str, found: Outcome, seconds: float) -> int:
    codes = ", ".join(map(str, found.codes))
    verdict = "; ".join(found.wrong).replace("\n", " ") or "ok"
    print(f"| {command.name} | {fault} | {codes}: {found.said[:150]} | {verdict} | {seconds:.0f} s", flush=True)
    return bool(found.wrong)


if __name__ == "__main__":
    main()
