"""The long run: ``python -m tests.fuzz --inputs 200000``; ``make fuzz`` runs it for every parser, each in a process.

Recipes come from a seeded generator, whose cost beside a parser's is small, or with ``--engine atheris`` (which is to
be installed) from libFuzzer. A finding is printed with its smallest input and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

SEED = 20261120
_SHARED_MEMORY = Path("/dev/shm")  # where there is one, files are written to memory
_SLICE = 1_000
#: A parser that asks for more is told that there is no memory, which is then a finding.
_MOST_MEMORY = 4 * 2**30


class Run:
    """Inputs of one parser, counted, with the smallest input of every finding."""

    def __init__(self, name: str, folder: Path) -> None:
        from tests.fuzz.parsers import Bench, parsers

        self.name, self.folder, self.bench = name, folder, Bench(parsers()[name], folder)
        self.found: dict[str, tuple[str, bytes]] = {}
        self.inputs = 0

    def one(self, recipe: bytes) -> None:
        from tests.fuzz.recipes import damaged

        data = damaged(self.bench.form, recipe)
        self.inputs += 1
        if (found := self.bench.finding(data)) is not None:
            kept = self.found.get(found[0])
            if kept is None or len(data) < len(kept[1]):
                self.found[found[0]] = (found[1], data)


def recipes(seed: str) -> Any:
    """Endless recipes of one to five steps, half of them of one."""
    chance = random.Random(seed)
    while True:
        yield chance.randbytes(1 + 9 * chance.choice((1, 1, 1, 1, 2, 2, 3, 5)))


def seeded(run: Run, inputs: int, stop: Callable[[], bool]) -> None:
    for number, recipe in enumerate(recipes(f"{SEED} {run.name}"), 1):
        run.one(recipe)
        if number == inputs or (number % _SLICE == 0 and stop()):
            return


def guided(run: Run, inputs: int, stop: Callable[[], bool]) -> None:
    """libFuzzer gives back nothing: it ends the process, so the last input does that first, with the report."""
    import atheris  # type: ignore[import-not-found]

    started = time.process_time()

    def one(recipe: bytes) -> None:
        run.one(recipe)
        if run.inputs == inputs or (run.inputs % _SLICE == 0 and stop()):
            report(run, time.process_time() - started)
            shutil.rmtree(run.folder, ignore_errors=True)
            os._exit(1 if run.found else 0)

    atheris.Setup([sys.argv[0], "-max_len=64", "-timeout=60", "-rss_limit_mb=6000", "-print_final_stats=0"], one)
    atheris.Fuzz()


def covered(engine: str) -> Any:
    """A block whose imports of lnbench tell a guided engine which of their lines are reached."""
    if engine != "atheris":
        return nullcontext()
    import atheris

    return atheris.instrument_imports(include=["lnbench"], enable_loader_override=False)


def report(run: Run, seconds: float) -> None:
    print(f"| {date.today()} | {run.name} | {run.inputs:,} | {seconds:.0f} | {len(run.found)} |", flush=True)
    for name, (told, data) in sorted(run.found.items()):
        print(f"  FINDING {run.name}: {name}: {told}\n    {data[:600]!r} ({len(data)} bytes)", flush=True)


def one_parser(name: str, inputs: int, minutes: float, engine: str) -> int:
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    with ExitStack() as stack:
        place = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place, prefix="fuzz-")))
        with covered(engine):
            run = Run(name, folder)
        started, until = time.process_time(), time.monotonic() + 60 * minutes
        try:
            {"seeded": seeded, "atheris": guided}[engine](run, inputs, lambda: time.monotonic() > until)
        finally:
            report(run, time.process_time() - started)
    return 1 if run.found else 0


def all_parsers(arguments: argparse.Namespace) -> int:
    """Each in a process of its own, so that one that dies is a finding, too."""
    from tests.fuzz.parsers import parsers

    names = [name for name in parsers() if not arguments.only or any(word in name for word in arguments.only)]
    told = ["| date | parser | inputs | CPU seconds | findings |", "|---|---|---:|---:|---:|"]
    print("\n".join(told), flush=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for text in pool.map(lambda name: _in_process(name, arguments), names):
            print(text, flush=True)
            told.append(text)
            if arguments.log:
                arguments.log.write_text("\n".join(told) + "\n", encoding="utf-8")
    return 1 if any("FINDING" in text for text in told) else 0


def _in_process(name: str, arguments: argparse.Namespace) -> str:
    more = ["--inputs", str(arguments.inputs), "--minutes", str(arguments.minutes), "--engine", arguments.engine]
    command = [sys.executable, "-m", "tests.fuzz", "--parser", name, *more]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    told = done.returncode == 0 or (done.returncode == 1 and "FINDING" in done.stdout)
    return done.stdout.rstrip() + ("" if told else f"\n  FINDING {name}: the process died with {done.returncode}")


def main() -> int:
    parse = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parse.add_argument("only", nargs="*", help="parts of parsers' names; all when left out")
    parse.add_argument("--inputs", type=int, default=200_000)
    parse.add_argument("--minutes", type=float, default=600.0, help="at most so long for one parser")
    parse.add_argument("--engine", choices=("seeded", "atheris"), default="seeded")
    parse.add_argument("--jobs", type=int, default=1, help="parsers at a time")
    parse.add_argument("--log", type=Path, help="a file that gets the table, too")
    parse.add_argument("--parser", help="only this one, in this process")
    arguments = parse.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if arguments.parser:
        return one_parser(arguments.parser, arguments.inputs, arguments.minutes, arguments.engine)
    return all_parsers(arguments)


if __name__ == "__main__":
    sys.exit(main())
