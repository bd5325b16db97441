"""What a set of results is: which model, in which condition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lnbench.errors import DataError
from lnbench.reporting.reading._files import mapping

__all__ = ["Role"]

_Json = Mapping[str, Any]
#: Keys of a spec that say which neurons are drawn, not what is done with them.
_DRAW = ("control", "seed", "match")
#: Keys of a spec with a field of their own here, or without a meaning for what is compared.
_OWN = (*_DRAW, "steps", "lang", "expect")


@dataclass(frozen=True)
class Role:
    """Attributes:
    model: as the user named it.
    condition: ``original``, ``random``, ``specific`` or another label.
    ablated: the language whose neurons are edited, or whose neurons a random set matches.
    seed: the draw of a random set.
    repeat: 0, or 1 and more for further runs of the same.
    control: whether it is a random control.
    what: canonical JSON of what is done to the neurons, without the draw; None where it is not recorded.
    """

    model: str
    condition: str
    ablated: str | None = None
    seed: int | None = None
    repeat: int = 0
    control: bool = False
    what: str | None = None

    @classmethod
    def of_manifest(cls, role: _Json) -> Role:
        """The role that a study gave a cell.

        Raises:
            DataError: a field is missing or of the wrong type.
        """
        try:
            condition, model = str(role["condition"]), str(role["model"] or "unnamed")
            spec, seed, tuned = role.get("spec"), role.get("seed"), role.get("tuned")
            return cls(
                model=model,
                condition=condition,
                ablated=_text(role.get("ablated")),
                seed=None if seed is None else int(seed),
                repeat=int(role.get("repeat") or 0),
                control=condition == "random" or _drawn(spec) or _tuned_at_random(tuned),
                what=_what(spec or {}, tuned) if spec or tuned else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DataError(f"a role is damaged ({error!r}); delete the cell's folder and run it again") from error

    @classmethod
    def of_results(cls, results: _Json) -> Role:
        """The role of plain lm-eval output: what lnbench recorded of the model, else the original.

        Raises:
            DataError: what is recorded is damaged.
        """
        try:
            return cls._of_results(results)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DataError(f"config.lnbench is damaged ({error!r}); run the evaluation again") from error

    @classmethod
    def _of_results(cls, results: _Json) -> Role:
        config = mapping(results.get("config"))
        recorded = mapping(config.get("lnbench"))
        model = str(recorded.get("model") or results.get("model_name") or _argument(config, "pretrained") or "unnamed")
        plan, delta = recorded.get("plan"), recorded.get("delta")
        if delta and not plan:
            return cls._tuned(model, delta)
        if not plan:
            return cls(model, "original")
        spec = plan.get("spec") or {}
        control = plan.get("control") == "random"
        label = _label(plan.get("steps") or [], spec)
        condition = ("random" if control else label) if label == "specific" else f"{'random ' * control}{label}"
        condition = f"{_tuned_label(delta)} {condition}" if delta else condition
        ablated = "+".join(dict.fromkeys(c for step in plan.get("steps") or [] for c in step.get("languages", [])))
        seed = int(plan["seed"]) if control else None
        return cls(model, condition, ablated or None, seed, 0, control, _what(spec, delta))

    @classmethod
    def _tuned(cls, model: str, delta: _Json) -> Role:
        label = _tuned_label(delta)
        seed = None if delta.get("seed") is None else int(delta["seed"])
        language = _text(delta.get("language"))
        return cls(model, label, language, seed, 0, _tuned_at_random(delta), _what({}, delta))

    def __str__(self) -> str:
        seed = None if self.seed is None else f"seed {self.seed}"
        parts = [self.condition, self.ablated, seed, f"run {self.repeat + 1}" if self.repeat else None]
        return " ".join(part for part in parts if part)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _drawn(spec: _Json | None) -> bool:
    return bool(spec and spec.get("control") == "random")


def _tuned_at_random(tuned: _Json | None) -> bool:
    """Whether random neurons were tuned, which is the control of tuning those of a language."""
    return bool(tuned and tuned.get("condition") == "random")


def _tuned_label(delta: _Json) -> str:
    parts = ("tuned", delta.get("condition"), delta.get("documents"))
    return "-".join(str(part) for part in parts if part)


def _what(spec: _Json, tuned: _Json | None = None) -> str:
    done = {key: value for key, value in spec.items() if key not in _DRAW}
    if tuned:
        done["tuned"] = {"documents": tuned.get("documents")}
    return json.dumps(done, sort_keys=True, ensure_ascii=False, default=str)


def _label(steps: list[Any], spec: _Json) -> str:
    """``specific`` for plain zeroing, else the operations and the other keys of the spec: ``scale:0.5 layers=0-3``."""
    operations = "+".join(dict.fromkeys(str(step.get("op")) for step in steps))
    others = [f"{key}={_joined(value)}" for key, value in sorted(spec.items()) if key not in _OWN]
    return "specific" if operations == "zero" and not others else " ".join([operations, *others])


def _joined(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _argument(config: _Json, name: str) -> Any:
    arguments = config.get("model_args")
    return arguments.get(name) if isinstance(arguments, Mapping) else None
