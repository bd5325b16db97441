"""Presets: the papers' tables as study keys. A preset fills in what the study file leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lnbench.studies.presets import _text, _tuning, _workflow
from lnbench.studies.presets._preset import Fill, Preset

#: name -> the study keys that it stands for, given its parameters and the languages of the study
PRESETS: dict[str, Fill] = {
    "plnd-xlsum": _workflow.xlsum,
    "plnd-blocks": _workflow.blocks,
    "plnd-sweep": _workflow.sweep,
    "plnd-without-english": _workflow.without_english,
    "plnd-tuning": _tuning.tuning,
    "lape-matrix": _text.matrix,
    "lape-steering": _text.steering,
    "dose-response": _text.dose,
    "steering-dose": _text.steering_dose,
}

__all__ = ["PRESETS", "Preset", "with_preset"]


def with_preset(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of a study file and, for those that it leaves out, its preset's.

    Conditions of both are joined; the file's own win where a label is in both. A preset that cannot be read is left
    for the validation of its own keys to refuse.
    """
    try:
        preset = Preset.model_validate(given["preset"])
    except ValidationError:
        return given
    languages, own = given.get("languages"), given.get("conditions", {})
    filled = PRESETS[preset.name](preset, languages if isinstance(languages, list) else [])
    conditions = {**filled["conditions"], **own} if isinstance(own, Mapping) else own
    return {**filled, **given, "conditions": conditions}
