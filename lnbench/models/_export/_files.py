"""Export a checkpoint from its files: only what the plan touches is read into memory, one projection at a time."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lnbench import _json
from lnbench.errors import EngineError, ModelArgumentError
from lnbench.models._export._checkpoint import Checkpoint
from lnbench.models._export._model import edits_of, folded_model, save_model
from lnbench.models._export._place import Places, make_places
from lnbench.models._export._shards import Done, FoldedFiles, Written, copy_file, write_shards
from lnbench.models._export._stored import stored_names
from lnbench.models._load import load_model
from lnbench.models._plan import Plan

_log = logging.getLogger(__name__)
CONFIG = "config.json"


@dataclass(frozen=True)
class FilePlan:
    """A plan held to a checkpoint, before any weight is read."""

    checkpoint: Checkpoint
    plan: Plan
    places: Places
    folded: FoldedFiles | None
    """None where the weights cannot be edited in their files."""
    why_whole: str
    """Why not, in words."""

    def bytes(self, link: bool) -> int:
        """Bytes that will be written, at most; 0 where that is not known."""
        if self.folded is None:
            return 0
        changed, stored = self.folded.files(), self.folded.stored
        return sum(stored.size(each) for each in stored.files if not link or each in changed)


@contextmanager
def file_plan(checkpoint: Checkpoint, plan: Plan) -> Iterator[FilePlan]:
    """Fit a plan to a checkpoint; its model without weights is left as it was at the end of the ``with`` block.

    Raises:
        EngineError: the plan does not fold, or needs a bias for which the config has no place.
    """
    edits = edits_of(plan, checkpoint.sites, loaded=False)
    places = make_places(checkpoint.model, edits, checkpoint.sites)
    try:
        made = FilePlan(checkpoint, plan, places, None, _unfit(checkpoint, places))
        if not made.why_whole and checkpoint.stored is not None:
            names = {id(module): name for name, module in checkpoint.model.named_modules()}
            key_of = stored_names(checkpoint.model, checkpoint.stored)
            folded = FoldedFiles(checkpoint.stored, places, edits, key_of, names)
            odd = folded.unreadable()
            why = f"{odd} is no tensor of its own in the checkpoint's files" if odd else ""
            made = replace(made, folded=None if odd else folded, why_whole=why)
        yield made
    finally:
        places.undo()


def write_files(made: FilePlan, target: Path, link: bool, done: Done) -> dict[str, Any]:
    """Write weights, config and everything else of a checkpoint into an empty folder; say what became of the weights.

    Raises:
        ModelArgumentError: the checkpoint is damaged.
    """
    if made.folded is None:
        return _write_whole(made, target)
    written = write_shards(made.folded, target, link, done)
    for path in made.checkpoint.beside:
        _beside(path, made.checkpoint.folder, target)
    _write_config(made, target)
    return _told(written)


def _unfit(checkpoint: Checkpoint, places: Places) -> str:
    if checkpoint.stored is None:
        return "its weights are in no safetensors files"
    if places.fields and _path_to(checkpoint.model.config, places.config) is None:
        return "its config keeps the decoder's own out of reach"
    return ""


def _path_to(config: Any, part: Any) -> tuple[str, ...] | None:
    """Where in ``config.json`` the decoder's fields are: at the top, or under one name."""
    if config is part:
        return ()
    found = [name for name, value in vars(config).items() if value is part]
    return (found[0],) if found else None


def _write_config(made: FilePlan, target: Path) -> None:
    """The config's very file, with the fields that new biases need."""
    if not made.places.fields:
        return
    try:
        config = _json.loads((made.checkpoint.folder / CONFIG).read_text(encoding="utf-8"))
        part = config
        for name in _path_to(made.checkpoint.model.config, made.places.config) or ():
            part = part.setdefault(name, {})
        part.update(dict.fromkeys(made.places.fields, True))
    except (OSError, ValueError, AttributeError) as error:
        raise ModelArgumentError(f"{made.checkpoint.folder / CONFIG} cannot be read ({error}); save it again") from None
    (target / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _beside(path: Path, folder: Path, target: Path) -> None:
    to = target / path.relative_to(folder)
    if not to.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        copy_file(path, to, lambda _: None)


def _told(written: Written) -> dict[str, Any]:
    parts = [
        f"{len(files)} {'file' if len(files) == 1 else 'files'} {what}"
        for files, what in ((written.rewritten, "rewritten"), (written.linked, "linked"), (written.copied, "copied"))
        if files
    ]
    return {
        "how": ", ".join(parts),
        "rewritten": list(written.rewritten),
        "linked": list(written.linked),
        "copied": list(written.copied),
        "biases": list(written.biases),
    }


def _write_whole(made: FilePlan, target: Path) -> dict[str, Any]:
    """Load the model, fold, ``save_pretrained``."""
    checkpoint = made.checkpoint
    _log.warning("loading the whole of %s, as %s", checkpoint.name, made.why_whole)
    made.places.undo()
    model = load_model(checkpoint.location, revision=checkpoint.revision, dtype="auto")
    with folded_model(model, made.plan) as (whole, places):
        biases = places.names(whole)
        try:
            save_model(whole, target)
        except (ValueError, RuntimeError, NotImplementedError) as error:
            raise EngineError(
                f"transformers cannot save {checkpoint.name} ({error}); run the plan unexported"
            ) from error
    for path in checkpoint.beside:
        _beside(path, checkpoint.folder, target)
    return {"how": f"saved as a whole, as {made.why_whole}", "biases": biases}
