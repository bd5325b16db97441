"""A report as one HTML page that needs no network: pictures inside, everything escaped, no script at all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench.analysis._section import Picture, Section

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"


def page(title: str, intro: str, sections: Sequence[Section]) -> str:
    """The whole page; the same sections give the same text."""
    from markupsafe import Markup

    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    template = _environment().get_template("report.html.j2")
    text = template.render(
        title=title,
        intro=intro,
        sections=sections,
        style=Markup(style),  # noqa: S704 - our own file
        policy=_policy(style),
    )
    return text.encode("utf-8", "replace").decode("utf-8")


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


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
    made.filters |= {"prose": _prose, "source": _source}
    return made


@cache
def _reader() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("js-default", {"html": False, "linkify": False})  # text that looks like HTML stays text


def _prose(text: str) -> Markup:
    """Markdown prose as HTML."""
    from markupsafe import Markup

    return Markup(_reader().render(text))  # noqa: S704 - markdown-it escapes all else


def _source(picture: Picture) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.png).decode()}"
