"""How long a user waits for ``lnbench --help``, and every Python of the environment for the start-up hook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import _lnbench_autoload
from benchmarks._ratio import Ratio, ratio


def run(*, quick: bool) -> list[Ratio]:
    """Both sides are fresh processes of the same interpreter."""
    help_page = [sys.executable, "-m", "lnbench", "--help"]
    nothing = [sys.executable, "-c", "pass"]
    # Without `site` no .pth file runs, so that one side has the hook's line and the other its folder only.
    path = f"import sys; sys.path.append({str(Path(_lnbench_autoload.__file__).parent)!r}); "
    hooked = [sys.executable, "-S", "-c", path + "import _lnbench_autoload; _lnbench_autoload.install()"]
    bare = [sys.executable, "-S", "-c", path]
    return [
        ratio(
            "start of Python with the hook",
            "without it",
            "< 0.001 s more",
            lambda _, extra: extra < 0.001,
            a=lambda: subprocess.run(hooked, check=True),
            b=lambda: subprocess.run(bare, check=True),
            runs=20 if quick else 200,
        ),
        ratio(
            "`lnbench --help`",
            "`python -c pass`",
            "< 0.3 s more",
            lambda _, extra: extra < 0.3,
            a=lambda: subprocess.run(help_page, check=True, capture_output=True),
            b=lambda: subprocess.run(nothing, check=True, capture_output=True),
            runs=3 if quick else 15,
        ),
    ]
