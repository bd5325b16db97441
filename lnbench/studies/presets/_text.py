"""The presets of the LAPE paper: the perplexity matrix, steering, and the dose that it takes (Tang et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence

from lnbench.studies._sections import ABLATED, EXPECTED
from lnbench.studies.presets._preset import Keys, Preset, controlled

#: Steering is seen in what is answered to open questions, and what it costs in text of the language that is steered to.
_STEERED = ["open", "packed"]


def matrix(preset: Preset, _languages: Sequence[str]) -> Keys:
    """``lape-matrix``: perplexity of every language without the neurons of each."""
    return {"tasks": ["packed"], "conditions": controlled({"specific": {"op": "zero"}}, preset.seeds)}


def steering(preset: Preset, languages: Sequence[str]) -> Keys:
    """``lape-steering``: asked in one language, its neurons off, those of another at their mean on its own text."""
    entries = {f"to-{target}": _to(target, languages) for target in preset.targets or languages}
    return {"tasks": _STEERED, "conditions": controlled(entries, preset.seeds)}


def dose(preset: Preset, _languages: Sequence[str]) -> Keys:
    """``dose-response``: a language's neurons weakened step by step, or more and more of them off."""
    entries: dict[str, Keys] = {f"scale-{scale:g}": {"op": "scale", "value": scale} for scale in preset.scales}
    entries |= {f"top-{top}": {"op": "zero", "top": top} for top in preset.top}
    return {"tasks": ["xlsum"], "conditions": controlled(entries, preset.seeds)}


def steering_dose(preset: Preset, languages: Sequence[str]) -> Keys:
    """``steering-dose``: steering at several strengths, or with more and more neurons."""
    entries: dict[str, Keys] = {}
    for target in preset.targets or languages:
        entries |= {f"to-{target}-x{s:g}": _to(target, languages, f"{s:g}*") for s in preset.strengths}
        entries |= {f"to-{target}-top{top}": {**_to(target, languages), "top": top} for top in preset.top}
    return {"tasks": _STEERED, "conditions": controlled(entries, preset.seeds)}


def _to(target: str, languages: Sequence[str], strength: str = "") -> Keys:
    return {
        "steps": [{"op": "zero"}, {"lang": target, "op": "set", "value": f"{strength}mean:{target}"}],
        "expect": target,
        "ablate": [language for language in languages if language != target],
        "evaluate": [ABLATED, EXPECTED],
    }
