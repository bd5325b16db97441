"""The presets of the multilingual workflow: blocks of layers deactivated, structure by structure (Zhao et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from lnbench.studies._sections import refused
from lnbench.studies.presets._preset import BLOCKS, FOUR, Keys, Preset, controlled

#: Attention and feed-forward sites apart, and every site of the set together. A set may lack one of the structures.
STRUCTURES: dict[str, Keys] = {
    "attn": {"sites": ["attn"], "optional": True},
    "ffn": {"sites": ["ffn"], "optional": True},
    "both": {},
}
#: The block -> the number that decides nothing about it.
_IDLE = {"understanding": "n2", "generation": "n1"}


def xlsum(preset: Preset, _languages: Sequence[str]) -> Keys:
    """``plnd-xlsum``: all of a language's neurons, on the summaries of its four languages."""
    conditions = _controlled({"specific": {"op": "zero"}}, preset)
    return {"languages": ["fr", "zh", "es", "ru"], "tasks": ["xlsum"], "conditions": conditions}


def blocks(preset: Preset, _languages: Sequence[str]) -> Keys:
    """``plnd-blocks``: every block, attention and feed-forward apart and together."""
    n1, n2 = _numbers(preset, "n1"), _numbers(preset, "n2")
    if len(n1) != 1 or len(n2) != 1:
        raise refused(f"plnd-blocks takes one n1 and one n2, not {n1} and {n2}; use plnd-sweep for several", "preset")
    entries = {
        f"{block}-{structure}": {"op": "zero", "layers": block, "n1": n1[0], "n2": n2[0], **keys}
        for block, (structure, keys) in product(BLOCKS, STRUCTURES.items())
    }
    return {"tasks": FOUR, "conditions": _controlled(entries, preset)}


def sweep(preset: Preset, _languages: Sequence[str]) -> Keys:
    """``plnd-sweep``: one block, for every pair of ``n1`` and ``n2``."""
    n1, n2 = _numbers(preset, "n1"), _numbers(preset, "n2")
    idle = _IDLE.get(preset.block)
    if idle is not None and len({"n1": n1, "n2": n2}[idle]) > 1:
        sentence = f"{idle} decides nothing about the block {preset.block!r}, and several are given; give one {idle}"
        raise refused(sentence, "preset")
    entries = {
        f"{preset.block}-{first}-{last}": {"op": "zero", "layers": preset.block, "n1": first, "n2": last}
        for first, last in product(n1, n2)
    }
    return {"tasks": FOUR, "conditions": _controlled(entries, preset)}


def without_english(preset: Preset, _languages: Sequence[str]) -> Keys:
    """``plnd-without-english``: all of a language's neurons, and only those that it does not share with English."""
    entries: dict[str, Keys] = {
        "specific": {"op": "zero"},
        "specific-without-english": {"op": "zero", "exclude": ["en"]},
    }
    return {"tasks": FOUR, "conditions": _controlled(entries, preset)}


def _controlled(entries: dict[str, Keys], preset: Preset) -> Keys:
    """With random controls, all asked in the languages that the preset says."""
    asked: Keys = {} if preset.evaluate is None else {"evaluate": preset.evaluate}
    return controlled({label: {**entry, **asked} for label, entry in entries.items()}, preset.seeds)


def _numbers(preset: Preset, key: str) -> list[int]:
    value = getattr(preset, key)
    if value is None:
        raise refused(f"preset {preset.name} needs {key}, a number of layers; add {key} to preset", "preset")
    return [value] if isinstance(value, int) else list(value)
