"""A study file as text: its values, and the line of every key, so that a refusal can point at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from pydantic import ValidationError

from lnbench import _yaml
from lnbench._paths import at_home, is_endless
from lnbench.errors import StudyError

#: Keys and list positions from the top of the file down to a value.
Where: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class StudyText:
    """A study file that is readable YAML.

    Attributes:
        path: the file.
        values: its keys, as safe YAML reads them.
        lines: the line (from 1) of every key and list item.
    """

    path: Path
    values: dict[str, Any]
    lines: dict[Where, int]

    @classmethod
    def read(cls, path: str | Path) -> StudyText:
        """Read and check that the file is a mapping in which no key stands twice.

        Raises:
            StudyError: it is missing, not UTF-8, not YAML, or not such a mapping; names file and line.
        """
        file = at_home(path)
        if is_endless(file):
            raise StudyError(f"the study file {str(file)!r} is a device or a pipe; name a file")
        try:
            text = file.read_text(encoding="utf-8")
            root, values = _yaml.read(text)
        except IsADirectoryError:
            raise StudyError(f"{str(file)!r} is a folder; name the study file, and its store with --out") from None
        except OSError as error:
            raise StudyError(f"cannot read the study file {str(file)!r}: {error.strerror}; check the path") from None
        except UnicodeDecodeError:
            raise StudyError(f"the study file {str(file)!r} is not UTF-8 text; save it as UTF-8 YAML") from None
        except _yaml.UnreadableYaml as error:
            line = f", line {error.line}" if error.line else ""
            raise StudyError(f"{file}{line}: not readable YAML ({error.problem}); correct it there") from None
        if not isinstance(values, dict):
            what = "is empty" if values is None else "is no mapping of keys to values"
            raise StudyError(f"{file} {what}; a study begins with keys such as name: and model:, see docs/studies.md")
        return cls(file, values, _lines(root, (), {}))

    def line(self, where: Where) -> int:
        """The line of ``where``, or of the nearest entry above it that stands in the file."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.lines:
                return self.lines[where[:length]]
        return 1

    def refusal(self, error: ValidationError) -> StudyError:
        """The first thing that is wrong, as one sentence with file and line."""
        found = [(detail["type"] == "missing", *self._told(detail)) for detail in error.errors()]
        _, line, sentence = min(found)
        return self.at(line, sentence)

    def at(self, line: int, sentence: str) -> StudyError:
        """A refusal that begins with file and line."""
        return StudyError(f"{self.path}, line {line}: {sentence}")

    def _told(self, detail: Any) -> tuple[int, str]:
        """Line and sentence of one of pydantic's errors."""
        where, kind, given = tuple(detail["loc"]), detail["type"], detail["input"]
        if kind == "missing":
            return self.line(where), f"the key {_dotted(where)!r} is missing; add it"
        if kind == "refused":
            return self.line((*where, *detail["ctx"]["where"])), str(detail["ctx"]["sentence"])
        what = f"a key of {_dotted(where[:-2])}" if where[-1:] == ("[key]",) else _dotted(self._in_file(where))
        remedy = _QUOTE.get(given, _CORRECT) if kind == "string_type" and isinstance(given, bool) else _CORRECT
        return self.line(where), f"{what} {str(detail['msg']).removeprefix('Input ')}, not {given!r}; {remedy}"

    def _in_file(self, where: Where) -> Where:
        """``where`` without what pydantic appends (the branch of a union)."""
        known = [length for length in range(len(where), 0, -1) if where[:length] in self.lines]
        return where[: known[0]] if known else where


_CORRECT = "correct it there"
_QUOTE = {
    False: "YAML reads an unquoted no, off or false so, and a code needs quotes, as in 'no'",
    True: "YAML reads an unquoted yes, on or true so, and a code needs quotes, as in 'on'",
}


def _dotted(where: Where) -> str:
    return ".".join(str(part) for part in where)


def _lines(node: yaml.Node | None, above: Where, lines: dict[Where, int]) -> dict[Where, int]:
    """Add the line of every key and item below ``node``."""
    for where, mark, child in _children(node, above):
        lines[where] = mark.line + 1
        _lines(child, where, lines)
    return lines


def _children(node: yaml.Node | None, above: Where) -> Iterator[tuple[Where, yaml.Mark, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*above, key.value if isinstance(key, yaml.ScalarNode) else "?"), key.start_mark, value
    elif isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            yield (*above, at), item.start_mark, item
