"""The parts of a study file below its top level, and the refusals that all parts share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from lnbench._near import hint
from lnbench.errors import UnknownLanguageError
from lnbench.languages import language
from lnbench.models import Spec

#: Words that stand for the languages of a condition under ``evaluate:``.
ABLATED, EXPECTED = "ablated", "expected"
#: How many seeds a random control has when the study does not say.
RANDOM_SEEDS = 5
#: How many it can have: each is a condition of its own for every language.
MOST_SEEDS = 10_000


def refused(sentence: str, *where: Any) -> PydanticCustomError:
    """What a validator raises: a whole sentence, and where below the validated value it points."""
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence, "where": where})


def unknown(what: str, given: object, exists: Iterable[str]) -> str:
    """A sentence that names an unknown value, the nearest one that exists, and all of them."""
    known = list(exists)
    return f"unknown {what} {given!r}; {hint(given, known)}{what} is one of {', '.join(known)}"


class Section(BaseModel):
    """Keys of a study file: unknown ones are refused, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, given: Any) -> Any:
        for key in given if isinstance(given, Mapping) else ():
            if key not in cls.model_fields:
                raise refused(unknown("key", key, cls.model_fields), key)
        return given


class ModelSection(Section):
    """``model:``; every key but ``engine``, ``threads`` and ``arguments`` is one of lm-eval's ``hf`` model."""

    pretrained: str | None = None
    """A hub name or a folder; left out: the model that the neuron set names."""
    dtype: str | None = None
    revision: str | None = None
    subfolder: str | None = None
    tokenizer: str | None = None
    peft: str | None = None
    delta: str | None = None
    batch_size: int | str = 8
    max_batch_size: int | None = None
    device: str | None = None
    max_length: int | None = Field(default=None, gt=0)
    add_bos_token: bool | None = None
    prefix_token_id: int | None = None
    parallelize: bool | None = None
    device_map: str | dict[str, Any] | None = None
    attn_implementation: str | None = None
    load_in_8bit: bool | None = None
    load_in_4bit: bool | None = None
    engine: Literal["auto", "fold", "hook"] = "auto"
    threads: int | None = Field(default=None, gt=0)
    """CPU threads of torch, for the whole process; as torch chooses when left out."""
    arguments: dict[str, Any] = Field(default={})
    """Anything else that lm-eval's ``hf`` model takes."""

    def given(self) -> dict[str, Any]:
        """The keyword arguments for the model class, without those that are left out."""
        return {**self.model_dump(exclude_none=True, exclude={"threads", "arguments"}), **self.arguments}

    @field_validator("batch_size")
    @classmethod
    def _size(cls, size: int | str) -> int | str:
        if (isinstance(size, int) and size > 0) or str(size).startswith("auto"):
            return size
        raise refused(f"batch_size is a number above 0, or auto, not {size!r}; correct it there")

    @field_validator("arguments")
    @classmethod
    def _arguments(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        for key in ("trust_remote_code", "mask", "spec", "pretrained"):
            if key in arguments:
                raise refused(f"arguments may not hold {key!r}; lnbench sets it or never uses it", key)
        return arguments


class Seeds(Section):
    """``seeds:``; lm-eval's own four, with its own values."""

    random: int = 0
    numpy: int = 1234
    torch: int = 1234
    fewshot: int = 1234


class TaskEntry(Section):
    """One entry of ``tasks:``; text alone stands for ``{task: TEXT}``."""

    task: str
    """A dataset (``mgsm``, ``demo_summ``), or any lm-eval task, with ``{lang}`` where its language stands."""
    language: str | None = None
    """The language of a task that is named in full."""

    @model_validator(mode="before")
    @classmethod
    def _text(cls, given: Any) -> Any:
        return {"task": given} if isinstance(given, str) else given


class ConditionEntry(Section):
    """One entry of ``conditions:``: the keys of a spec, and which languages and seeds it is repeated for."""

    op: Any = None
    value: Any = None
    spec: str | None = None
    steps: Any = None
    lang: Any = None
    layers: Any = None
    sites: Any = None
    exclude: Any = None
    top: Any = None
    control: Any = None
    match: Any = None
    tokens: Any = None
    expect: Any = None
    n1: Any = None
    n2: Any = None
    seeds: int | list[int] | None = None
    """How many draws of a random control (0, 1, ...), or which."""
    ablate: list[str] | None = None
    """The languages that this condition is repeated for; left out: those of the study."""
    evaluate: list[str] | None = None
    """Of which languages tasks are run: codes, ``ablated`` and ``expected``; left out: of all of the study."""
    optional: bool = False
    """Leave the condition out, and say so, where the neuron set has no neuron at its sites, instead of refusing it."""
    of: str | None = None
    """For a random control: the condition whose operation, layers and sites it repeats on random neurons."""
    delta: str | None = None
    """Tuned weights (a file of ``lnbench tune``) that come before anything else; ``{lang}`` and ``{seed}`` are filled
    in."""

    @field_validator("evaluate")
    @classmethod
    def _languages(cls, names: list[str] | None) -> list[str] | None:
        for at, name in enumerate(names or ()):
            if name not in (ABLATED, EXPECTED):
                try:
                    language(name)
                except UnknownLanguageError as error:
                    raise refused(f"evaluate: {error}; or write {ABLATED} or {EXPECTED}", at) from None
        if names == []:
            raise refused("evaluate: [] leaves nothing to run; name languages, or leave it out")
        return names

    @model_validator(mode="after")
    def _readable(self) -> ConditionEntry:
        if self.seeds is not None and not self._drawn:
            sentence = "seeds have no effect without control: random, or {seed} in a delta; add one or drop seeds"
            raise refused(sentence, "seeds")
        if (self.op is not None) + (self.spec is not None) + (self.steps is not None) > 1:
            raise refused("op, spec and steps say the same thing in three ways; give one of them")
        if self.value is not None and self.op is None:
            raise refused(f"value: {self.value!r} has no effect without op; add op: set", "value")
        if isinstance(self.seeds, int) and self.seeds > MOST_SEEDS:
            raise refused(f"seeds: {self.seeds!r} asks for more than {MOST_SEEDS} draws; give fewer", "seeds")
        if not self.draws():
            raise refused(f"seeds: {self.seeds!r} asks for no draw; give a number of 1 or more", "seeds")
        return self

    def keys(self) -> dict[str, Any]:
        """The keys of the spec, without ``seed`` and with ``op`` and ``value`` as a step; empty when none is given."""
        fields = self.model_dump(
            exclude_none=True, exclude={"op", "value", "seeds", "ablate", "evaluate", "optional", "of", "delta"}
        )
        if self.op is not None:
            step = {"op": self.op} if self.value is None else {"op": self.op, "value": self.value}
            fields["spec"] = {"steps": [step]}
        if self.steps is not None:
            fields["spec"] = {"steps": fields.pop("steps")}
        return fields

    @property
    def only_tuned(self) -> bool:
        """Whether tuned weights are all that the condition has, so that it needs no neurons."""
        return self.delta is not None and not self.keys() and self.of is None

    @property
    def _drawn(self) -> bool:
        return self.control is not None or (self.delta is not None and "{seed}" in self.delta)

    def draws(self) -> Sequence[int | None]:
        """The seeds, or one None where nothing is drawn."""
        if not self._drawn:
            return (None,)
        seeds = RANDOM_SEEDS if self.seeds is None else self.seeds
        return range(seeds) if isinstance(seeds, int) else tuple(dict.fromkeys(seeds))


def spec_of(keys: Mapping[str, Any], seed: int | None = None, language: str | None = None) -> Spec:
    """The complete spec of a condition for one draw and for one language, where the keys name none themselves.

    Raises:
        SpecError: see :meth:`lnbench.models.Spec.parse`.
    """
    inline = {"seed": seed, "lang": language, **keys}
    return Spec.parse(inline.pop("spec", None), **inline)


def named_languages(spec: Spec) -> tuple[str, ...] | None:
    """The languages of the first step, where every step has its own; None where the study's languages fill in."""
    if spec.lang is not None:
        return spec.lang
    return None if any(step.lang is None for step in spec.steps) else spec.steps[0].lang
