"""Read the sizes of a layer's projections off its modules; what cannot be read is refused by name."""

from __future__ import annotations

import torch
from torch import nn

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._ports import Experts, Port


def outputs_of(layer: nn.Module, path: str) -> int:
    """Number of outputs of the projection ``path`` of a layer."""
    return _features(layer, path)[1]


def inputs_of(layer: nn.Module, path: str) -> int:
    """Number of inputs of the projection ``path`` of a layer."""
    return _features(layer, path)[0]


def output_port(layer: nn.Module, path: str) -> Port:
    """All outputs of a projection, one neuron each."""
    return Port(path, "out", outputs_of(layer, path))


def input_port(layer: nn.Module, path: str) -> Port:
    """All inputs of a projection, one neuron each."""
    return Port(path, "in", inputs_of(layer, path))


def expert_port(layer: nn.Module, path: str, *, inputs_first: bool = False, weight: str = "down_proj") -> Port:
    """Inputs of the down projections that fused experts keep in one 3-D parameter, expert by expert."""
    module = _submodule(layer, path)
    while isinstance(inside := getattr(module, "base_layer", None), nn.Module):  # an adapter's wrapper
        module = inside
    tensor = getattr(module, weight, None)
    if not isinstance(tensor, torch.Tensor) or tensor.ndim != 3:
        raise misfit(
            layer, f"{path}.{weight} is not one tensor of three dimensions (quantised, or experts as separate modules?)"
        )
    count, size = int(tensor.shape[0]), int(tensor.shape[1 if inputs_first else 2])
    return Port(path, "in", count * size, experts=Experts(count, size, weight, inputs_first))


def misfit(layer: nn.Module, what: str) -> UnsupportedArchitectureError:
    """The refusal of a layer that is not what its description says."""
    return UnsupportedArchitectureError(
        f"in {type(layer).__name__}, {what}; a layer of this kind needs its own description in "
        "lnbench/models/architectures/"
    )


def _features(layer: nn.Module, path: str) -> tuple[int, int]:
    """(inputs, outputs): ``Linear`` and its look-alikes say so; ``Conv1D`` has ``nx`` and ``nf``."""
    module = _submodule(layer, path)
    for names in (("in_features", "out_features"), ("nx", "nf")):
        if all(hasattr(module, name) for name in names):
            return int(getattr(module, names[0])), int(getattr(module, names[1]))
    raise misfit(layer, f"{path} is a {type(module).__name__} and no linear projection that lnbench can read")


def _submodule(layer: nn.Module, path: str) -> nn.Module:
    try:
        return layer.get_submodule(path)
    except AttributeError:
        raise misfit(layer, f"{path} does not exist (a mixture of experts?)") from None
