"""Interventions on a model: a spec, the plan that it becomes, and the engines that carry the plan out.

Every name is loaded on first use, so that specs and plans need no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lnbench.models._plan import Edit, Plan

_LAZY = {
    "Edit": "lnbench.models._plan",
    "Plan": "lnbench.models._plan",
}

__all__ = [
    "Edit",
    "Plan",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'lnbench.models' has no attribute {name!r}")
