"""When an engine must not be used: each check gives the reason in words, or None.

An edit of a weight that is not really there (offloaded, packed, computed from others) would silently do nothing, and
one under an adapter would leave the adapter's part alive; so would a hook that a compiled module never calls.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from lnbench.models._lower import LayerEdits, expert_obstacle
from lnbench.models._ports import Experts
from lnbench.models._sitemap import SiteMap

#: Falcon's own subclass of ``Linear``, which adds the bias in a step of its own.
_FALCON = ("FalconLinear", "transformers")


def is_plain(module: nn.Module) -> bool:
    """Whether a projection is ``x W^T + b`` of its own weight and nothing else."""
    kind = type(module)
    return kind in (nn.Linear, Conv1D) or (kind.__name__, kind.__module__.partition(".")[0]) == _FALCON


def weight_obstacle(module: nn.Module, loaded: bool = True, experts: Experts | None = None) -> str | None:
    """Why a projection's weight cannot be edited in place, or None.

    Args:
        module: The projection.
        loaded: Whether the weights must be in memory; a model on the meta device stands for its checkpoint otherwise.
        experts: Whose fused down projections the module holds, if it does.
    """
    kind = type(module).__name__
    if hasattr(module, "base_layer"):
        return f"carries an adapter ({kind}), whose own part of the output an edit of the base weight would not reach"
    if experts is not None:
        return _tensor_obstacle(module._parameters.get(experts.weight), True, loaded, dimensions=3)
    if not is_plain(module):
        return f"is a {kind}, not a plain linear projection (quantised or replaced)"
    weight, bias = module._parameters.get("weight"), module._parameters.get("bias")
    return _tensor_obstacle(weight, True, loaded) or _tensor_obstacle(bias, False, loaded)


def _tensor_obstacle(tensor: torch.Tensor | None, needed: bool, loaded: bool, dimensions: int = 2) -> str | None:
    if tensor is None:
        return "computes its weight from others" if needed else None
    if tensor.device.type == "meta" and loaded:
        return "has its weight offloaded (on the meta device), where an edit would be lost"
    if type(tensor.data) is not torch.Tensor:
        return f"has a weight of type {type(tensor.data).__name__} (packed or sharded)"
    if not tensor.is_floating_point() or tensor.element_size() < 2:
        return f"has a packed weight ({tensor.dtype})"
    if needed and tensor.ndim != dimensions:
        return f"has a weight of shape {tuple(tensor.shape)} (packed or sharded)"
    return "has a weight made under torch.inference_mode" if tensor.is_inference() else None


def hook_obstacle(model: nn.Module, edits: list[LayerEdits], sites: SiteMap) -> str | None:
    """Why hooks on this model's layers would not fire, or not mean what the plan means, or None."""
    compiled = next((name for name, module in model.named_modules() if _is_compiled(module)), None)
    if compiled is not None:
        return f"{compiled or 'the model'} is compiled and would not call hooks added now; apply before torch.compile"
    weight = sites.module(0, sites.port(0, "attn.q"))._parameters.get("weight")
    if hasattr(weight, "placements"):  # a DTensor
        return "the model is split by tensor parallelism, so that one process sees part of a site; load it whole"
    reasons = (expert_obstacle(each, sites.sites[each.layer], "hook") for each in edits)
    return next((reason for reason in reasons if reason is not None), None) or _half_edited_layer(edits, sites)


def _half_edited_layer(edits: list[LayerEdits], sites: SiteMap) -> str | None:
    """Layers that are one module are hooked once, so the plan must edit them all alike."""
    wanted = {each.layer: each for each in edits}
    for number, edit in wanted.items():
        twins = [other for other, layer in enumerate(sites.layers) if layer is sites.layers[number] and other != number]
        for other in twins:
            if other not in wanted or not wanted[other].same_as(edit):
                return f"layers {number} and {other} are one shared module, so give both the same edits"
    return None


def _is_compiled(module: nn.Module) -> bool:
    """By ``torch.compile``, by ``Module.compile``, or by ``generate`` with a static cache."""
    calls = (getattr(module, name, None) for name in ("_compiled_call_impl", "_compiled_call"))
    return type(module).__name__ == "OptimizedModule" or any(call is not None for call in calls)
