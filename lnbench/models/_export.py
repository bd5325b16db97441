"""Write a model with a plan folded into it as an ordinary checkpoint, which any tool loads without lnbench.

A constant may need a bias where the architecture has none. Where one field of the config gives those projections biases
(Llama's ``attention_bias`` and ``mlp_bias``), it is set and the other biases are zeros; otherwise nothing is written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from torch import nn

from lnbench.errors import EngineError, OutputError
from lnbench.models._apply import refuse_second_plan
from lnbench.models._fold import CannotFoldError, weight_edits
from lnbench.models._lower import lower
from lnbench.models._plan import Plan
from lnbench.models._sitemap import SiteMap, site_map
from lnbench.models._unwrap import decoder_config, unwrap
from lnbench.models._weights import Folded, WeightEdit, add_bias, fold

PLAN_FILE = "lnbench_plan.json"


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
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target} exists already; export into a new or empty folder")
    if hasattr(model, "peft_config"):
        raise EngineError("export needs the adapter merged into the model; call merge_and_unload() first")
    sites = site_map(model)
    refuse_second_plan(sites)
    with _folded(unwrap(model), plan, sites) as whole:
        _save(whole, plan, target, tokenizer)
    return target


@contextmanager
def _folded(model: nn.Module, plan: Plan, sites: SiteMap) -> Iterator[Any]:
    """The model with the plan in its weights and its config fit for them, for the length of a ``with`` block."""
    try:
        edits = weight_edits(lower(plan, sites), sites, plan.tokens)
    except CannotFoldError as error:
        raise EngineError(f"this plan cannot be exported: {error}; run it with engine=hook instead") from None
    config = decoder_config(model)
    flags = {field: getattr(config, field) for _, field in _needed(edits, sites) if hasattr(config, field)}
    folded = fold(edits)
    try:
        for field in flags:
            setattr(config, field, True)
            _fill(field, sites, folded)
        _check_place(model)
        yield model
    finally:
        folded.restore()
        for field, value in flags.items():
            setattr(config, field, value)


def _needed(edits: list[WeightEdit], sites: SiteMap) -> list[tuple[str, str]]:
    """The description's (prefix, config field) pairs of projections that need a bias they do not have."""
    missing = [each.path for each in edits if each.edit.offset.any() and each.module._parameters.get("bias") is None]
    fields = sites.description.bias_fields
    return [(prefix, field) for prefix, field in fields if any(path.startswith(prefix) for path in missing)]


def _fill(field: str, sites: SiteMap, folded: Folded) -> None:
    """Zeros for every bias that the config field promises and the model lacks."""
    prefixes = tuple(prefix for prefix, name in sites.description.bias_fields if name == field)
    for layer, ports in zip(sites.layers, sites.sites, strict=True):
        for path in ports.paths:
            module = layer.get_submodule(path)
            if path.startswith(prefixes) and module._parameters.get("bias") is None:
                add_bias(module)
                folded.created.append(module)


def _check_place(model: Any) -> None:
    """Refuse weights that a model made from the config would not have, or the other way round."""
    with torch.device("meta"):
        promised = set(type(model)(model.config).state_dict())
    odd = sorted(promised.symmetric_difference(model.state_dict()))
    if odd:
        raise EngineError(
            f"this plan cannot be exported: it needs {odd[0]}, for which the config of {type(model).__name__} has no "
            "place; use an operation without a constant (zero, scale), or run it without exporting"
        )


def _save(model: Any, plan: Plan, target: Path, tokenizer: Any) -> None:
    """Into a folder beside the target, which then takes its name."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise OutputError(
            f"cannot write beside {target}: {error.strerror}; choose a folder that you may write"
        ) from None
    try:
        for each in (model, tokenizer):
            if each is not None:
                each.save_pretrained(partial)
        (partial / PLAN_FILE).write_text(json.dumps(plan.as_json(), indent=1) + "\n", encoding="utf-8")
        partial.chmod(0o755)
        partial.replace(target)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}; check the space and rights there"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
