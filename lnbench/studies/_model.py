"""The model of a study: loaded, or as a shell that has its tokenizer and its shape and no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lnbench._data import DEMO_MODEL, demo_model_dir
from lnbench.errors import ModelArgumentError, StudyError

if TYPE_CHECKING:
    from lnbench.neurons import NeuronSet
    from lnbench.studies._study import Study


def load_model(study: Study, neurons: NeuronSet | None) -> Any:
    """The study's :class:`lnbench.harness.LnbenchLM`, as the original.

    Raises:
        LnbenchError: there is no such model, or the neurons do not fit it.
    """
    import torch

    from lnbench.harness import LnbenchLM

    if study.model.threads is not None:
        torch.set_num_threads(study.model.threads)
    arguments = _arguments(study)
    if neurons is not None:
        arguments |= {"mask": neurons, "lang": neurons.languages[0]}
    lm = LnbenchLM(announce=False, **arguments)
    if lm.world_size > 1:
        raise StudyError(
            f"a study runs one model per process, and this launcher started {lm.world_size}; "
            "start one process per device, each with --shard i/n"
        )
    lm.set_plan(None)
    return lm


def shell(study: Study, neurons: NeuronSet | None) -> Any:
    """The study's model without its weights: enough to build requests, count tokens and compile specs.

    Raises:
        ModelArgumentError: no model is named, or its configuration or tokenizer cannot be read.
    """
    from lnbench.harness import LnbenchLM
    from lnbench.models import load_shell

    name, revision, given = _name(study, neurons), _revision(study, neurons), _arguments(study)
    place = str(demo_model_dir()) if name == DEMO_MODEL else name
    asked: dict[str, Any] = {
        key: given[key] for key in ("max_length", "add_bos_token", "prefix_token_id") if key in given
    }
    asked |= {"tokenizer": given.get("tokenizer", place), "revision": revision or "main"}
    try:
        return LnbenchLM(load_shell(name, revision=revision), announce=False, **asked)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0].rstrip(".")
        raise ModelArgumentError(
            f"the model {name!r} cannot be read ({reason}); check pretrained, which is a folder or a name on the hub"
        ) from error


def _arguments(study: Study) -> dict[str, Any]:
    given = study.model.given()
    return {key: study.path(value) if key in ("pretrained", "tokenizer", "peft", "delta") else value
            for key, value in given.items()}  # fmt: skip


def _name(study: Study, neurons: NeuronSet | None) -> str:
    named = _arguments(study).get("pretrained") or (neurons.header.model if neurons is not None else None)
    if not named:
        raise ModelArgumentError("the study names no model, and no neuron set that names one; add model: {pretrained:}")
    return str(named)


def _revision(study: Study, neurons: NeuronSet | None) -> str | None:
    if study.model.revision is not None or neurons is None:
        return study.model.revision
    return neurons.header.revision if neurons.header.model == _name(study, neurons) != DEMO_MODEL else None
