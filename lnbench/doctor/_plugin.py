"""Whether the stock ``lm_eval`` command knows lnbench, and whether it is the one of this environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from lnbench.doctor._report import Part

#: Run by a fresh interpreter, as lm-eval's own command would be: this process may have registered lnbench by itself.
_PROBE = """
import json, sys
from importlib import metadata
kinds = [type(one) for one in sys.meta_path]
hook = any(kind.__module__ == "_lnbench_autoload" or kind.__name__ == "LnbenchAutoload" for kind in kinds)
import lm_eval.models, lm_eval.api.registry as registry
there = "lnbench" in registry.model_registry
points = any(one.name == "lnbench" for one in metadata.entry_points(group="lm_eval.models"))
reads = hasattr(registry, "load_plugins")
print(json.dumps({"hook": hook, "registered": there, "entry_point": points, "reads_entry_points": reads}))
"""
_SECONDS = 60


def plugin() -> Part:
    """How ``lm_eval --model lnbench`` gets to know lnbench here."""
    switch = os.environ.get("LNBENCH_AUTOLOAD")
    part = Part(
        "lm-eval plug-in", {"LNBENCH_AUTOLOAD": switch or "-", "lm_eval": shutil.which("lm_eval") or "not on the PATH"}
    )
    _other_environment(part)
    found = _asked()
    if isinstance(found, str):
        part.facts["registered"] = "unknown"
        part.wrong(f"lm-eval cannot be imported ({found}); run `pip install 'lm_eval[hf]>=0.4.12'`", needed=True)
        return part
    part.facts["start-up file"] = "at work" if found["hook"] else "not at work"
    part.facts["entry points"] = "read by this lm-eval" if found["reads_entry_points"] else "not read by this lm-eval"
    by_entry = found["reads_entry_points"] and found["entry_point"]
    part.facts["registered"] = "yes" if found["registered"] or by_entry else "no"
    if part.facts["registered"] == "no":
        part.wrong(_remedy(switch), needed=switch != "0")
    return part


def _remedy(switch: str | None) -> str:
    instead = "or run `lnbench eval ...`, which needs neither"
    if switch == "0":
        return f"LNBENCH_AUTOLOAD=0 keeps `lm_eval --model lnbench` from working; unset it, {instead}"
    return (
        "`lm_eval --model lnbench` does not work, because the start-up file lnbench_autoload.pth is not in this "
        f"environment's site-packages; run `pip install --force-reinstall --no-deps lnbench` there, {instead}"
    )


def _asked() -> dict[str, Any] | str:
    """What the fresh interpreter says, or the last line of its trouble."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it took more than {_SECONDS} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no message"])[-1]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _other_environment(part: Part) -> None:
    """A command of another environment is the most common reason why it does not know lnbench."""
    found, own = shutil.which("lm_eval"), Path(sys.executable).parent
    if found is None:
        part.wrong(f"there is no lm_eval on the PATH; activate the environment, or write {own / 'lm_eval'}")
    elif Path(found).parent != own:
        part.wrong(f"lm_eval on the PATH is {found}, of another environment than lnbench's; write {own / 'lm_eval'}")
