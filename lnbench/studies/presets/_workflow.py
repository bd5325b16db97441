"""The presets of the multilingual workflow: blocks of layers deactivated, structure by structure (Zhao et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from lnbench.studies._sections import refused
from lnbench.studies.presets._preset import BLOCKS, FOUR, Keys, Preset, controlled

#: Feed-forward and attention sites, apart and together.
STRUCTURES: dict[str, list[str]] = {"attn": ["attn"], "ffn": ["ffn"], "both": ["attn", "ffn"]}


def xlsum(preset: Preset, _languages: Sequence[str]) -> Keys:
    """``plnd-xlsum``: all of a language's neurons, on the summaries of its four languages."""
    conditions = controlled({"specific": {"op": "zero"}}, preset.seeds)
    return {"languages": ["fr", "zh", "es", "ru"], "tasks": ["xlsum"], "conditions": conditions}


def blocks(preset: Preset, _languages: Sequence[str]) -> Keys:
    n1, n2 = _numbers(preset, "n1"), _numbers(preset, "n2")
    if len(n1) != 1 or len(n2) != 1:
        raise refused(f"plnd-blocks takes one n1 and one n2, not {n1} and {n2}; use plnd-sweep for several", "preset")
    entries = {
        f"{block}-{structure}": {"op": "zero", "layers": block, "sites": sites, "n1": n1[0], "n2": n2[0]}
        for block, (structure, sites) in product(BLOCKS, STRUCTURES.items())
    }
    return {"tasks": FOUR, "conditions": controlled(entries, preset.seeds)}


def sweep(preset: Preset, _languages: Sequence[str]) -> Keys:
    entries = {
        f"{preset.block}-{n1}-{n2}": {"op": "zero", "layers": preset.block, "n1": n1, "n2": n2}
        for n1, n2 in product(_numbers(preset, "n1"), _numbers(preset, "n2"))
    }
    return {"tasks": FOUR, "conditions": controlled(entries, preset.seeds)}


def _numbers(preset: Preset, key: str) -> list[int]:
    value = getattr(preset, key)
    if value is None:
        raise refused(f"preset {preset.name} needs {key}, a number of layers; add {key} to preset", "preset")
    return [value] if isinstance(value, int) else list(value)
