"""One description per architecture: what it calls its projections, and which rows of them are whose.

To add one, write a ``Description`` in a module of this folder and list it in ``_BUILT_IN``, or hand it to
:func:`register_architecture` from your own code. ``docs/architectures.md`` walks through it, and
``tests/models/test_architectures.py`` holds each one to hand-written edits.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._sitemap import Description

_BUILT_IN = ("_llama", "_phi3", "_bloom", "_gpt_neox", "_opt", "_gpt2")
_REGISTERED: dict[str, Description] = {}
_EXPERT_FIELDS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")


def register_architecture(description: Description) -> None:
    """Make an architecture known, or replace a built-in description, for this process.

    Args:
        description: Its ``model_types`` are matched with ``config.model_type`` of the (text) model.
    """
    for model_type in description.model_types:
        _REGISTERED[model_type] = description


def supported_architectures() -> tuple[str, ...]:
    """Every ``model_type`` that has a description, sorted."""
    return tuple(sorted({**_built_in(), **_REGISTERED}))


def description_for(model: nn.Module, config: Any) -> Description:
    """The description of a model with this text config.

    Raises:
        UnsupportedArchitectureError: there is none; the message says what to add and where.
    """
    known = {**_built_in(), **_REGISTERED}
    if config.model_type in known:
        return known[config.model_type]
    experts = any((getattr(config, field, None) or 0) > 1 for field in _EXPERT_FIELDS)
    reason = "a mixture of experts, which no description supports yet" if experts else "unknown to lnbench"
    raise UnsupportedArchitectureError(
        f"{type(model).__name__} (model_type {config.model_type!r}) is {reason}; add a Description to a module of "
        "lnbench/models/architectures/, or call lnbench.models.register_architecture, as docs/architectures.md shows "
        f"(known: {', '.join(sorted(known))})"
    )


def _built_in() -> dict[str, Description]:
    modules = (import_module(f"{__name__}.{name}") for name in _BUILT_IN)
    return {model_type: module.DESCRIPTION for module in modules for model_type in module.DESCRIPTION.model_types}
