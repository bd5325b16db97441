"""The lm-eval side: the model class, plug-in registration, the task folder, the fence around response caches.

It knows lm-eval and the rooms below it. It does not know how a table looks. Everything is loaded on first use, because
the start-up hook imports this room in any process that imports lm-eval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.harness._command import run_eval
    from lnbench.harness._plugin import imported, register
    from lnbench.harness.lm import LnbenchLM
    from lnbench.harness.vllm._exports import Exports, KeptExport
    from lnbench.harness.vllm.lm import LnbenchVLLM

__all__ = ["Exports", "KeptExport", "LnbenchLM", "LnbenchVLLM", "imported", "register", "run_eval"]

_LAZY = {
    "Exports": "lnbench.harness.vllm._exports",
    "KeptExport": "lnbench.harness.vllm._exports",
    "LnbenchVLLM": "lnbench.harness.vllm.lm",
    "LnbenchLM": "lnbench.harness.lm",
    "imported": "lnbench.harness._plugin",
    "register": "lnbench.harness._plugin",
    "run_eval": "lnbench.harness._command",
}

__getattr__, __dir__ = lazy(__name__, _LAZY)
