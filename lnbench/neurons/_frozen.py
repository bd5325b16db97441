"""JSON values that cannot be changed after they were made, for headers."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np

from lnbench.errors import NeuronSetError


class FrozenDict(dict[str, Any]):
    """A dict that refuses changes; still a dict, so `json` writes it."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "nothing in a neuron set can be changed: make a new set, or a new header with `header.replace(...)`"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)


def freeze(value: Any, where: str) -> Any:
    """A deep, unchangeable copy of a JSON value: dicts become `FrozenDict`, lists become tuples.

    Raises:
        NeuronSetError: the value has no place in JSON (NaN, infinities, objects, keys that are not strings).
    """
    if isinstance(value, dict):
        if bad := [key for key in value if not isinstance(key, str)]:
            raise NeuronSetError(f"{where} has the key {bad[0]!r}, and only strings can be keys: write it in quotes")
        return FrozenDict({freeze(key, where): freeze(item, f"{where}.{key}") for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(freeze(item, where) for item in value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value):
        return value
    raise NeuronSetError(f"{where} is {value!r}, which JSON cannot hold: give strings, numbers, lists and dicts")


def thaw(value: Any) -> Any:
    """The plain JSON value (dicts and lists) of a frozen one."""
    if isinstance(value, dict):
        return {key: thaw(item) for key, item in value.items()}
    return [thaw(item) for item in value] if isinstance(value, (list, tuple)) else value
