"""One description per architecture: what it calls its projections, and which rows of them are whose.

To add one, write a ``Description`` in a module of this folder and list the module in ``_BUILT_IN``, or hand it to
:func:`register_architecture` from your own code. ``docs/architectures.md`` walks through it, and
``tests/models/test_claims.py`` holds each one to hand-written edits.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from torch import nn

from lnbench._near import hint
from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._claims import Claims
from lnbench.models._sitemap import Description
from lnbench.models.architectures._look_alike import look_alike, warn_once

__all__ = ["claims_of", "description_for", "register_architecture", "supported_architectures", "warn_once"]

_BUILT_IN = (
    "_llama",
    "_phi3",
    "_plain",
    "_bloom",
    "_gpt_neox",
    "_falcon",
    "_opt",
    "_gpt2",
    "experts._routed",
)
_REGISTERED: dict[str, Description] = {}


def register_architecture(description: Description) -> None:
    """Make an architecture known, or replace a built-in description, for this process.

    Args:
        description: Its ``model_types`` are matched with ``config.model_type`` of the (text) model.
    """
    for model_type in description.model_types:
        _REGISTERED[model_type] = description


def supported_architectures() -> tuple[str, ...]:
    """Every ``model_type`` that has a description, sorted."""
    return tuple(sorted(_known()))


def claims_of(model_type: str) -> Claims | None:
    """What is promised for an architecture; None for a registered description that states nothing.

    Raises:
        UnsupportedArchitectureError: there is no description of this name.
    """
    known = _known()
    if model_type not in known:
        raise UnsupportedArchitectureError(
            f"there is no description of model_type {model_type!r}; {hint(model_type, known)}known are "
            f"{', '.join(sorted(known))}"
        )
    return known[model_type].claims


def description_for(model: nn.Module, config: Any) -> Description:
    """The description of a model with this text config.

    A model that nothing describes is read as Llama where all its layers look and compute like Llama's; its description
    is then marked as assumed, so that it is never silent.

    Raises:
        UnsupportedArchitectureError: there is none; the message says what to add and where.
    """
    known = _known()
    if config.model_type in known:
        return known[config.model_type]
    found = look_alike(model, config)
    if isinstance(found, Description):
        return found
    raise UnsupportedArchitectureError(
        f"{type(model).__name__} (model_type {config.model_type!r}) is unknown to lnbench, and {found}; add a "
        "Description to a module of lnbench/models/architectures/, or call lnbench.models.register_architecture, as "
        f"docs/architectures.md shows (known: {', '.join(sorted(known))})"
    )


def _known() -> dict[str, Description]:
    return {**_built_in(), **_REGISTERED}


@cache
def _built_in() -> dict[str, Description]:
    modules = [import_module(f"{__name__}.{name}") for name in _BUILT_IN]
    every: list[Description] = [description for module in modules for description in module.DESCRIPTIONS]
    return {model_type: description for description in every for model_type in description.model_types}
