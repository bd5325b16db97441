"""What a user asks for: which neurons, what happens to them, and which control stands in for them.

A :class:`Spec` knows nothing of a model or a neuron set; names are checked against those when it is compiled to a plan.
Every refusal is one sentence that names the value and lists what exists.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from lnbench.errors import SpecError
from lnbench.models._layers import parse_layers
from lnbench.models._plan import TOKEN_RULES
from lnbench.models._spec_file import read_source
from lnbench.models._words import codes, unknown

OPERATIONS = ("zero", "scale", "add", "set")
STATISTICS = ("mean", "median", "diff", "active_mean", "active_median", "active_diff")
CONTROLS = ("none", "random")
MATCHES = ("layer-site", "site", "activation")
SPEC_KEYS = ("lang", "sites", "layers", "exclude", "top", "control", "seed", "match", "tokens", "expect", "n1", "n2")
"""Keys that may stand inline (in ``--model_args``) as well as in a spec file."""

_STATISTIC = re.compile(r"(?:(?P<factor>[^*]*)\*)?\s*(?P<kind>\w+)\s*:\s*(?P<of>[^*\s](?:[^*]*[^*\s])?)")

#: The largest whole number: 18 digits fit 64 bits.
_MOST = 10**18 - 1


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, given: Any) -> Any:
        return cls._without_unknown(given)

    @classmethod
    def _without_unknown(cls, given: Any) -> Any:
        for key in given if isinstance(given, Mapping) else ():
            if key not in cls.model_fields:
                raise SpecError(unknown("key", key, tuple(cls.model_fields)))
        return given


class Statistic(_Model):
    """A per-neuron constant of the neuron set: ``factor`` times ``kind``, measured on text of label ``of``."""

    kind: Literal["mean", "median", "diff", "active_mean", "active_median", "active_diff"]
    of: str
    factor: float = 1.0

    def __str__(self) -> str:
        return f"{'' if self.factor == 1.0 else f'{_shortest(self.factor)}*'}{self.kind}:{self.of}"


class Step(_Model):
    """One operation on the neurons of some languages: ``a`` becomes 0, ``value * a``, ``a + value`` or ``value``."""

    lang: tuple[str, ...] | None = None
    """Languages whose neurons are meant; None: see :attr:`Spec.lang`; ``("all",)``: every language of the set."""
    op: Literal["zero", "scale", "add", "set"]
    value: float | Statistic | None = None
    """None for ``zero``; a number for ``scale``; a number or a statistic for ``add`` and ``set``."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        """Accept ``"scale:0.5"`` for a whole step or for its ``op``."""
        step = {"op": given} if isinstance(given, str) else given
        if not isinstance(step, Mapping):
            raise SpecError(f"cannot read the step {step!r}; a step is like {{lang: zh, op: zero}}")
        cls._without_unknown(step)
        op, colon, argument = (part.strip() for part in str(step.get("op", "")).partition(":"))
        if op not in OPERATIONS:
            raise SpecError(unknown("op", op, OPERATIONS) if op else f"the step {dict(step)!r} has no op; add op: zero")
        if colon and step.get("value") is not None:
            raise SpecError(f"op {step['op']!r} already has a value; drop value: {step['value']!r}")
        return {**step, "op": op, "value": _value(op, argument if colon else step.get("value"))}

    @field_validator("lang", mode="before")
    @classmethod
    def _languages(cls, given: Any) -> tuple[str, ...] | None:
        return None if given is None else languages("lang", given)

    @field_serializer("value")
    def _written(self, value: float | Statistic | None) -> float | str | None:
        return str(value) if isinstance(value, Statistic) else value

    def __str__(self) -> str:
        number = _shortest(self.value) if isinstance(self.value, float) else self.value
        return self.op if number is None else f"{self.op}:{number}"


class Spec(_Model):
    """Steps, the neurons that they mean, and the control. Build one with :meth:`parse`."""

    steps: tuple[Step, ...] = Field((), validate_default=True)
    """Carried out in order; at least one."""
    lang: tuple[str, ...] | None = None
    """Languages of the steps that name none; None where the set has only one language."""
    layers: str = "all"
    sites: tuple[str, ...] | None = None
    """Site names, long or short; None for every site of the set."""
    exclude: tuple[str, ...] = ()
    """Neurons that belong to one of these languages too stay untouched."""
    top: int | None = None
    """Of every language only so many neurons, those with the highest scores; None for all."""
    tokens: Literal["all", "prompt", "generated"] = "all"
    expect: str | None = None
    """The language that fidelity should expect, when it is not the task's."""
    control: Literal["none", "random"] = "none"
    seed: int = 0
    match: Literal["layer-site", "site", "activation"] = "layer-site"
    n1: int | None = None
    """Number of ``understanding`` layers."""
    n2: int | None = None
    """Number of ``generation`` layers."""

    @classmethod
    def parse(cls, spec: SpecSource = None, **inline: Any) -> Spec:
        """Read a spec and the inline keys beside it; a key that is None counts as left out.

        Args:
            spec: an operation (``zero``, ``scale:0.5``, ``add:0.1``, ``set:mean:fr``), the path of a YAML file
                (``.yaml``, ``.yml``), a mapping like such a file, a finished spec, or None for ``zero``.
            inline: any of :data:`SPEC_KEYS`. Lists may be joined by ``+``. A key that the file gives too must have the
                same value there. ``lang`` is the language of each step that names none.

        Raises:
            SpecError: anything unknown, contradictory or out of range; one sentence that says what exists.
        """
        inline = {key: value for key, value in inline.items() if value is not None}
        for key in inline:
            if key not in SPEC_KEYS:
                raise SpecError(unknown("key", key, SPEC_KEYS))
        name, given = ("", spec) if isinstance(spec, Spec) else read_source(spec)
        try:
            return _checked(
                _merged(cls.model_validate(given), cls.model_validate({"steps": ["zero"], **inline}), inline)
            )
        except SpecError as error:
            raise SpecError(f"{name}: {error}" if name else str(error)) from None
        except ValidationError as error:  # the validators below refuse first; this keeps the promise of one sentence
            raise SpecError(f"{name or 'spec'}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None

    @field_validator("steps", mode="before")
    @classmethod
    def _steps(cls, given: Any) -> Any:
        if not isinstance(given, (list, tuple)) or not given:
            raise SpecError(f"steps is a list of at least one step like {{lang: zh, op: zero}}, not {given!r}")
        return tuple(_step(number, step, len(given)) for number, step in enumerate(given, 1))

    @field_validator("lang", mode="before")
    @classmethod
    def _languages(cls, given: Any) -> tuple[str, ...] | None:
        return None if given is None else languages("lang", given)

    @field_validator("sites", mode="before")
    @classmethod
    def _sites(cls, given: Any) -> tuple[str, ...] | None:
        return None if given is None else codes("sites", given)

    @field_validator("exclude", mode="before")
    @classmethod
    def _exclude(cls, given: Any) -> tuple[str, ...]:
        return () if given is None or given in ([], ()) else codes("exclude", given)

    @field_validator("layers", mode="before")
    @classmethod
    def _layers(cls, given: Any) -> str:
        return parse_layers(given)

    @field_validator("expect", mode="before")
    @classmethod
    def _expect(cls, given: Any) -> str | None:
        if given is None:
            return None
        found = codes("expect", given)
        if len(found) > 1:
            raise SpecError(f"expect={given!r} names {len(found)} languages; fidelity expects one")
        return found[0]

    @field_validator("tokens", "control", "match", mode="before")
    @classmethod
    def _choice(cls, given: Any, info: ValidationInfo) -> Any:
        key = str(info.field_name)
        allowed = {"tokens": TOKEN_RULES, "control": CONTROLS, "match": MATCHES}[key]
        if given not in allowed:
            raise SpecError(unknown(key, given, allowed))
        return given

    @field_validator("top", mode="before")
    @classmethod
    def _top(cls, given: Any) -> int | None:
        if given is not None and (isinstance(given, bool) or not re.fullmatch(r"[1-9][0-9]{0,17}", str(given))):
            raise SpecError(
                f"top must be a whole number from 1 to {_MOST}, not {given!r}; leave it out for all neurons"
            )
        return None if given is None else int(given)

    @field_validator("seed", "n1", "n2", mode="before")
    @classmethod
    def _count(cls, given: Any, info: ValidationInfo) -> int | None:
        if given is None and info.field_name != "seed":
            return None
        if isinstance(given, bool) or not isinstance(given, (int, str)) or not re.fullmatch(r"[0-9]{1,18}", str(given)):
            raise SpecError(f"{info.field_name} must be a whole number from 0 to {_MOST}, not {given!r}")
        return int(given)


SpecSource: TypeAlias = str | Path | Mapping[str, Any] | Spec | None


def languages(key: str, given: Any) -> tuple[str, ...]:
    """Read language codes; ``all`` stands alone."""
    found = codes(key, given)
    if "all" in found and len(found) > 1:
        raise SpecError(f"{key}={'+'.join(found)} joins 'all' with other languages; use one or the other")
    return found


def _step(number: int, given: Any, steps: int) -> Step:
    try:
        return Step.model_validate(given)
    except SpecError as error:
        raise SpecError(f"step {number}: {error}" if steps > 1 else str(error)) from None


def _value(op: str, given: Any) -> float | Statistic | None:
    if op == "zero":
        if given is not None:
            raise SpecError(f"op zero takes no value, not {given!r}; drop it, or use set:{given}")
        return None
    if isinstance(given, Statistic):
        return given
    text = "" if given is None or isinstance(given, bool) else str(given).strip()
    if op != "scale" and (match := _STATISTIC.fullmatch(text)):
        if match["kind"] not in STATISTICS:
            raise SpecError(unknown("statistic", match["kind"], STATISTICS))
        factor = _number(op, match["factor"], given) if match["factor"] is not None else 1.0
        return Statistic.model_validate({"kind": match["kind"], "of": match["of"], "factor": factor})
    return _number(op, text, given)


def _number(op: str, text: str, given: Any) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        takes = "a finite number" + ("" if op == "scale" else " or a statistic such as mean:fr or 1.5*mean:fr")
        raise SpecError(f"op {op} takes {takes}, not {given!r}; for example {op}:0.5")
    return number


def _shortest(number: float) -> str:
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


def _merged(file: Spec, beside: Spec, inline: Mapping[str, Any]) -> Spec:
    """Add the inline keys to those of the file; the same key with two values is a contradiction."""
    for key in inline:
        ours, theirs = getattr(beside, key), getattr(file, key)
        if key in file.model_fields_set and _plain(ours) != _plain(theirs):
            raise SpecError(f"{key} is {_shown(theirs)} in the spec and {_shown(ours)} beside it; give it in one place")
    return file.model_copy(update={key: getattr(beside, key) for key in inline})


def _checked(spec: Spec) -> Spec:
    """Refuse keys that would do nothing: the user meant something by them."""
    for key in ("seed", "match"):
        if key in spec.model_fields_set and spec.control != "random":
            raise SpecError(f"{key}={getattr(spec, key)} has no effect without control=random; add it or drop {key}")
    named = [step.lang for step in spec.steps if step.lang is not None]
    if spec.lang is not None and len(named) == len(spec.steps) and any(lang != spec.lang for lang in named):
        shown = ", ".join(dict.fromkeys(map(_shown, named)))
        raise SpecError(f"lang={_shown(spec.lang)} has no effect: every step names its language ({shown}); drop one")
    return spec


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    return "+".join(value) if isinstance(value, tuple) else str(value)
