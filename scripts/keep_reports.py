"""Keep made reports among the docs: Markdown and pictures; the page, the numbers and the work stay in `build/`.

Run: `python -m scripts.keep_reports build/paper docs/papers` (`make paper` makes them first).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def keep(made: Path, docs: Path) -> None:
    """Replace what is kept of every report in `made`; files of the checkout are named from its root."""
    for report in sorted(made.glob("*/report.md")):
        folder = docs / report.parent.name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(report.parent / "images", folder / "images")
        text = report.read_text(encoding="utf-8")
        (folder / "report.md").write_text(text.replace(f"{ROOT}/", ""), encoding="utf-8")


def main() -> None:
    """Read the command line and copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("made", type=Path, help="folder of reports")
    parser.add_argument("docs", type=Path, help="where they are kept")
    arguments = parser.parse_args()
    keep(arguments.made, arguments.docs)


if __name__ == "__main__":
    main()
