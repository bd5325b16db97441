"""Carry out a plan on a model, and undo it: ``with applied(model, plan): ...``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

from torch import nn

from lnbench._near import hint
from lnbench.errors import EngineError
from lnbench.models._compiled import forget_compiled
from lnbench.models._fold import CannotFoldError, weight_edits
from lnbench.models._guards import hook_obstacle
from lnbench.models._hook import Hooked, hook
from lnbench.models._lower import LayerEdits, lower
from lnbench.models._plan import Plan
from lnbench.models._sitemap import SiteMap, site_map
from lnbench.models._weights import Folded, fold

Engine = Literal["fold", "hook"]
ENGINES = ("auto", "fold", "hook")

_ACTIVE: WeakKeyDictionary[nn.Module, Plan] = WeakKeyDictionary()


@dataclass(eq=False)
class Applied:
    """A plan at work on a model. :meth:`restore` ends it."""

    engine: Engine
    plan: Plan
    reason: str
    """Why this engine, in words."""
    _undo: Folded | Hooked
    _decoder: nn.Module

    def restore(self) -> None:
        """Put the model back as it was, bit for bit; calling it again does nothing."""
        self._undo.restore()
        forget_compiled(self.engine)
        if _ACTIVE.get(self._decoder) is self.plan:
            del _ACTIVE[self._decoder]


def choose_engine(model: nn.Module, plan: Plan, engine: str = "auto") -> Engine:
    """The engine that carries out a plan: ``fold`` where it can, else ``hook``, unless one is asked for.

    Raises:
        EngineError: the engine that was asked for (or with ``auto`` each of them) cannot; says why and what to do.
        ModelMismatchError: the plan names layers or neurons that the model does not have.
        UnsupportedArchitectureError: lnbench has no description of this architecture.
    """
    return _prepare(model, plan, site_map(model), engine).engine


def apply(model: nn.Module, plan: Plan, engine: str = "auto") -> Applied:
    """Carry out a plan until :meth:`Applied.restore`.

    Args:
        model: A transformers causal language model, wrapped or not; it is changed in place.
        plan: What to change. A plan that changes nothing leaves every weight and hook as it is.
        engine: ``auto``, ``fold`` or ``hook``.

    Raises:
        EngineError: see :func:`choose_engine`; or the model already has a plan applied.
    """
    sites = site_map(model)
    refuse_second_plan(sites)
    prepared = _prepare(model, plan, sites, engine)
    undo = prepared.carry_out()
    forget_compiled(prepared.engine)
    _ACTIVE[sites.decoder] = plan
    return Applied(prepared.engine, plan, prepared.reason, undo, sites.decoder)


def refuse_second_plan(sites: SiteMap) -> None:
    """Raise EngineError if a plan is at work on the model that the map was made from."""
    if sites.decoder in _ACTIVE:
        raise EngineError(
            f"this model already has a plan applied ({_ACTIVE[sites.decoder].plan_hash[:12]}); restore it first, or "
            "compose both in one spec"
        )


@contextmanager
def applied(model: nn.Module, plan: Plan, engine: str = "auto") -> Iterator[Applied]:
    """:func:`apply` for the length of a ``with`` block, restored at its end and after an exception."""
    at_work = apply(model, plan, engine)
    try:
        yield at_work
    finally:
        at_work.restore()


@dataclass(frozen=True)
class _Prepared:
    """An engine that has been found able, and what it is to do."""

    engine: Engine
    reason: str
    carry_out: Callable[[], Folded | Hooked]


def _prepare(model: nn.Module, plan: Plan, sites: SiteMap, engine: str) -> _Prepared:
    if engine not in ENGINES:
        raise EngineError(f"unknown engine {engine!r}; {hint(engine, ENGINES)}engine is one of {', '.join(ENGINES)}")
    edits = lower(plan, sites)
    if engine == "hook":
        return _prepare_hooks(model, plan, edits, sites, None)
    try:
        writes = weight_edits(edits, sites, plan.tokens)
    except CannotFoldError as error:
        if engine == "fold":
            message = f"engine=fold cannot carry out this plan: {error}; use engine=hook or engine=auto"
            raise EngineError(message) from None
        return _prepare_hooks(model, plan, edits, sites, str(error))
    reason = "asked for" if engine == "fold" else "the plan fits into the weights"
    return _Prepared("fold", reason, lambda: fold(writes))


def _prepare_hooks(
    model: nn.Module, plan: Plan, edits: list[LayerEdits], sites: SiteMap, against_fold: str | None
) -> _Prepared:
    obstacle = hook_obstacle(model, edits, sites)
    if obstacle is None:
        return _Prepared("hook", against_fold or "asked for", lambda: hook(edits, sites, plan.tokens))
    if against_fold is None:
        raise EngineError(f"engine=hook cannot carry out this plan: {obstacle}, or use engine=fold")
    raise EngineError(
        f"no engine can carry out this plan: not fold, because {against_fold}; nor hook, because {obstacle}"
    )
