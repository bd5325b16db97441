"""The lm-eval model ``lnbench-vllm``. Importing this module needs vLLM.

Raises:
    EngineError: vLLM is not installed, on import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lnbench.harness import _refusals
from lnbench.harness.vllm._model import OnExport
from lnbench.harness.vllm._starting import load_class

_refusals.say_in_one_sentence()
if TYPE_CHECKING:
    VLLM = Any
else:
    VLLM = load_class()


class LnbenchVLLM(OnExport, VLLM):
    """lm-eval's vLLM model in one condition: the original, or an exported checkpoint; see :class:`OnExport`."""
