"""The conditions of an ablation experiment: the original model, random controls and language-specific ablation.

A condition knows no model and no neurons; it says what shall be done, and :meth:`Condition.spec_keys` says it in the
words of an intervention spec.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lnbench.models import Spec

#: The name of the untouched model in every table.
ORIGINAL = "original"


@dataclass(frozen=True)
class Condition:
    """One state of the model. Two conditions are the same when name, ablated language, seed and repeat are.

    Attributes:
        name: ``original``, ``random`` (matched random ablation), ``specific`` (language-specific ablation), or the
            label of another condition of a study.
        ablated: the language whose neurons are edited, or whose neurons the random set matches; None for ``original``.
        seed: the draw of a random set; None where nothing is drawn.
        repeat: 0, or 1 for the second run of the original that measures the noise floor.
        evaluate: the languages whose tasks are run; None: all of the study.
        spec: what is done, complete; None: zero for ``specific`` and ``random``, nothing for ``original``.
        delta: a file of tuned weights that come before anything else.
        tuned: what that file says of itself (condition, language, documents, seed), once it has been looked at.
    """

    name: str
    ablated: str | None = None
    seed: int | None = None
    repeat: int = 0
    spec: Spec | None = field(default=None, compare=False)
    evaluate: tuple[str, ...] | None = field(default=None, compare=False)
    delta: str | None = field(default=None, compare=False)
    tuned: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def is_original(self) -> bool:
        """Whether the model is left as it is."""
        return self.name == ORIGINAL

    @property
    def only_tuned(self) -> bool:
        """Whether the weights are tuned ones, and no neuron is edited."""
        return self.delta is not None and self.spec is None

    def spec_keys(self) -> dict[str, Any]:
        """The keys of the intervention spec that this condition stands for (empty where no neuron is edited)."""
        if self.is_original or self.only_tuned:
            return {}
        if self.spec is not None:
            return {"spec": self.spec}
        keys: dict[str, Any] = {"spec": "zero", "lang": self.ablated}
        if self.name == "random":
            keys |= {"control": "random", "seed": self.seed}
        return keys

    def spec_json(self) -> dict[str, Any] | None:
        """The spec as plain JSON, without what is left at its default; None for ``original``."""
        keys = self.spec_keys()
        return Spec.parse(**keys).model_dump(mode="json", exclude_defaults=True, exclude_none=True) if keys else None

    def __str__(self) -> str:
        seed = None if self.seed is None else f"seed {self.seed}"
        parts = [self.name, self.ablated, seed, "again" if self.repeat else None]
        return " ".join(part for part in parts if part)


def conditions(ablated: Sequence[str], seeds: int) -> list[Condition]:
    """Original, then for each language its ``seeds`` random controls and its language-specific ablation."""
    listed = [Condition(ORIGINAL)]
    for language in ablated:
        listed += [Condition("random", language, seed) for seed in range(seeds)]
        listed.append(Condition("specific", language))
    return listed
