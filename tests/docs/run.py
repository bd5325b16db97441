"""Run every command and every Python block of the pages, as a reader would, and print how long each took.

    python -m tests.docs.run                          # README and docs/, with this environment's commands
    python -m tests.docs.run --bin VENV/bin README.md docs/lens.md --out table.json

Each page has a folder of its own, in which its blocks run in order. Files that a page takes for granted are made,
what the embedded model can stand in for is replaced, and blocks marked ``needs:`` are left out (tests/docs/world.py).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.docs import parsing, world
from tests.docs.pages import ROOT, Block, Command, blocks, pages

_SHARED = ("examples", "neuron_sets", "tests/thin_model", "leaderboard", "expectations.yaml")
_SECONDS = 1800
#: Pages whose blocks are files of a checkout, which a test follows to the letter in a copy of one.
_FOLLOWED = {"extending.md": "tests/test_extending.py"}


@dataclass(frozen=True)
class Outcome:
    """Attributes:
    place: page and line.
    command: what was run.
    seconds: wall time.
    outcome: ``ok``, ``not run: ...`` or ``FAILED: ...``.
    """

    place: str
    command: str
    seconds: float
    outcome: str


class Reader:
    """One who works through a page.

    Attributes:
        folder: where it happens.
        environment: what the commands are given.
    """

    def __init__(self, page: Path, folder: Path, bin_folder: Path, has: frozenset[str]) -> None:
        self.page, self.folder, self.has = page, folder, has
        path = os.pathsep.join([str(bin_folder), os.environ.get("PATH", "")])
        self.environment = {**os.environ, "PATH": path, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"}
        self.python = bin_folder / "python"
        self.settings: list[str] = []
        self.session: subprocess.Popen[str] | None = None
        for name in _SHARED:
            if (ROOT / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
                copy(ROOT / name, folder / name)

    def work(self) -> Iterator[Outcome]:
        """Every block of the page, in order."""
        if self.page.name in _FOLLOWED:
            yield Outcome(
                f"docs/{self.page.name}:1", "", 0.0, f"not run: {_FOLLOWED[self.page.name]} follows this page"
            )
            return
        try:
            for block in blocks(self.page):
                yield from self.block(block)
        finally:
            if self.session is not None:
                self.session.terminate()

    def block(self, block: Block) -> Iterator[Outcome]:
        """What a block asks for."""
        if block.file is not None:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        lacking = [word for word in block.needs if word not in self.has]
        for command in block.commands:
            if lacking or command.is_synopsis:
                why = f"needs {', '.join(lacking)}" if lacking else "shows the options"
                yield Outcome(command.place, command.text, 0.0, f"not run: {why}")
            else:
                yield self.run(command)
        if block.language == "python":
            place = f"{block.page}:{block.line}"
            if lacking:
                yield Outcome(place, "(Python)", 0.0, f"not run: needs {', '.join(lacking)}")
            else:
                yield self.execute(place, block.text)

    def run(self, command: Command) -> Outcome:
        """One command, in a shell."""
        text = world.with_stand_ins(command.text)
        if re.match(r"(export )?[A-Z_]+=\S+(\s*#.*)?$", text):
            self.settings.append(text)
            return Outcome(command.place, text, 0.0, "ok")
        self._own(text)
        script = "\n".join([*self.settings, text])
        begin = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        seconds = time.monotonic() - begin
        return Outcome(
            command.place, text, round(seconds, 1), _judged(text, done.returncode, done.stdout + done.stderr)
        )

    def execute(self, place: str, code: str) -> Outcome:
        """One Python block, in the page's own process."""
        code = world.with_stand_ins(code)
        self._own(code)
        if self.session is None:
            self.session = subprocess.Popen(
                [str(self.python), str(ROOT / "tests/docs/session.py")],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self.session.stdin and self.session.stdout
        begin = time.monotonic()
        self.session.stdin.write(json.dumps(code) + "\n")
        self.session.stdin.flush()
        error = json.loads(self.session.stdout.readline() or '"the process ended"')
        seconds = round(time.monotonic() - begin, 1)
        last = error.strip().splitlines()[-1] if error else ""
        return Outcome(place, "(Python)", seconds, f"FAILED: {last}" if error else "ok")

    def _own(self, text: str) -> None:
        """Make the files that the reader is taken to have."""
        for name, make in world.OWN.items():
            path = self.folder / name
            if re.search(rf"(?<![\w./-]){re.escape(name)}", text) and not path.exists():
                if name == "my_data" and not os.environ.get("LNBENCH_TEST_DATA"):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                make(path)


def _judged(text: str, code: int, output: str) -> str:
    own = " ".join(parsing.words(text)[1:4]) if "lnbench" in text else ""
    allowed = [codes for command, codes in world.ENDS.items() if own.startswith(command)]
    if code == 0 or any(code in codes for codes in allowed):
        return "ok" if code == 0 else f"ok (exit code {code}, as its help says)"
    lines = [line for line in re.split(r"[\n\r]", output) if line.strip() and "it/s]" not in line] or ["no output"]
    said = [line for line in lines if re.match(r"(\w*\.)*\w*Error\b|error:", line)] or lines
    return f"FAILED with {code}: {said[-1][:300]}"


def main() -> None:
    """Work through the pages; exit code 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, help="README.md docs/lens.md ...; all when left out")
    parser.add_argument("--bin", type=Path, default=Path(sys.executable).parent, help="bin/ of the environment to try")
    parser.add_argument("--has", default="", help=f"what is here: {', '.join(world.NEEDS)}; joined by comma")
    parser.add_argument("--out", type=Path, help="write the table as JSON to this file")
    options = parser.parse_args()
    has = frozenset(filter(None, options.has.split(",")))
    outcomes: list[Outcome] = []
    for page in [(ROOT / one) for one in options.pages] or pages():
        with tempfile.TemporaryDirectory(prefix="lnbench-docs-") as folder:
            for outcome in Reader(page, Path(folder), options.bin.absolute(), has).work():
                print(
                    f"{outcome.seconds:7.1f} s  {outcome.place:32} {outcome.outcome:12} {outcome.command[:100]}",
                    flush=True,
                )
                outcomes.append(outcome)
                if options.out is not None:
                    options.out.write_text(json.dumps([asdict(one) for one in outcomes], indent=1), encoding="utf-8")
    failed = [one for one in outcomes if one.outcome.startswith("FAILED")]
    ran = [one for one in outcomes if not one.outcome.startswith("not run")]
    print(f"{len(ran)} of {len(outcomes)} ran in {sum(one.seconds for one in ran):.0f} s, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
