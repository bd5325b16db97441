"""A report: sections in a paper's order. It is written as Markdown with pictures beside it, and as one page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lnbench._write import make_folder, whole
from lnbench.analysis._finite import finite
from lnbench.analysis._section import Section
from lnbench.analysis.paper._markdown import markdown
from lnbench.analysis.paper._page import page
from lnbench.errors import OutputError

#: The files of a report, below its folder; the pictures are in ``images/``.
MARKDOWN, PAGE, NUMBERS = "report.md", "report.html", "report.json"
_PICTURE = re.compile(r"images/[\w.-]+\.png")


@dataclass(frozen=True)
class Report:
    """What is shown of a paper's experiments on one model.

    Attributes:
        title: a heading.
        intro: paragraphs of Markdown before the first section.
        sections: in the order of the paper.
        made_with: what decides the numbers, plain JSON; ``paper`` and ``model`` among it.
    """

    title: str
    intro: str
    sections: Sequence[Section]
    made_with: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The numbers of every section, by its key; what is no number is None."""
        sections = {one.key: {"title": one.title, **one.data} for one in self.sections}
        plain: dict[str, Any] = finite({"title": self.title, "made_with": dict(self.made_with), "sections": sections})
        return {**plain, "pictures": list(self.pictures())}

    def pictures(self) -> dict[str, bytes]:
        """The pictures of all sections, by the names of their files."""
        return {f"images/{picture.name}.png": picture.png for one in self.sections for picture in one.pictures}


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write a report as Markdown, as a page that needs nothing beside it, and as JSON.

    Args:
        folder: made when it is missing; pictures go to ``images/`` in it.

    Returns:
        The files that were written, the Markdown first. Pictures of an earlier report that this one lacks are gone.

    Raises:
        OutputError: a file cannot be written, or the folder holds the report of another paper or model.
    """
    check_report(folder, report.made_with)
    pictures, before = report.pictures(), _kept(folder).get("pictures", [])
    numbers = json.dumps(report.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    texts = {MARKDOWN: markdown(report.title, report.intro, report.sections), NUMBERS: numbers}
    texts[PAGE] = page(report.title, report.intro, report.sections)
    for name, content in {**pictures, **{name: text.encode() for name, text in texts.items()}}.items():
        path = folder / name
        make_folder(path.parent)
        with whole(path) as part:
            part.write_bytes(content)
    for name in before:
        if name not in pictures and _PICTURE.fullmatch(name):
            (folder / name).unlink(missing_ok=True)
    return [folder / name for name in (MARKDOWN, PAGE, NUMBERS, *pictures)]


def check_report(folder: Path, made_with: Mapping[str, Any]) -> None:
    """Refuse to write over the report of another paper or model.

    Raises:
        OutputError: the folder holds one.
    """
    before = _kept(folder).get("made_with", {})
    for name in ("paper", "model"):
        if before.get(name) not in (None, made_with.get(name)):
            raise OutputError(
                f"{str(folder)!r} holds the report of the {name} {before[name]!r}, not {made_with.get(name)!r}; "
                "name another folder with --out"
            )


def _kept(folder: Path) -> dict[str, Any]:
    """What a report that is there says of itself; nothing where there is none, or it is no report."""
    try:
        found = json.loads((folder / NUMBERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole_one = isinstance(found, dict) and isinstance(found.get("made_with"), dict)
    return found if whole_one and isinstance(found.get("pictures"), list) else {}
