"""Which biases vLLM reads of a checkpoint. Some of its models take no notice of those that they have no place for.

A constant that a plan adds becomes a bias, for which the export sets a field of the config. What vLLM makes of such a
field was tried in vLLM 0.32 for the model types in :data:`READ`: an engine and transformers agree on a checkpoint with
all of these biases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lnbench.errors import EngineError

_ATTENTION = r"\.self_attn\.[qkvo]_proj\.bias$"
_MLP = r"\.mlp\.(gate|up|down)_proj\.bias$"
#: Model type -> patterns of the new biases that vLLM has a place for.
READ: dict[str, tuple[str, ...]] = {
    "llama": (_ATTENTION, _MLP),
    "granite": (_ATTENTION, _MLP),
}


def refuse_unread(config: Any, biases: Sequence[str]) -> None:
    """Refuse a plan whose constants vLLM would drop without a word.

    Args:
        config: of the model.
        biases: names of the biases that the export makes.

    Raises:
        EngineError: vLLM is not known to read one of them.
    """
    kind = str(config.get_text_config(decoder=True).model_type)
    patterns = READ.get(kind, ())
    unread = next((name for name in biases if not any(re.search(pattern, name) for pattern in patterns)), None)
    if unread is not None:
        raise EngineError(
            f"this plan needs the new bias {unread}, and vLLM is not known to read it in a model of type {kind!r}; use "
            "an operation without a constant (zero, scale), or --model lnbench"
        )
