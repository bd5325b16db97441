"""Write the table of ``docs/languages.md`` from the language table.

    python -m scripts.make_languages_page [--check]

The page is committed. ``--check`` writes nothing and fails when its table differs from what would be written.
"""

from __future__ import annotations

from pathlib import Path

from lnbench.identification import identifier
from lnbench.languages import DATASETS, LANGUAGES, Language, fold
from scripts.page import table_line, write_or_check

PAGE = Path(__file__).resolve().parents[1] / "docs" / "languages.md"
BEGIN, END = "<!-- table: written by scripts/make_languages_page.py -->\n", "<!-- end of table -->\n"
TITLES = ("code", "language", "native name", "script", "words", "identified", "mgsm", "xquad", "xcsqa", "xlsum", "lcb")


def table() -> str:
    """The table in Markdown, one line per row of the language table."""
    known = identifier("py3langid").languages
    lines = [table_line(TITLES), table_line("---" for _ in TITLES)]
    return "".join(lines + [_line(row, fold(row.code) in known) for row in LANGUAGES.values()])


def _line(row: Language, identified: bool) -> str:
    words = "spaces" if row.spaced else (row.segmenter or "no spaces")
    names = (getattr(row, dataset) or "" for dataset in DATASETS)
    return table_line(
        (f"`{row.code}`", row.english, row.native, row.script, words, "yes" if identified else "no", *names)
    )


def updated(page: str) -> str:
    """``page`` with the table between its two marks written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def main() -> int:
    """Entry point; returns the exit code."""
    return write_or_check("make_languages_page", __doc__, PAGE, updated)


if __name__ == "__main__":
    raise SystemExit(main())
