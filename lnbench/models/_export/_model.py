"""Export a model in memory: its weights with the plan in them, through ``save_pretrained``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from lnbench.errors import EngineError
from lnbench.models._apply import refuse_second_plan
from lnbench.models._export._folder import check_new, new_folder
from lnbench.models._export._place import make_places
from lnbench.models._export._record import PLAN_FILE
from lnbench.models._fold import CannotFoldError, weight_edits
from lnbench.models._lower import lower
from lnbench.models._plan import Plan
from lnbench.models._sitemap import SiteMap, site_map
from lnbench.models._unwrap import unwrap
from lnbench.models._weights import fold


def export(model: nn.Module, plan: Plan, out_dir: str | Path, tokenizer: Any = None) -> Path:
    """Save the model with ``plan`` in its weights; the model in memory is left as it was.

    Args:
        model: A transformers causal language model; adapters must be merged first.
        plan: A plan that folds.
        out_dir: Folder to make; it must not hold anything yet. It appears complete or not at all.
        tokenizer: Saved beside the weights, if given.

    Returns:
        The folder, which holds the checkpoint and ``lnbench_plan.json`` (the plan's record).

    Raises:
        EngineError: the plan does not fold, or needs a bias for which the config has no place.
        OutputError: the folder holds something, or cannot be written.
    """
    target = Path(out_dir)
    check_new(target)
    if hasattr(model, "peft_config"):
        raise EngineError("export needs the adapter merged into the model; call merge_and_unload() first")
    sites = site_map(model)
    refuse_second_plan(sites)
    with _folded(unwrap(model), plan, sites) as whole, new_folder(target) as partial:
        for each in (whole, tokenizer):
            if each is not None:
                each.save_pretrained(partial)
        (partial / PLAN_FILE).write_text(json.dumps(plan.as_json(), indent=1) + "\n", encoding="utf-8")
    return target


@contextmanager
def _folded(model: nn.Module, plan: Plan, sites: SiteMap) -> Iterator[Any]:
    """The model with the plan in its weights and its config fit for them, for the length of a ``with`` block."""
    try:
        edits = weight_edits(lower(plan, sites), sites, plan.tokens)
    except CannotFoldError as error:
        raise EngineError(f"this plan cannot be exported: {error}; run it with engine=hook instead") from None
    places = make_places(model, edits, sites)
    try:
        folded = fold(edits)
        try:
            yield model
        finally:
            folded.restore()
    finally:
        places.undo()
