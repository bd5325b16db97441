"""Detection: from text in several languages to the neurons that are specific to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.detection._corpora import read_documents, token_batches
    from lnbench.detection._detect import detect_lape
    from lnbench.detection._lape import activation_entropy, activation_probability, lape_select
    from lnbench.detection._statistics import Statistics, collect

_LAZY = {
    "Statistics": "lnbench.detection._statistics",
    "activation_entropy": "lnbench.detection._lape",
    "activation_probability": "lnbench.detection._lape",
    "collect": "lnbench.detection._statistics",
    "detect_lape": "lnbench.detection._detect",
    "lape_select": "lnbench.detection._lape",
    "read_documents": "lnbench.detection._corpora",
    "token_batches": "lnbench.detection._corpora",
}

__all__ = [
    "Statistics",
    "activation_entropy",
    "activation_probability",
    "collect",
    "detect_lape",
    "lape_select",
    "read_documents",
    "token_batches",
]

__getattr__ = lazy(__name__, _LAZY)
