"""Detection: from text in several languages to the neurons that are specific to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lnbench.detection._corpora import read_documents, token_batches
    from lnbench.detection._detect import detect_lape
    from lnbench.detection._lape import activation_entropy, activation_probability, lape_select
    from lnbench.detection._statistics import Statistics, collect

_LAZY = {
    "Statistics": "_statistics",
    "activation_entropy": "_lape",
    "activation_probability": "_lape",
    "collect": "_statistics",
    "detect_lape": "_detect",
    "lape_select": "_lape",
    "read_documents": "_corpora",
    "token_batches": "_corpora",
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


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(f"lnbench.detection.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'lnbench.detection' has no attribute {name!r}")
