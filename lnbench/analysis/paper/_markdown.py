"""A report as Markdown, as a repository shows it. Cells of tables are plain words: nothing in them is markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lnbench.analysis._section import Section, ShownTable

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&])")


def markdown(title: str, intro: str, sections: Sequence[Section]) -> str:
    """The whole report, with pictures as links to ``images/``."""
    blocks = [f"# {plain(title)}", intro.strip()]
    for section in sections:
        blocks += _section(section)
    return "\n\n".join(block for block in blocks if block) + "\n"


def plain(text: str) -> str:
    """A text of which Markdown makes that text again, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _section(section: Section) -> Iterator[str]:
    yield f"## {plain(section.title)}"
    yield section.text.strip()
    for table in section.tables:
        yield f"*{plain(table.caption)}*"
        yield _table(table)
    for picture in section.pictures:
        yield f"![{plain(picture.alt)}](images/{picture.name}.png)"


def _table(table: ShownTable) -> str:
    lines = [table.header, ["---"] * len(table.header), *table.rows]
    rows = [[cell if at == 1 else plain(cell) for cell in line] for at, line in enumerate(lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
