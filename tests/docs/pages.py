"""Pages cut into blocks, and command blocks into commands.

Two comments that no reader sees may stand above a block: ``<!-- needs: hub -->`` names what this machine may lack (the
words are in :data:`tests.docs.world.NEEDS`), ``<!-- file: study.yaml -->`` says that the reader saves the block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Pages that are written by a command of ours, or hold no commands.
WRITTEN = ("docs/papers",)

_FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"<!-- (needs|file): ([^>]*?) -->")
_PROGRAMS = {"lnbench", "lm_eval", "make", "pip", "python", "python3.11", "git", "mkdir", "cp", "export", "accelerate"}
_PROGRAMS |= {"sbatch", "source", "cat", "hf", "ray", "printf"}
_SET = re.compile(r"[A-Z_]+=\S*")
_HERE = re.compile(r"<<'?(\w+)'?$")


@dataclass(frozen=True)
class Block:
    """Attributes:
    page: the page, from the root of the checkout.
    line: of its first line in the page.
    language: what stands behind the fence; empty for output and plain commands.
    text: what stands in it.
    needs: what it cannot run without.
    file: the name that the reader saves it under.
    """

    page: str
    line: int
    language: str
    text: str
    needs: tuple[str, ...] = ()
    file: str | None = None

    @property
    def commands(self) -> list[Command]:
        """The commands, where it is a block of commands."""
        if self.language not in ("", "bash", "sh", "console"):
            return []
        found = list(_commands(self))
        return found if found and is_command(found[0].text) else []


@dataclass(frozen=True)
class Command:
    """Attributes:
    text: as a shell reads it, lines joined.
    block: where it stands.
    line: its first line in the page.
    """

    text: str
    block: Block = field(repr=False)
    line: int

    @property
    def place(self) -> str:
        """Page and line, as in a test's name."""
        return f"{self.block.page}:{self.line}"

    @property
    def is_synopsis(self) -> bool:
        """Whether it has options in brackets: ``[--json]``, or stands for several: ``lape|ap``."""
        return " [-" in self.text


def pages() -> list[Path]:
    """README, CONTRIBUTING and every page of docs/ that is written by hand."""
    docs = sorted(path for path in (ROOT / "docs").rglob("*.md"))
    own = [path for path in docs if not path.relative_to(ROOT).as_posix().startswith(WRITTEN)]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *own]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [_block(page, text, match) for match in _FENCE.finditer(text)]


def _block(page: Path, text: str, match: re.Match[str]) -> Block:
    before = text[: match.start()].rstrip("\n").splitlines()
    marks: dict[str, str] = {}
    while before and (found := _MARK.fullmatch(before[-1].strip())):
        marks[found[1]] = found[2]
        before.pop()
    line = text.count("\n", 0, match.start()) + 2
    needs = tuple(marks.get("needs", "").replace(",", " ").split())
    return Block(page.relative_to(ROOT).as_posix(), line, match[1], match[2], needs, marks.get("file"))


def is_command(text: str) -> bool:
    """Whether a line begins with a program, after what is set for it."""
    words = text.split()
    while words and _SET.fullmatch(words[0]):
        words = words[1:]
    return not words or words[0].rpartition("/")[2] in _PROGRAMS


def _commands(block: Block):
    """Join continued lines and here-documents; leave comments out. Where lines have a ``$``, the others are output."""
    lines = block.text.splitlines()
    prompted = any(line.startswith("$ ") for line in lines)
    number = 0
    while number < len(lines):
        first, line = number, lines[number]
        number += 1
        if not line.strip() or line.lstrip().startswith("#") or (prompted and not line.startswith("$ ")):
            continue
        whole = line.removeprefix("$ ")
        while whole.rstrip().endswith("\\") and number < len(lines):
            whole = whole.rstrip()[:-1] + lines[number].strip()
            number += 1
        if here := _HERE.search(whole):
            while number < len(lines):
                whole += "\n" + lines[number]
                number += 1
                if lines[number - 1].strip() == here[1]:
                    break
        yield Command(whole.strip(), block, block.line + first)


def spans(page: Path) -> list[tuple[int, str]]:
    """Line and text of every command that stands in a sentence, as in `` `lnbench detect ap` ``."""
    text = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text(encoding="utf-8"))
    found = re.finditer(r"`((?:lnbench|lm_eval) [^`]+)`", text)
    return [(text.count("\n", 0, match.start()) + 1, match[1].replace("\n", " ")) for match in found]
