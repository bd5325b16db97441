"""Logits that are no finite numbers: what is answered from them is noise, and is refused before anything keeps it."""

from __future__ import annotations

from typing import Any

from lnbench.errors import EngineError


def checked(logits: Any, condition: str) -> Any:
    """Give logits back if every position has a finite largest one; single tokens may be ruled out by ``-inf``.

    Args:
        logits: ``[..., vocabulary]``.
        condition: the model's, for the refusal.

    Raises:
        EngineError: a position's logits are NaN, ``inf`` or all ``-inf``.
    """
    if not bool(logits.amax(dim=-1).isfinite().all()):
        raise EngineError(
            f"the model computed logits that are no finite numbers (condition: {condition}); load it with "
            "dtype=bfloat16 or float32, or use a weaker operation"
        )
    return logits


class Finite:
    """A logits processor for ``generate`` that changes nothing and refuses as :func:`checked` does."""

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """``[sequences, tokens]`` so far and ``[sequences, vocabulary]`` of the next."""
        return checked(scores, self._condition)
