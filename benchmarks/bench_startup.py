"""How long a user waits for ``lnbench --help``, and every Python of the environment for the start-up hook."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

import _lnbench_autoload
from benchmarks._ratio import Ratio, ratio

#: What the start-up hook consists of, as it lies in site-packages.
HOOK = (Path(_lnbench_autoload.__file__), Path(__file__).parents[1] / "lnbench_autoload.pth")


def run(*, quick: bool) -> list[Ratio]:
    """Both sides are fresh processes; for the hook, of two environments that differ in its two files only."""
    with TemporaryDirectory(prefix="lnbench-bench-") as folder:
        bare, hooked = (_environment(Path(folder) / name) for name in ("bare", "hooked"))
        for file in HOOK:
            shutil.copy(file, next((hooked.parents[1] / "lib").glob("python*/site-packages")))
        hook = _hook(bare, hooked, runs=20 if quick else 200)
    return [hook, _help_page(runs=3 if quick else 15)]


def _environment(folder: Path) -> Path:
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def _hook(bare: Path, hooked: Path, runs: int) -> Ratio:
    return ratio(
        "`python -c pass` with the start-up hook",
        "without it",
        "< 0.001 s more",
        lambda _, extra: extra < 0.001,
        a=lambda: subprocess.run([hooked, "-c", "pass"], check=True),
        b=lambda: subprocess.run([bare, "-c", "pass"], check=True),
        runs=runs,
    )


def _help_page(runs: int) -> Ratio:
    help_page = [sys.executable, "-m", "lnbench", "--help"]
    nothing = [sys.executable, "-c", "pass"]
    return ratio(
        "`lnbench --help`",
        "`python -c pass`",
        "< 0.3 s more",
        lambda _, extra: extra < 0.3,
        a=lambda: subprocess.run(help_page, check=True, capture_output=True),
        b=lambda: subprocess.run(nothing, check=True, capture_output=True),
        runs=runs,
    )
