"""What was done in a condition, read from its spec: steering to a language, or a dose of ablation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lnbench.reporting.tables import Line

__all__ = ["Dose", "dose_of", "steer_of"]


@dataclass(frozen=True)
class Dose:
    """What a condition does to the neurons of one language, and to which it steers.

    Attributes:
        source: the language whose neurons are ablated.
        target: the language that is steered to; None where none is.
        strength: factor of the statistic that the target's neurons are set to, or without a target of the source's
            activations (``zero`` is 0).
        top: how many neurons of each language; None for all.
    """

    source: str
    target: str | None
    strength: float
    top: int | None


def steer_of(line: Line) -> Dose | None:
    """The dose of a condition that sets neurons of one other language and expects its text; None of all others."""
    spec = _spec(line)
    target = spec.get("expect")
    if not target or not line.ablated or line.ablated == target:
        return None
    for step in _steps(spec):
        found = str(step.get("value"))
        if step.get("op") in ("set", "add") and step.get("lang") == [target] and found.endswith(f":{target}"):
            factor = found.split("*", maxsplit=1)[0] if "*" in found else "1"
            return Dose(line.ablated, str(target), float(factor), spec.get("top"))
    return None


def dose_of(line: Line) -> Dose | None:
    """The dose of a condition that scales or zeroes one language's neurons and does nothing else."""
    spec, steps = _spec(line), _steps(_spec(line))
    other = set(spec) - {"steps", "lang", "top"}
    if len(steps) != 1 or other or not line.ablated or steps[0].get("op") not in ("zero", "scale"):
        return None
    strength = 0.0 if steps[0]["op"] == "zero" else float(steps[0]["value"])
    return Dose(line.ablated, None, strength, spec.get("top"))


def _spec(line: Line) -> Mapping[str, Any]:
    found = json.loads(line.what) if line.what else {}
    return found if isinstance(found, dict) else {}


def _steps(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [step for step in spec.get("steps") or [] if isinstance(step, dict)]
