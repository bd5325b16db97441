"""A section as text for a terminal, Markdown or LaTeX; its pictures are files of their own."""

from __future__ import annotations

from lnbench.analysis._grids import render_grids
from lnbench.analysis._section import Section

__all__ = ["render_section"]


def render_section(section: Section, form: str) -> str:
    """The title, its tables under their captions, and its text, in ``terminal``, ``markdown`` or ``latex``."""
    grids = [(table.caption, [list(table.header), *map(list, table.rows)]) for table in section.tables]
    return render_grids(section.title, grids, section.text.split("\n\n"), form)
