"""The presets of the LAPE paper: the perplexity matrix, steering, and the dose that it takes (Tang et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence

from lnbench.studies.presets._preset import Keys, Preset, controlled


def matrix(preset: Preset, _languages: Sequence[str]) -> Keys:
    return {"tasks": ["ppl"], "conditions": controlled({"specific": {"op": "zero"}}, preset.seeds)}


def steering(preset: Preset, languages: Sequence[str]) -> Keys:
    entries = {
        f"to-{target}": {
            "steps": [{"op": "zero"}, {"lang": target, "op": "set", "value": f"mean:{target}"}],
            "expect": target,
            "ablate": [language for language in languages if language != target],
        }
        for target in languages
    }
    return {"tasks": ["open"], "conditions": controlled(entries, preset.seeds)}


def dose(preset: Preset, _languages: Sequence[str]) -> Keys:
    entries = {f"scale-{scale:g}": {"op": "scale", "value": scale} for scale in preset.scales}
    return {"tasks": ["xlsum"], "conditions": controlled(entries, preset.seeds)}
