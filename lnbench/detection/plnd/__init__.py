"""PLND: parallel language-specific neuron detection by the impact of each neuron (Zhao et al., NeurIPS 2024)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.detection.plnd._detect import collect_impacts, detect_plnd
    from lnbench.detection.plnd._impact import plnd_impact
    from lnbench.detection.plnd._impacts import SHARD, MemoryImpacts, StoredImpacts, impacts_key
    from lnbench.detection.plnd._rule import Rule
    from lnbench.detection.plnd._select import check_removal, plnd_select
    from lnbench.detection.plnd._settings import FORMS, PLND_SITES, Settings, plnd_sites

_PLND = "lnbench.detection.plnd"
_LAZY = {
    "FORMS": f"{_PLND}._settings",
    "MemoryImpacts": f"{_PLND}._impacts",
    "PLND_SITES": f"{_PLND}._settings",
    "Rule": f"{_PLND}._rule",
    "SHARD": f"{_PLND}._impacts",
    "check_removal": f"{_PLND}._select",
    "Settings": f"{_PLND}._settings",
    "StoredImpacts": f"{_PLND}._impacts",
    "collect_impacts": f"{_PLND}._detect",
    "detect_plnd": f"{_PLND}._detect",
    "impacts_key": f"{_PLND}._impacts",
    "plnd_impact": f"{_PLND}._impact",
    "plnd_select": f"{_PLND}._select",
    "plnd_sites": f"{_PLND}._settings",
}

__all__ = [
    "FORMS",
    "PLND_SITES",
    "SHARD",
    "MemoryImpacts",
    "Rule",
    "Settings",
    "StoredImpacts",
    "check_removal",
    "collect_impacts",
    "detect_plnd",
    "impacts_key",
    "plnd_impact",
    "plnd_select",
    "plnd_sites",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
