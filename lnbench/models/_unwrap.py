"""Look through what wraps a model: peft adapters, ``torch.compile``, data parallelism."""

from __future__ import annotations

from typing import Any, cast

from torch import nn

from lnbench.errors import UnsupportedArchitectureError

_WRAPPERS = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
}


def unwrap(model: nn.Module) -> nn.Module:
    """The transformers model inside. A peft model gives the model whose projections carry the adapters."""
    if not isinstance(model, nn.Module):
        raise UnsupportedArchitectureError(f"a {type(model).__name__} is no torch module; pass a loaded causal LM")
    while True:
        inner = _inside(model)
        if inner is None:
            return model
        model = inner


def _inside(model: nn.Module) -> nn.Module | None:
    name = _WRAPPERS.get(type(model).__name__)
    if name is not None:
        return getattr(model, name, None)
    if type(model).__name__ == "PeftMixedModel":
        inside: nn.Module = cast(Any, model).base_model.model
        return inside
    if hasattr(model, "peft_config") and hasattr(model, "get_base_model"):
        inner: nn.Module = cast(Any, model).get_base_model()
        return inner
    return None


def decoder_config(model: nn.Module) -> Any:
    """The config of the text decoder, which larger models keep inside their own.

    Raises:
        UnsupportedArchitectureError: the model has no transformers config.
    """
    config = getattr(model, "config", None)
    if config is None or not hasattr(config, "model_type"):
        raise UnsupportedArchitectureError(
            f"{type(model).__name__} has no transformers config, so its architecture is unknown; lnbench works on "
            "transformers causal language models"
        )
    return config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
