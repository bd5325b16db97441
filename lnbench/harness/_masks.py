"""The neuron set that ``mask`` names, in whatever format its files are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lnbench import models
from lnbench._data import DEMO_MODEL
from lnbench.errors import ModelArgumentError
from lnbench.neurons import Architecture, FileFacts, NeuronSet, load_masks

#: Arguments that say what a foreign neuron file does not say of itself.
FILE_KEYS = ("languages", "site", "kv_map")

#: Those of lm-eval's arguments that decide which config a model has.
_OF_CONFIG = ("revision", "subfolder", "gguf_file", "token", "cache_dir")


def load(
    paths: Sequence[Path], told: Mapping[str, Any], pretrained: Any = None, arguments: Mapping[str, Any] | None = None
) -> NeuronSet | None:
    """The union of the files, None where there are none.

    A foreign file is held to the model whose config ``pretrained`` names, before any weights are loaded.

    Args:
        paths: the files.
        told: the arguments of `FILE_KEYS`; None is as good as left out.
        pretrained: the model, as lm-eval is given it.
        arguments: the other arguments of lm-eval's model.

    Raises:
        LnbenchError: see :func:`lnbench.neurons.load_masks`.
    """
    if not paths:
        return None

    def shape() -> Architecture:
        return _architecture(paths, pretrained, arguments or {})

    given = {key: value for key in ("site", "kv_map") if (value := told.get(key)) is not None}
    return load_masks(paths, FileFacts(languages=_names(told.get("languages")), architecture=shape, **given))


def _names(languages: Any) -> tuple[str, ...] | None:
    """``en+zh``, ``[en,zh]`` as text, or a list."""
    if isinstance(languages, str):
        text = languages[1:-1].replace(",", "+") if languages.startswith("[") else languages
        return tuple(name.strip().strip("'\"") for name in text.split("+"))
    if languages is None or isinstance(languages, (list, tuple)):
        return None if languages is None else tuple(languages)
    raise ModelArgumentError(f"languages={languages!r} names no languages; write them as in languages=en+zh+fr")


def _architecture(paths: Sequence[Path], pretrained: Any, arguments: Mapping[str, Any]) -> Architecture:
    if pretrained is None:
        raise ModelArgumentError(
            f"{'+'.join(map(str, paths))} does not name its model, and pretrained is not given; add pretrained=MODEL"
        )
    if not isinstance(pretrained, str | os.PathLike):
        return models.architecture_of(pretrained)
    options = {key: arguments[key] for key in _OF_CONFIG if arguments.get(key) is not None}
    return models.load_architecture(os.fspath(pretrained), **options)


def own_model(neurons: NeuronSet | None, paths: Sequence[Path]) -> str:
    """The id of the model that a neuron set was made for.

    Raises:
        ModelArgumentError: there is no set, or it does not name its model.
    """
    if neurons is None:
        raise ModelArgumentError("neither pretrained nor mask is given; add pretrained=MODEL, mask=FILE or both")
    if not neurons.header.model:
        named = "+".join(map(str, paths)) or "the neuron set"
        raise ModelArgumentError(f"{named} does not name its model, and pretrained is not given; add pretrained=MODEL")
    return neurons.header.model


def model_defaults(name: str, neurons: NeuronSet | None) -> dict[str, Any]:
    """Model arguments where none are given: float32 for the embedded model, the mask's revision for its own model."""
    if name == DEMO_MODEL:
        return {"dtype": "float32"}
    if neurons is not None and name == neurons.header.model and neurons.header.revision:
        return {"revision": neurons.header.revision}
    return {}


def refuse_without_files(told: Mapping[str, Any], paths: Sequence[Path]) -> None:
    """Refuse what says something of files where there are none.

    Raises:
        ModelArgumentError: names the first of them.
    """
    for key in FILE_KEYS:
        if told.get(key) is not None and not paths:
            raise ModelArgumentError(f"{key}={told[key]!r} is about neuron-set files, and mask names none; drop it")
