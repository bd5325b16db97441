"""Selection by the name of a method, ours or one from another package.

A method is one function from what a pass has measured to a neuron set. Another package offers one under the entry-point
group ``lnbench.detection``::

    [project.entry-points."lnbench.detection"]
    mine = "my_package:select"

``select(measured, **parameters)`` gets a :class:`~lnbench.detection.CorpusStatistics` (from a file of statistics) or a
:class:`~lnbench.detection.StoredResponses` (from a folder of responses) or a
:class:`~lnbench.detection.StoredImpacts` (from a folder of PLND scores) and returns a
:class:`~lnbench.neurons.NeuronSet`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from lnbench._near import hint
from lnbench.errors import DataError, SpecError
from lnbench.neurons import NeuronSet

__all__ = ["GROUP", "check_parameters", "methods", "parameter", "select_by"]

#: The entry-point group of methods that other packages offer.
GROUP = "lnbench.detection"

#: Our methods: the place of the function, and what it selects from.
_OURS = {
    "lape": ("lnbench.detection._detect:lape_from_statistics", "statistics"),
    "ap": ("lnbench.detection._ap:ap_select", "responses"),
    "plnd": ("lnbench.detection.plnd:plnd_select", "impacts"),
}


def methods() -> tuple[str, ...]:
    """Names of all methods, ours first."""
    return (*_OURS, *sorted(set(_outside()) - set(_OURS)))


def select_by(method: str, source: str | Path, parameters: Mapping[str, Any]) -> NeuronSet:
    """Select from what a pass has measured: seconds, and no model.

    Args:
        method: one of :func:`methods`.
        source: the file or folder that ``--stats-out`` has written.
        parameters: of the method.

    Raises:
        SpecError: there is no such method or parameter, a parameter cannot be, or the method returns no neuron set.
        DataError: the source is missing, damaged, or not what the method selects from.
    """
    function = _function(method)
    check_parameters(method, parameters)
    found = function(_opened(Path(source), method), **parameters)
    if not isinstance(found, NeuronSet):
        raise SpecError(f"the method {method!r} returned a {type(found).__name__} and no NeuronSet; mend its package")
    return found


def check_parameters(method: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that a method does not have, and the lack of one that it needs.

    Raises:
        SpecError: there is no such method or parameter, or a parameter without a default is missing.
    """
    names = list(inspect.signature(_function(method)).parameters.values())[1:]
    known = _RATES if method == "lape" else tuple(p.name for p in names if p.kind is not p.VAR_KEYWORD)
    free = method != "lape" and any(p.kind is p.VAR_KEYWORD for p in names)
    for name in parameters:
        if name not in known and not free:
            has = ", ".join(known) or "none"
            raise SpecError(
                f"the method {method!r} has no parameter {name!r}; {hint(name, known)}its parameters are {has}"
            )
    for needed in names:
        variable = needed.kind in (needed.VAR_KEYWORD, needed.VAR_POSITIONAL)
        if needed.default is needed.empty and not variable and needed.name not in parameters:
            raise SpecError(f"the method {method!r} needs {needed.name!r}; give --{needed.name.replace('_', '-')}")


_RATES = ("top_rate", "filter_rate", "bar_rate")


def parameter(text: str) -> int | float | str:
    """A parameter as it was typed: a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _outside() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _function(method: str) -> Callable[..., Any]:
    if method in _OURS:
        module, _, name = _OURS[method][0].partition(":")
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
    if method not in methods():
        raise SpecError(f"there is no method {method!r}; {hint(method, methods())}known are {', '.join(methods())}")
    try:
        return _outside()[method].load()  # type: ignore[no-any-return]
    except Exception as error:  # what somebody else's package raises when it is imported
        raise SpecError(
            f"the method {method!r} of {_outside()[method].value!r} cannot be loaded ({error}); reinstall its package"
        ) from error


def _opened(source: Path, method: str) -> Any:
    """What is in a file or folder of ``--stats-out``; refused where our own method cannot select from it."""
    from lnbench.detection._store import ShardStore

    store = ShardStore.existing(source) if source.is_dir() else None
    kind = "statistics" if store is None else str(store.key.get("what"))
    if kind not in _READERS or (method in _OURS and kind != _OURS[method][1]):
        wanted = _OURS[method][1] if method in _OURS else " or ".join(_READERS)
        raise DataError(
            f"{str(source)!r} holds {kind}, and {method} selects from {wanted}; name what --stats-out of its own "
            "command has written"
        )
    return _READERS[kind](source if store is None else store)


def _statistics(source: Any) -> Any:
    from lnbench.detection._measured import CorpusStatistics

    return CorpusStatistics.load(source)


def _responses(store: Any) -> Any:
    from lnbench.detection._responses import StoredResponses

    return StoredResponses(store)


def _impacts(store: Any) -> Any:
    from lnbench.detection.plnd import StoredImpacts

    return StoredImpacts(store)


#: What a pass has written -> how it is read.
_READERS: dict[str, Callable[[Any], Any]] = {"statistics": _statistics, "responses": _responses, "impacts": _impacts}
