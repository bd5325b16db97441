"""What ``lnbench-vllm`` is asked for, resolved and held to the model's architecture before any weight is read."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lnbench import models
from lnbench._paths import at_home
from lnbench.errors import EngineError, ModelArgumentError
from lnbench.harness import _arguments, _delta, _masks, _provenance
from lnbench.harness.vllm._biases import refuse_unread
from lnbench.neurons import Architecture, NeuronSet

#: vLLM's own argument ``seed``, of its sampling, under a name that our ``seed`` of random controls leaves free.
ENGINE_SEED = "vllm_seed"


@dataclass(frozen=True, eq=False)
class Condition:
    """A model, and what is to be done to it.

    Attributes:
        name: of the model, as the user or the mask names it.
        location: a folder, or the name on the hub.
        revision: as it was asked for, or the mask's.
        architecture: layers and site widths.
        checkpoint: of a model that has to be exported, without weights; None for one that runs as it is.
        plan: what is done to it, or None.
        delta: of ``lnbench tune``, or None.
        neurons: the set that ``mask`` names, or None.
        masks: the files of that set.
    """

    name: str
    location: str
    revision: str | None
    architecture: Architecture
    checkpoint: models.Checkpoint | None
    plan: models.Plan | None
    delta: models.Delta | None
    neurons: NeuronSet | None
    masks: tuple[_provenance.MaskFile, ...]

    @property
    def folded(self) -> models.Plan:
        """The plan that goes into the weights, which may be empty."""
        return models.Plan.from_edits({}) if self.plan is None else self.plan


def resolved(
    pretrained: Any, mask: Any, engine: str, arguments: dict[str, Any], known: Collection[str]
) -> tuple[Condition, dict[str, Any]]:
    """The condition, and the arguments that are vLLM's.

    Args:
        pretrained: a model id, a folder, ``lnbench/demo``, or None for the mask's own model.
        mask: neuron-set file(s), or a set in memory.
        engine: as the model ``lnbench`` takes it.
        arguments: all others.
        known: the arguments that vLLM has.

    Raises:
        LnbenchError: anything is unknown, missing, does not fit the model, or does not fold.
    """
    _check_engine(engine)
    _refuse_unknown(arguments, known)
    if mask is None and arguments.get("seed") is not None:
        raise ModelArgumentError(f"seed is that of a random control, which needs a mask; vLLM's own is {ENGINE_SEED}")
    rest = dict(arguments)
    neurons, paths, spec = _arguments.neurons_and_spec(mask, pretrained, rest)
    delta = _own_delta(rest)
    name = _named(_masks.own_model(neurons, paths) if pretrained is None else pretrained)
    rest = {**_masks.model_defaults(name, neurons), **rest}
    revision = rest.get("revision")
    checkpoint = None if spec is None and delta is None else models.open_checkpoint(name, revision=revision)
    shape = models.load_architecture(name, revision=revision) if checkpoint is None else checkpoint.architecture
    plan = None if spec is None or neurons is None else models.compile_plan(spec, neurons, shape)
    if checkpoint is not None:
        _refuse_unfit(checkpoint, plan, rest)
    untouched = delta is None and (plan is None or plan.is_identity)
    kept, masks = None if untouched else checkpoint, _provenance.mask_files(paths)
    return Condition(name, models.model_location(name), revision, shape, kept, plan, delta, neurons, masks), rest


def _check_engine(engine: str) -> None:
    if _arguments.check_engine(engine) == "hook":
        raise ModelArgumentError(
            "engine=hook changes activations while a model runs, which vLLM has no place for; use --model lnbench, or "
            "leave engine out"
        )


def _refuse_unknown(arguments: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse what neither we nor vLLM know, before an engine is started for it."""
    others = set(arguments) - set(_arguments.OUR_KEYS) - {"delta", ENGINE_SEED}
    _arguments.refuse_unknown(others, known)
    for key in sorted(others.difference(known)):
        raise ModelArgumentError(f"unknown model argument {key!r}, which neither lnbench nor this vLLM has; drop it")


def _own_delta(arguments: dict[str, Any]) -> models.Delta | None:
    delta = _delta.own_delta(arguments)
    if (other := arguments.pop("delta", None)) is not None:
        raise ModelArgumentError(f"delta={other!r} is no file of `lnbench tune`, and vLLM takes no other; drop it")
    return delta


def _named(pretrained: Any) -> str:
    if not isinstance(pretrained, str | os.PathLike):
        raise ModelArgumentError(
            f"vLLM loads a model by itself, and pretrained is a {type(pretrained).__name__} in memory; give a folder "
            "or a name on the hub"
        )
    return os.fspath(pretrained)


def _refuse_unfit(checkpoint: models.Checkpoint, plan: models.Plan | None, arguments: Mapping[str, Any]) -> None:
    if arguments.get("lora_local_path") or arguments.get("enable_lora"):
        raise ModelArgumentError(
            "vLLM adds a LoRA adapter beside the weights, which would bring back what a plan took out of them; merge "
            "the adapter into the model first, or run it without a mask and delta"
        )
    if plan is None:
        return
    try:
        biases = models.export_biases(checkpoint, plan)
    except EngineError as error:
        raise EngineError(f"vLLM runs exported checkpoints, and {error} (--model lnbench takes it)") from error
    refuse_unread(checkpoint.model.config, biases)


def absolute(path: str | Path) -> str:
    """A local folder by its full path, for engines that start elsewhere; a name on the hub as it is."""
    local = at_home(path)
    return str(local.absolute()) if local.exists() else str(path)
