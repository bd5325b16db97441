"""What the scripts that write a part of a page share: rows of Markdown tables, and ``--check``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path


def table_line(values: Iterable[str]) -> str:
    """One line of a Markdown table."""
    return "| " + " | ".join(values) + " |\n"


def write_or_check(script: str, doc: str | None, path: Path, updated: Callable[[str], str]) -> int:
    """Entry point of such a script; returns the exit code.

    Args:
        script: its name.
        doc: its docstring, whose first line ``--help`` shows.
        path: of the page.
        updated: from the page as it is to the page as it should be.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0] if doc else None)
    parser.add_argument("--check", action="store_true", help="fail when the page differs; write nothing")
    checking, page = parser.parse_args().check, path.read_text("utf-8")
    differs = updated(page) != page
    if differs and not checking:
        path.write_text(updated(page), encoding="utf-8")
    elif differs:
        print(f"docs/{path.name} differs from scripts/{script}.py", file=sys.stderr)
    return int(checking and differs)
