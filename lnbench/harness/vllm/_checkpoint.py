"""The checkpoint that the engine loads: the model itself, or an exported copy with everything in its weights."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from lnbench import __version__, models
from lnbench.harness import _provenance
from lnbench.harness.vllm._condition import Condition
from lnbench.harness.vllm._exports import Export, Exports


def weights_key(condition: Condition, dtype: str) -> str:
    """SHA-256 (hex) over what decides the weights of an export: an output key without what only an engine decides.

    Args:
        condition: one that has to be exported.
        dtype: that a tuned model is loaded in; any other keeps the checkpoint's own.
    """
    delta, checkpoint = condition.delta, condition.checkpoint
    return models.output_key(
        plan_hash=condition.folded.plan_hash,
        model=condition.location,
        revision=None if checkpoint is None else checkpoint.revision,
        tokenizer=None,
        adapter=None,
        dtype="stored" if delta is None or dtype == "auto" else dtype,
        engine="fold",
        extra={"lnbench": __version__, "lnbench_delta": delta and delta.content_hash},
    )


def exported(condition: Condition, dtype: str, exports: Exports) -> Export:
    """The kept export of a condition, made now if there is none.

    Raises:
        DeltaError: the delta was made for other weights.
        EngineError: the plan does not fold.
        OutputError: the export cannot be written.
    """

    def build(folder: Path) -> None:
        if condition.delta is None:
            _from_files(condition, folder)
        else:
            _from_memory(condition, dtype, folder)

    return exports.get(weights_key(condition, dtype), build)


def _from_files(condition: Condition, folder: Path) -> None:
    checkpoint, plan = condition.checkpoint, condition.folded
    assert checkpoint is not None
    with models.writing_bar(models.export_size(checkpoint, plan)) as done:
        models.export(checkpoint, plan, folder, about=_about(condition), done=done)


def _from_memory(condition: Condition, dtype: str, folder: Path) -> None:
    """Tuned weights: the model is loaded, tuned, folded, and let go before the engine starts."""
    assert condition.delta is not None
    name, revision = condition.name, condition.revision
    tokenizer = models.load_tokenizer(name, revision=revision)
    model: Any = models.load_model(name, revision=revision, dtype=dtype)
    with models.delta_applied(model, condition.delta):
        models.export(model, condition.folded, folder, tokenizer, about=_about(condition))
    del model
    gc.collect()


def _about(condition: Condition) -> dict[str, Any]:
    about: dict[str, Any] = {"masks": [{"file": mask.path.name, "sha256": mask.sha256} for mask in condition.masks]}
    if condition.delta is not None:
        about["delta"] = {key: value for key, value in condition.delta.as_json().items() if key != "curve"}
    return {key: _provenance.plain(value) for key, value in about.items()}
