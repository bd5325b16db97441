"""Fresh virtual environments, for tests of what a user has after `pip install`."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Environment:
    """A fresh virtual environment that sees this one's packages, but neither its lnbench nor its start-up files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.python = folder, folder / "bin/python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        (self.site / "zz_outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self._script("lm_eval", "lm_eval.__main__", "cli_evaluate")

    @property
    def site(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"))

    def _script(self, name: str, module: str, function: str) -> None:
        """The console script that pip would write for a package that is installed here."""
        script = self.folder / "bin" / name
        script.write_text(f"#!{self.python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
        script.chmod(0o755)

    def install(self, *what: str) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self.folder), "install", "--quiet"]
        alone = ["--ignore-installed", "--no-deps"]  # an lnbench in the outer environment is not ours to replace
        subprocess.run([*pip, *alone, "--no-index", "--no-build-isolation", *what], check=True)

    def run(self, *command: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            env={**os.environ, "PYTHONPATH": "", **environment},
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


def build_wheel(folder: Path) -> Path:
    """Build lnbench's wheel into ``folder``."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("lnbench-*.whl"))
