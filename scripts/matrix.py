"""The tests on the oldest and the newest libraries that ``pyproject.toml`` admits, an environment for each column.

    python -m scripts.matrix [COLUMN ...] [-- what pytest takes]

``make test-matrix`` runs it. It needs nothing but Python: every column gets an environment below ``.venv-matrix``,
made again when its constraints or the ranges change. The output of a column is kept in ``.venv-matrix/COLUMN.log``,
and one table of all columns comes at the end. The exit code is 1 when anything failed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".venv-matrix"
#: The libraries whose versions the table shows.
SHOWN = ("lm_eval", "transformers", "datasets", "torch", "numpy")
#: What decides whether an environment is still the right one, beside its column.
_FILES = ("pyproject.toml", "_lnbench_autoload.py", "lnbench_autoload.pth")
_EXTRAS = "[dev,peft,lid,segment,ray]"


@dataclass(frozen=True)
class Column:
    """One combination of versions.

    Attributes:
        about: what it stands for, in words.
        constraints: the file of versions.
        torch: its version, apart from the others: a build for CPUs is not to be had of each.
        python: the interpreter's minor version, as ``3.10``; None for the one that runs this.
    """

    about: str
    constraints: str
    torch: str = "2.13.0"
    python: str | None = None


#: Run by default, in this order.
COLUMNS = {
    "oldest": Column("the oldest of every library", "constraints-oldest.txt"),
    "pinned": Column("what `make test` runs on", "constraints.txt"),
    "newest": Column("the newest of every library", "constraints-newest.txt"),
}
#: Run when they are named: other Pythons, for which the usual build of torch brings gigabytes for CUDA.
ON_REQUEST = {
    "python310": Column("the oldest Python and torch too", "constraints-oldest.txt", "2.7.0", "3.10"),
    "python313": Column("the newest Python", "constraints.txt", python="3.13"),
}


@dataclass(frozen=True)
class Outcome:
    """What came of a column.

    Attributes:
        versions: of Python and of :data:`SHOWN`.
        counts: tests by what came of them; empty where the column could not be installed or pytest did not start.
        failed: the names of the tests that failed.
        seconds: that the tests took.
    """

    versions: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether tests ran and none failed."""
        return bool(self.counts.get("passed")) and not self.failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the columns, print the table, give back the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    at = given.index("--") if "--" in given else len(given)
    names, pytest_arguments = _parsed(given[:at]), given[at + 1 :]
    outcomes = {name: run(name, COLUMNS.get(name) or ON_REQUEST[name], pytest_arguments) for name in names}
    print("\n" + table(outcomes))
    return 0 if all(outcome.good for outcome in outcomes.values()) else 1


def _parsed(given: Sequence[str]) -> list[str]:
    known = {**COLUMNS, **ON_REQUEST}
    parser = argparse.ArgumentParser(prog="python -m scripts.matrix", description=__doc__.split("\n", 1)[0])
    columns = "; ".join(f"{name}: {column.about}" for name, column in known.items())
    parser.add_argument("columns", nargs="*", metavar="COLUMN", choices=[[], *known], help=columns)
    return parser.parse_args(given).columns or list(COLUMNS)


def run(name: str, column: Column, pytest_arguments: Sequence[str]) -> Outcome:
    """Make the environment of a column where it is not there yet, and run the tests in it."""
    HOME.mkdir(exist_ok=True)
    print(f"== {name}: {column.about} ({column.constraints})", flush=True)
    interpreter = _interpreter(column)
    if interpreter is None:
        print(f"error: there is no python{column.python}; install Python {column.python}", file=sys.stderr)
        return Outcome()
    if not _installed(name, column, interpreter):
        print(f"error: the versions of {column.constraints} cannot be installed; pip says why above", file=sys.stderr)
        return Outcome()
    report = HOME / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [str(_python(name)), "-m", "pytest", *pytest_arguments, f"--junitxml={report}"]
    _kept(command, HOME / f"{name}.log")
    return _outcome(_versions(name), report)


def _interpreter(column: Column) -> str | None:
    return sys.executable if column.python is None else shutil.which(f"python{column.python}")


def _python(name: str) -> Path:
    return HOME / name / "bin" / "python"


def _installed(name: str, column: Column, interpreter: str) -> bool:
    """Whether the environment is there and holds what the column asks for now."""
    stamp, wanted = HOME / name / ".installed", _fingerprint(column, interpreter)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return True
    pip = [str(_python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lnbench = ["-c", column.constraints, f"torch=={column.torch}", "--editable", f".{_EXTRAS}"]
    steps = ([interpreter, "-m", "venv", "--clear", str(HOME / name)], [*pip, *lnbench])
    if any(subprocess.run(step, cwd=ROOT, check=False).returncode for step in steps):
        return False
    stamp.write_text(wanted, encoding="utf-8")
    return True


def _fingerprint(column: Column, interpreter: str) -> str:
    contents = [(ROOT / file).read_bytes() for file in (*_FILES, column.constraints)]
    return hashlib.sha256(b"\0".join([*contents, repr(column).encode(), interpreter.encode()])).hexdigest()


def _kept(command: Sequence[str], log: Path) -> None:
    """Run a command, showing what it writes and keeping it in a file."""
    with (
        log.open("wb") as file,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
    ):
        while piece := process.stdout.read1() if process.stdout else b"":  # type: ignore[attr-defined]
            file.write(piece)
            sys.stdout.buffer.write(piece)
            sys.stdout.flush()


def _versions(name: str) -> dict[str, str]:
    code = (
        "import json, platform; from importlib.metadata import version;"
        f"print(json.dumps({{'python': platform.python_version(), **{{n: version(n) for n in {SHOWN!r}}}}}))"
    )
    found = subprocess.run([_python(name), "-c", code], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(found.stdout)
    return versions


def _outcome(versions: dict[str, str], report: Path) -> Outcome:
    """What pytest's report says; nothing was counted where it wrote none."""
    if not report.is_file():
        return Outcome(versions)
    suites = ElementTree.parse(report).getroot().findall("testsuite")  # noqa: S314  # pytest wrote it a moment ago
    cases = [case for suite in suites for case in suite.findall("testcase")]
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    counts = {"passed": len(cases) - len(bad) - skipped, "failed": len(bad), "skipped": skipped}
    names = tuple(f"{case.get('classname')}::{case.get('name')}" for case in bad)
    return Outcome(versions, counts, names, sum(float(suite.get("time", 0)) for suite in suites))


def table(outcomes: dict[str, Outcome]) -> str:
    """One row per column: versions, counts and time; below it the tests that failed, by name."""
    titles = ("column", "python", *SHOWN, "passed", "failed", "skipped", "minutes")
    rows = [titles, *(_row(name, outcome) for name, outcome in outcomes.items())]
    widths = [max(len(row[at]) for row in rows) for at in range(len(titles))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{name}: {test}" for name, outcome in outcomes.items() for test in outcome.failed]
    return "\n".join(lines)


def _row(name: str, outcome: Outcome) -> tuple[str, ...]:
    versions = [outcome.versions.get(library, "-") for library in ("python", *SHOWN)]
    if not outcome.counts:
        return (name, *versions, "did not run", "-", "-", "-")
    counts = [str(outcome.counts[kind]) for kind in ("passed", "failed", "skipped")]
    return (name, *versions, *counts, f"{outcome.seconds / 60:.1f}")


if __name__ == "__main__":
    sys.exit(main())
