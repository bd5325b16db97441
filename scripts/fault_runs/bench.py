"""A command in its working folder, undisturbed and disturbed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.fault_runs.commands import Command
from scripts.fault_runs.processes import Job, Zygote


@dataclass(frozen=True)
class Calm:
    """What an undisturbed run is like.

    Attributes:
        result: of the command.
        writes, passes: changes to files and forward passes of its first process, the one that is disturbed.
        size: bytes of its output.
    """

    result: Any
    writes: int
    passes: int
    size: int


@dataclass
class Outcome:
    """How a command under a fault ended.

    Attributes:
        codes: of the processes under the fault.
        said: the last line on stderr.
        wrong: what is not as it should be; empty where all is well.
    """

    codes: list[int] = field(default_factory=list)
    said: str = ""
    wrong: list[str] = field(default_factory=list)


class Bench:
    """A command with its working folder."""

    def __init__(self, zygote: Zygote, command: Command, root: Path) -> None:
        self.zygote, self.command, self.folder = zygote, command, root
        self.out = root / "out"

    def fresh(self) -> None:
        """An empty working folder with the command's inputs."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.out.mkdir(parents=True)
        for said in self.folder.parent.glob("stderr*"):
            said.unlink()  # a process that does not run says nothing
        self.command.inputs(self.folder)

    def jobs(self, **about: Any) -> Iterator[Job]:
        """The command's processes."""
        for at, argv in enumerate(self.command.argv):
            files = {name: str(self.folder.parent / f"{name}{at}") for name in ("stdout", "stderr")}
            yield Job(argv, str(self.folder), **{**files, **about})

    def run(self, **about: Any) -> list[int]:
        """Run it; the exit codes of its processes."""
        return [self.zygote.run(job) for job in self.jobs(**about)]

    def stderr(self) -> str:
        """What its processes said."""
        files = sorted(self.folder.parent.glob("stderr*"))
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def calm(self) -> Calm:
        """Run it undisturbed.

        Raises:
            RuntimeError: it failed.
        """
        self.fresh()
        counts = []
        for job in self.jobs(injection={"count": str(self._count)}):
            if self.zygote.run(job):
                raise RuntimeError(f"{self.command.name}: {self.stderr()[-2000:]}")
            counts.append(self._counted())
        size = sum(path.stat().st_size for path in self.out.rglob("*") if path.is_file())
        return Calm(self.command.result(self.folder), *counts[0], size)

    def disturbed(self, **injection: Any) -> int:
        """Disturb its first process; the exit code.

        Raises:
            RuntimeError: it ended well before its moment came.
        """
        self._count.unlink(missing_ok=True)
        code = self.zygote.run(next(self.jobs(injection={**injection, "count": str(self._count)})))
        for where, seen in zip(("write", "forward"), self._counted() if code == 0 else (), strict=False):
            if seen < injection.get(where, 0):
                raise RuntimeError(f"never reached: {where} {injection[where]} of {seen}")
        return code

    @property
    def _count(self) -> Path:
        return self.folder.parent / "count"

    def _counted(self) -> tuple[int, int]:
        writes, passes = map(int, self._count.read_text(encoding="ascii").split())
        return writes, passes

    def kept(self) -> dict[Path, tuple[int, bytes]]:
        """The finished parts, as they are on the disk."""
        found = self.folder.glob(self.command.kept) if self.command.kept else []
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}

    def left_over(self) -> list[str]:
        """Files that only a process at work may have."""
        odd = (".partial", ".tmp")
        return [str(p.relative_to(self.folder)) for p in self.out.rglob("*") if p.suffix in odd or ".tmp" in p.name]
