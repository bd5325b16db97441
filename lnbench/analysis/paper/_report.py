"""A report: sections in a paper's order. It is written as Markdown with pictures beside it, and as one page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lnbench._write import whole
from lnbench.analysis._section import Section
from lnbench.analysis.paper._markdown import markdown
from lnbench.analysis.paper._page import page

#: The files of a report, below its folder; the pictures are in ``images/``.
MARKDOWN, PAGE, NUMBERS = "report.md", "report.html", "report.json"


@dataclass(frozen=True)
class Report:
    """What is shown of a paper's experiments on one model.

    Attributes:
        title: a heading.
        intro: paragraphs of Markdown before the first section.
        sections: in the order of the paper.
    """

    title: str
    intro: str
    sections: Sequence[Section]

    def as_json(self) -> dict[str, Any]:
        """The numbers of every section, by its key."""
        return {"title": self.title, "sections": {one.key: {"title": one.title, **one.data} for one in self.sections}}


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write a report as Markdown, as a page that needs nothing beside it, and as JSON.

    Args:
        folder: made when it is missing; pictures go to ``images/`` in it.

    Returns:
        The files that were written, the Markdown first.

    Raises:
        OutputError: a file cannot be written.
    """
    pictures = {f"images/{picture.name}.png": picture.png for one in report.sections for picture in one.pictures}
    numbers = json.dumps(report.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    texts = {MARKDOWN: markdown(report.title, report.intro, report.sections), NUMBERS: numbers}
    texts[PAGE] = page(report.title, report.intro, report.sections)
    for name, content in {**pictures, **{name: text.encode() for name, text in texts.items()}}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_bytes(content)
    return [folder / name for name in (MARKDOWN, PAGE, NUMBERS, *pictures)]
