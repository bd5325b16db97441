"""Every parser of files from outside, each with valid files to start from and what a refusal must name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzz.formats import Format


def _nothing(folder: Path) -> None:
    pass


@dataclass(frozen=True)
class Parser:
    """Attributes:
    name: of the parser, for the log.
    file: what the hostile file is called, below the folder that `prepare` was given.
    form: made when it is needed, for some need torch.
    parse: reads the file and gives a valid value, or raises an LnbenchError.
    named: what a refusal names; the file's own name when left out.
    prepare: writes what lies beside the file.
    """

    name: str
    file: str
    form: Callable[[], Format]
    parse: Callable[[Path], Any]
    named: str | None = None
    prepare: Callable[[Path], None] = _nothing

    @property
    def says(self) -> str:
        return Path(self.file).name if self.named is None else self.named


@cache
def parsers() -> dict[str, Parser]:
    from tests.fuzz import data_files, neuron_files, result_files, spec_files, tensor_files

    every: list[Iterator[Parser]] = [
        module.parsers() for module in (neuron_files, tensor_files, spec_files, result_files, data_files)
    ]
    return {parser.name: parser for found in every for parser in found}


class Bench:
    """One parser, ready to be given hostile files."""

    def __init__(self, parser: Parser, folder: Path) -> None:
        from tests.fuzz import guard

        self.parser, self.path = parser, folder / parser.file
        self.path.parent.mkdir(parents=True, exist_ok=True)
        parser.prepare(folder)
        self.form = parser.form()
        for seed in self.form.seeds:  # the valid ones are valid; and what is imported late is imported now
            self.path.write_bytes(seed)
            parser.parse(self.path)
        guard.watch()

    def finding(self, data: bytes) -> tuple[str, str] | None:
        from tests.fuzz import guard

        self.path.write_bytes(data)
        return guard.finding(self.parser.parse, self.path, self.parser.says)
