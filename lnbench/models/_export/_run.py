"""``export``: a loaded model or a checkpoint's files, into a folder that appears whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from lnbench._paths import at_home
from lnbench.errors import OutputError
from lnbench.models._export._card import README, card, licence_of
from lnbench.models._export._checkpoint import Checkpoint
from lnbench.models._export._files import file_plan, write_files
from lnbench.models._export._folder import check_target, new_folder
from lnbench.models._export._model import folded_model, save_model
from lnbench.models._export._record import PLAN_FILE, Base, Record
from lnbench.models._export._shards import Done
from lnbench.models._load import commit_of
from lnbench.models._output_key import local_weights_fingerprint
from lnbench.models._plan import Plan
from lnbench.models._sitemap import architecture_of


def export(
    model: nn.Module | Checkpoint,
    plan: Plan,
    out_dir: str | Path,
    tokenizer: Any = None,
    *,
    link: bool = True,
    replace: bool = False,
    about: Mapping[str, Any] | None = None,
    done: Done | None = None,
) -> Path:
    """Write a model with ``plan`` in its weights as a checkpoint that ``from_pretrained`` loads.

    Args:
        model: A checkpoint (:func:`open_checkpoint`), of which only the weight files that the plan touches are written
            anew, in their own dtype, with one projection in memory at a time; or a transformers causal language model
            in memory, which is saved as a whole and left as it was (adapters must be merged first).
        plan: A plan that folds.
        out_dir: Folder to make; it must not hold anything yet. It appears complete or not at all.
        tokenizer: Saved beside the weights of a model in memory, if given; a checkpoint brings its own.
        link: Make hard links of a checkpoint's unchanged weight files where the file system can; else copy them.
        replace: An earlier export may be there; it is replaced once the new one is whole.
        about: More to put on record, as plain JSON (``command``, ``masks``).
        done: Called with the number of bytes, as they are written, of a checkpoint's weight files.

    Returns:
        The folder, which holds the checkpoint, ``lnbench_plan.json`` (what was done to what) and a card.

    Raises:
        EngineError: the plan does not fold, needs a bias for which the config has no place, or makes weights larger
            than their type holds.
        ModelArgumentError: a file of the checkpoint is damaged.
        OutputError: the folder holds something, or cannot be written.
    """
    target = Path(out_dir)
    check_target(target, replace)
    if isinstance(model, Checkpoint) and target.is_dir() and target.resolve() == model.folder.resolve():
        raise OutputError(f"{target} is the model that is exported; export into another folder")
    if isinstance(model, Checkpoint):
        _export_files(model, plan, target, link, about or {}, done or (lambda _: None))
    else:
        _export_model(model, plan, target, tokenizer, about or {})
    return target


def export_size(checkpoint: Checkpoint, plan: Plan, link: bool = True) -> int:
    """Bytes of weight files that an export writes, at most; 0 where the whole model has to be loaded.

    Raises:
        EngineError: the plan cannot be exported; see :func:`export`.
    """
    with file_plan(checkpoint, plan) as made:
        return made.bytes(link)


def export_biases(checkpoint: Checkpoint, plan: Plan) -> tuple[str, ...]:
    """Names of the biases that an export makes because the checkpoint lacks them, sorted.

    Raises:
        EngineError: the plan cannot be exported; see :func:`export`.
    """
    with file_plan(checkpoint, plan) as made:
        return tuple(made.places.names(checkpoint.model))


def _export_files(
    checkpoint: Checkpoint, plan: Plan, target: Path, link: bool, about: Mapping[str, Any], done: Done
) -> None:
    base = _base_of(checkpoint)
    with file_plan(checkpoint, plan) as made, new_folder(target) as partial:
        weights = write_files(made, partial, link, done)
        _describe(partial, Record(plan, base, weights, about))


def _export_model(model: nn.Module, plan: Plan, target: Path, tokenizer: Any, about: Mapping[str, Any]) -> None:
    with folded_model(model, plan) as (whole, places), new_folder(target) as partial:
        save_model(whole, partial, tokenizer)
        name = str(getattr(whole, "name_or_path", "") or type(whole).__name__)
        base = Base(name, commit_of(name, config=whole.config), architecture=architecture_of(whole).fingerprint)
        _describe(partial, Record(plan, base, {"how": "saved from memory", "biases": places.names(whole)}, about))


def _base_of(checkpoint: Checkpoint) -> Base:
    local = at_home(checkpoint.location).is_dir()
    return Base(
        checkpoint.name,
        checkpoint.revision,
        local_weights_fingerprint(checkpoint.folder) if local else None,
        licence_of(checkpoint.folder / README),
        checkpoint.earlier,
        checkpoint.architecture.fingerprint,
    )


def _describe(folder: Path, record: Record) -> None:
    told = record.as_json()
    (folder / PLAN_FILE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / README).write_text(card(told), encoding="utf-8")
