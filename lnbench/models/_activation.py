"""The input at which an activation function has a given value, so that a bias can hold an activation constant."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lnbench.models._plan import FloatArray

_STEPS = 64  # halvings of the bracket: beyond float64
_LOWEST, _POINTS = -12.0, 4801


def inverse_activation(function: nn.Module, values: FloatArray) -> FloatArray:
    """``x`` with ``function(x) = value`` on the rising branch right of the function's minimum; NaN where there is none.

    Works for any activation that rises from one minimum (SiLU reaches down to about -0.278, GELU to about -0.170, ReLU
    to 0). Solved by bisection in float64 with the model's own function, and checked by applying it.

    Args:
        function: Elementwise activation module.
        values: Wanted outputs, shape ``[n]``.

    Returns:
        Inputs, shape ``[n]``, float64.
    """
    with torch.no_grad():
        try:
            return _bisect(function, torch.from_numpy(np.array(values)))
        except (RuntimeError, TypeError):  # a fused kernel that takes no float64 on the CPU
            return np.full(values.shape, np.nan)


def _bisect(function: nn.Module, wanted: torch.Tensor) -> FloatArray:
    low = torch.full_like(wanted, _minimum(function))
    high = wanted.clamp(min=0.0) + 12.0  # every activation in use is close to the identity there, or never gets there
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below = function(middle) < wanted
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    error = (function(high) - wanted).abs()
    found = torch.where(error <= 1e-9 * (1.0 + wanted.abs()), high, torch.nan)
    return np.asarray(found.numpy(), dtype=np.float64)


def _minimum(function: nn.Module) -> float:
    """Where the function is smallest: a grid, then a finer one around the best point; the rightmost of equals."""
    grid = torch.linspace(_LOWEST, 0.0, _POINTS, dtype=torch.float64)
    for _ in range(3):
        values = function(grid)
        best = float(grid[values <= values.min()][-1])
        step = float(grid[1] - grid[0])
        grid = torch.linspace(best - step, best + step, 201, dtype=torch.float64)
    return best
