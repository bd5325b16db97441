"""The static page: one HTML file that needs no network and trusts nothing that a model or a file said.

Everything is escaped by the template; data for the script stand in a JSON block that cannot end its element; and a
content-security policy allows only the one script and the one style by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench.reporting.page._draw import draw_bars, draw_dose, draw_heat, draw_layers
from lnbench.reporting.page._scene import Scene
from lnbench.reporting.page._sections import Section, sections_of
from lnbench.reporting.page._series import bars_of, dose_of, heats_of
from lnbench.reporting.page._shown import Board, Shown
from lnbench.reporting.page._summary import summaries_of
from lnbench.reporting.tables import QUESTION

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["json_block", "page"]

_TEMPLATES = Path(__file__).parent / "templates"


def page(board: Board) -> str:
    """The whole page; the same board gives the same text."""
    from markupsafe import Markup

    style, script = (_source(name) for name in ("page.css", "page.js"))
    sections = list(sections_of(board))
    template = _environment().get_template("page.html.j2")
    text = template.render(
        board=board,
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704
        sections=sections,
        question=QUESTION,
        summaries=summaries_of(sections),
        figures={section.id: list(_figures(section)) for section in sections},
        layers=[(shown, draw_layers(shown.layers)) for shown in board.shown if shown.layers],
        choices=_choices(sections),
        data=json_block(list(_samples(board.shown))),
        samples=sum(len(shown.samples) for shown in board.shown),
    )
    # Halves of surrogate pairs cannot be written; they come from damaged model output.
    return text.encode("utf-8", "replace").decode("utf-8")


def json_block(value: Any) -> Markup:
    """JSON for a ``<script type="application/json">``: no character in it can end the element or begin a comment."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - just made harmless


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["signs"] = _signs
    return made


def _signs(text: str) -> str:
    """Minus signs as wide as plus signs, before digits alone; a dash where there is no number. Not yet escaped."""
    return "\u2013" if text == "-" else re.sub(r"(^|[\s\[(,])-(?=\d)", "\\1\u2212", text)


def _figures(section: Section) -> Iterator[Scene]:
    table, unit = section.table, section.unit
    for heat in heats_of(table):
        if heat.condition in ("random", "specific") or len(heats_of(table)) <= 3:
            yield draw_heat(heat, unit)
    bars = bars_of(table)
    if bars is not None:
        yield draw_bars(bars, section.absolute)
    dose = dose_of(table, section.shown.doses)
    if dose is not None:
        yield draw_dose(dose, section.absolute)


def _choices(sections: Sequence[Section]) -> dict[str, list[str]]:
    """What the filters offer, in the order of the page."""
    rows = [row for section in sections for row in section.table.rows]
    found = {
        "model": [section.table.model for section in sections],
        "task": [section.table.dataset for section in sections],
        "language": [code for section in sections for code in section.table.languages],
        "condition": [row.condition for row in rows],
        "ablated": [row.ablated for row in rows if row.ablated],
    }
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def _samples(shown: Sequence[Shown]) -> Iterator[dict[str, Any]]:
    for one in shown:
        for sample in one.samples:
            yield {"name": one.name, "model": one.model, **asdict(sample)}
