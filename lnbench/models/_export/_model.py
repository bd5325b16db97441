"""Export a model in memory: its weights with the plan in them, through ``save_pretrained``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from lnbench.errors import EngineError
from lnbench.models._apply import refuse_second_plan
from lnbench.models._export._place import Places, make_places
from lnbench.models._fold import CannotFoldError, weight_edits
from lnbench.models._lower import lower
from lnbench.models._plan import Plan
from lnbench.models._sitemap import SiteMap, site_map
from lnbench.models._unwrap import unwrap
from lnbench.models._weights import WeightEdit, fold


def edits_of(plan: Plan, sites: SiteMap, *, loaded: bool) -> list[WeightEdit]:
    """The weight edits of a plan.

    Raises:
        EngineError: it does not fold.
    """
    try:
        return weight_edits(lower(plan, sites), sites, plan.tokens, loaded=loaded)
    except CannotFoldError as error:
        raise EngineError(f"this plan cannot be exported: {error}; run it with engine=hook instead") from None


@contextmanager
def folded_model(model: nn.Module, plan: Plan) -> Iterator[tuple[Any, Places]]:
    """The model with the plan in its weights and its config fit for them, for the length of a ``with`` block.

    Raises:
        EngineError: the plan does not fold, needs a bias for which the config has no place, makes weights larger than
            their type holds, or another is at work.
    """
    if hasattr(model, "peft_config"):
        raise EngineError("export needs the adapter merged into the model; call merge_and_unload() first")
    sites = site_map(model)
    refuse_second_plan(sites)
    inner, edits = unwrap(model), edits_of(plan, sites, loaded=True)
    places = make_places(inner, edits, sites)
    try:
        folded = fold(edits)
        try:
            folded.refuse_overflow()
            yield inner, places
        finally:
            folded.restore()
    finally:
        places.undo()


def save_model(model: Any, folder: Path, tokenizer: Any = None) -> None:
    """``save_pretrained`` of a model, and of a tokenizer if there is one."""
    for each in (model, tokenizer):
        if each is not None:
            each.save_pretrained(folder)
