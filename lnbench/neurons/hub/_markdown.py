"""Text from strangers' headers inside Markdown: shown as it is, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_LONGEST = 600


def code(text: str) -> str:
    """Any text as a code span of one line, which renders neither Markdown nor HTML; for table cells too.

    What is not printable (line breaks, control characters, marks that turn the direction of text) is shown as an
    escape; what is very long is cut.
    """
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    plain = plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3]}..."
    fence = "`" * (max(map(len, re.findall(r"`+", plain)), default=0) + 1)
    blank = " " if plain[:1] in ("`", " ", "") or plain[-1:] in ("`", " ") else ""
    return f"{fence}{blank}{plain}{blank}{fence}".replace("|", "\\|")


def table(rows: Iterable[Sequence[str]], right: bool = True) -> list[str]:
    """Lines of a Markdown table whose first row is the head; all columns but the first aligned to the right, if asked.

    Cells are taken as they are: what a stranger wrote comes through :func:`code`.
    """
    head, *body = rows
    rule = ["---", *(["---:" if right else "---"] * (len(head) - 1))]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *body)]
