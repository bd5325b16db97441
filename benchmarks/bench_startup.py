"""How long a user waits for ``lnbench --help``."""

from __future__ import annotations

import subprocess
import sys

from benchmarks._ratio import Ratio, ratio


def run(*, quick: bool) -> list[Ratio]:
    """One row; both sides are fresh processes of the same interpreter."""
    help_page = [sys.executable, "-m", "lnbench", "--help"]
    nothing = [sys.executable, "-c", "pass"]
    return [
        ratio(
            "`lnbench --help`",
            "`python -c pass`",
            "< 0.3 s more",
            lambda _, extra: extra < 0.3,
            a=lambda: subprocess.run(help_page, check=True, capture_output=True),
            b=lambda: subprocess.run(nothing, check=True, capture_output=True),
            runs=3 if quick else 15,
        )
    ]
