"""lnbench: language-specific neurons, ablated and steered inside lm-evaluation-harness.

Everything here is loaded on first use, so that ``import lnbench`` stays free of torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lnbench.errors import LnbenchError

if TYPE_CHECKING:
    from lnbench.neurons import Architecture, NeuronSet

__version__ = "0.1.0"

__all__ = ["Architecture", "LnbenchError", "NeuronSet", "__version__"]

_LAZY = {"NeuronSet": "lnbench.neurons", "Architecture": "lnbench.neurons"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'lnbench' has no attribute {name!r}")
