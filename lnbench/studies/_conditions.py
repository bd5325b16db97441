"""The conditions of an ablation experiment: the original model, random controls and language-specific ablation.

A condition knows no model and no neurons; it says what shall be done, and :meth:`Condition.spec_keys` says it in the
words of an intervention spec.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Condition:
    """One state of the model: untouched, or with one language's neurons (or a random set as large) zeroed.

    Attributes:
        name: ``original``, ``random`` (matched random ablation) or ``specific`` (language-specific ablation).
        ablated: the language whose neurons are zeroed, or whose neurons the random set matches; None for ``original``.
        seed: the draw of a random set; None for the other two.
    """

    name: Literal["original", "random", "specific"]
    ablated: str | None = None
    seed: int | None = None

    def spec_keys(self) -> dict[str, Any]:
        """The keys of the intervention spec that this condition stands for (empty for ``original``)."""
        if self.name == "original":
            return {}
        keys: dict[str, Any] = {"spec": "zero", "lang": self.ablated}
        if self.name == "random":
            keys |= {"control": "random", "seed": self.seed}
        return keys

    def __str__(self) -> str:
        parts = [self.name, self.ablated, None if self.seed is None else f"seed {self.seed}"]
        return " ".join(part for part in parts if part)


def conditions(ablated: Sequence[str], seeds: int) -> list[Condition]:
    """Original, then for each language its ``seeds`` random controls and its language-specific ablation."""
    listed = [Condition("original")]
    for language in ablated:
        listed += [Condition("random", language, seed) for seed in range(seeds)]
        listed.append(Condition("specific", language))
    return listed
