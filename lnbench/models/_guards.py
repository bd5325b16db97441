"""When an engine must not be used: each check gives the reason in words, or None.

An edit of a weight that is not really there (offloaded, packed, computed from others) would silently do nothing, and
one under an adapter would leave the adapter's part alive; so would a hook that a compiled module never calls.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from lnbench.models._sitemap import SiteMap


def weight_obstacle(module: nn.Module) -> str | None:
    """Why a projection's weight cannot be edited in place, or None."""
    kind = type(module).__name__
    if hasattr(module, "base_layer"):
        return f"carries an adapter ({kind}), whose own part of the output an edit of the base weight would not reach"
    if type(module) not in (nn.Linear, Conv1D):
        return f"is a {kind}, not a plain linear projection (quantised or replaced)"
    return _tensor_obstacle(module._parameters.get("weight")) or _tensor_obstacle(module._parameters.get("bias"), False)


def _tensor_obstacle(tensor: torch.Tensor | None, needed: bool = True) -> str | None:
    if tensor is None:
        return "computes its weight from others" if needed else None
    if tensor.device.type == "meta":
        return "has its weight offloaded (on the meta device), where an edit would be lost"
    if type(tensor.data) is not torch.Tensor:
        return f"has a weight of type {type(tensor.data).__name__} (packed or sharded)"
    if not tensor.is_floating_point() or tensor.element_size() < 2:
        return f"has a packed weight ({tensor.dtype})"
    if needed and tensor.ndim != 2:
        return f"has a weight of shape {tuple(tensor.shape)} (packed or sharded)"
    return "has a weight made under torch.inference_mode" if tensor.is_inference() else None


def hook_obstacle(model: nn.Module, sites: SiteMap) -> str | None:
    """Why hooks on this model's layers would not fire or not fit, or None."""
    compiled = next((name for name, module in model.named_modules() if _is_compiled(module)), None)
    if compiled is not None:
        return f"{compiled or 'the model'} is compiled and would not call hooks added now; apply before torch.compile"
    first = sites.module(0, sites.port(0, "attn.q"))
    if type(first._parameters.get("weight")).__name__ == "DTensor" or hasattr(
        getattr(first._parameters.get("weight"), "data", None), "placements"
    ):
        return "the model is split by tensor parallelism, so a layer's own activations are only part of a site"
    return None


def _is_compiled(module: nn.Module) -> bool:
    return type(module).__name__ == "OptimizedModule" or getattr(module, "_compiled_call_impl", None) is not None
