"""The preset of neuron-specific tuning: before and after, on all tasks (Zhao et al. 2024, section 4.4)."""

from __future__ import annotations

from collections.abc import Sequence

from lnbench.studies._sections import refused
from lnbench.studies.presets._preset import FOUR, Keys, Preset

#: How many seeds ``lnbench tune`` runs when nothing is said.
SEEDS = 3


def tuning(preset: Preset, _languages: Sequence[str]) -> Keys:
    """``plnd-tuning``: the original, and every delta that ``lnbench tune`` wrote, found by its name.

    A place is all files of one condition and number of documents; their seeds are its draws.
    """
    if preset.deltas is None or not preset.tuned:
        missing = "deltas, the folder that `lnbench tune` wrote" if preset.deltas is None else "tuned, as in [sw]"
        raise refused(f"preset plnd-tuning needs {missing}; add it to preset", "preset")
    conditions: Keys = {"original": {}}
    seeds = preset.seeds if "seeds" in preset.model_fields_set else SEEDS
    for documents in preset.documents:
        for condition in preset.kinds:
            name = f"{preset.deltas.rstrip('/')}/{{lang}}-{condition}-{documents}-seed{{seed}}.safetensors"
            entry = {"delta": name, "seeds": seeds, "ablate": list(preset.tuned)}
            conditions[f"tuned-{condition}-{documents}"] = entry
    return {"tasks": FOUR, "conditions": conditions}
