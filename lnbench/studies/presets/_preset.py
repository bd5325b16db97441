"""The key ``preset:`` of a study file, and what the presets share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from lnbench.studies._sections import RANDOM_SEEDS, Section, refused, unknown

#: Keys of a study file.
Keys: TypeAlias = dict[str, Any]
#: The blocks of the multilingual workflow (Zhao et al. 2024).
BLOCKS = ("understanding", "solving", "generation")
#: The four benchmarks of Zhao et al. 2024.
FOUR = ["mgsm", "xquad", "xcsqa", "xlsum"]


class Preset(Section):
    """``preset:``; text alone stands for ``{name: TEXT}``. Each preset reads the parameters that it needs."""

    name: str
    seeds: int = Field(default=RANDOM_SEEDS, ge=1)
    """Draws of every random control."""
    n1: int | list[int] | None = None
    """Number of understanding layers (``plnd-blocks``), or several (``plnd-sweep``)."""
    n2: int | list[int] | None = None
    """Number of generation layers, or several."""
    evaluate: list[str] | None = None
    """Of which languages every condition of the workflow presets runs tasks, as in a condition; all when left out."""
    block: str = "solving"
    """The block that ``plnd-sweep`` deactivates."""
    scales: list[float] = Field(default=[0.75, 0.5, 0.25, 0.0], min_length=1)
    """Doses of ``dose-response``: what activations are multiplied with."""
    strengths: list[float] = Field(default=[0.0, 0.5, 1.0, 1.5, 2.0], min_length=1)
    """Doses of ``steering-dose``: what the mean activation, to which neurons are set, is multiplied with."""
    top: list[int] = Field(default=[])
    """Further doses of both: so many neurons of each language, those with the highest scores."""
    deltas: str | None = None
    """The folder that ``lnbench tune`` wrote (``plnd-tuning``)."""
    tuned: list[str] = Field(default=[])
    """The languages that were tuned there."""
    documents: list[int] = Field(default=[100, 200, 400, 800], min_length=1)
    """On how many documents."""
    kinds: list[Literal["random", "specific", "full"]] = Field(default=["random", "specific", "full"], min_length=1)
    """Which conditions of ``lnbench tune``; tuned random neurons are the control of the others."""
    targets: list[str] | None = None
    """The languages that ``lape-steering`` and ``steering-dose`` steer to; left out: all of the study."""

    @model_validator(mode="before")
    @classmethod
    def _text(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        from lnbench.studies.presets import PRESETS

        if name not in PRESETS:
            raise refused(unknown("preset", name, PRESETS))
        return name

    @field_validator("block")
    @classmethod
    def _block(cls, block: str) -> str:
        if block not in BLOCKS:
            raise refused(unknown("block", block, BLOCKS))
        return block


#: A preset: the study keys that it stands for, given its parameters and the languages of the study.
Fill: TypeAlias = Callable[[Preset, Sequence[str]], Keys]


def controlled(entries: Mapping[str, Keys], seeds: int) -> Keys:
    """The original, and each condition with a random control of its own."""
    found: Keys = {"original": {}}
    for label, entry in entries.items():
        control = "random" if label == "specific" else f"{label}-random"
        found |= {control: {"control": "random", "of": label, "seeds": seeds}, label: entry}
    return found
