"""Small tables of ready words for a terminal, Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

__all__ = ["render_grids"]

_STYLES = {"terminal": "plain", "markdown": "github", "latex": "latex_booktabs"}


def render_grids(
    title: str, grids: Sequence[tuple[str, Sequence[Sequence[str]]]], told: Sequence[str], form: str
) -> str:
    """A title, tables with a heading each (header first), and sentences, in ``terminal``, ``markdown`` or ``latex``."""
    parts = [_heading(title, form)]
    for heading, rows in grids:
        escaped = [[_escaped(word, form) for word in row] for row in rows]
        table = tabulate(escaped, headers="firstrow", tablefmt=_STYLES[form], stralign="right", disable_numparse=True)
        parts += [_heading(heading, form), table] if heading else [table]
    parts.append("\n".join(_sentence(_escaped(sentence, form), form) for sentence in told))
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(text: str, form: str) -> str:
    plain = _escaped(text, form)
    return {"markdown": f"**{plain}**", "latex": f"% {plain}"}.get(form, plain)


def _sentence(text: str, form: str) -> str:
    return {"markdown": f"- {text}", "latex": f"% {text}"}.get(form, text)


def _escaped(text: str, form: str) -> str:
    """Names that come from files, made harmless; tabulate escapes what it puts into LaTeX tables itself."""
    plain = re.sub(r"\s+", " ", text) if form != "terminal" else text
    if form == "markdown":
        plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return re.sub(r"([\\`*_|~#])", r"\\\1", plain)
    return "".join(c if c.isprintable() else "\ufffd" for c in plain)
