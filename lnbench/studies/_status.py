"""How far a study is, and what is left of it: asked without loading a model's weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lnbench.studies._cell import Place, Role, place_of
from lnbench.studies._cost import Cost
from lnbench.studies._model import shell
from lnbench.studies._rates import Observation
from lnbench.studies._session import built_tasks, compiled, settings_of

if TYPE_CHECKING:
    from lnbench.models import Plan
    from lnbench.studies._conditions import Condition
    from lnbench.studies._plan import StudyPlan
    from lnbench.studies._session import BuiltTask
    from lnbench.studies._store import Store
    from lnbench.studies._study import Study


@dataclass(frozen=True)
class Status:
    """The cells of a plan, as they stand in a store.

    Attributes:
        plan: the plan.
        finished: places whose cell is finished.
        failed: place -> what went wrong when it was last run.
    """

    plan: StudyPlan
    finished: frozenset[Place]
    failed: Mapping[Place, str]

    @property
    def left(self) -> list[Role]:
        """The cells that a run would run now, failed ones among them."""
        return [role for role in self.plan.cells if role.place not in self.finished]


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        status: what is finished, and what is left.
        model: the model's name.
        costs: task name -> its cost under one condition.
        stale: places that the store holds from another version of the study; a run refuses the store because of them.
        notes: what compiling the conditions had to say (an empty selection, a control that ran short).
        timed: finished cells of this version of the study, with their tokens and seconds.
        devices: on which these were run.
    """

    status: Status
    model: str
    costs: Mapping[str, Cost]
    stale: tuple[Place, ...]
    notes: tuple[str, ...]
    timed: tuple[Observation, ...] = ()
    devices: tuple[str, ...] = ()

    def cost(self, roles: Iterable[Role]) -> Cost:
        """The cost of some cells together."""
        return sum((self.costs[role.task.name] for role in roles), Cost())


def status(study: Study, store: Store) -> Status:
    """Read the store.

    Raises:
        LnbenchError: the study cannot be planned, or the store holds another one or is damaged.
    """
    store.check(study.name, writing=False)
    plan = study.plan()
    places = {role.place for role in plan.cells}
    finished = {place_of(manifest) for manifest in store.finished().values()}
    failed = {place_of(record): str(record["error"]) for record in store.failed().values()}
    return Status(plan, frozenset(places & finished), {place: failed[place] for place in failed if place in places})


def forecast(study: Study, store: Store) -> Forecast:
    """Build the tasks, count their tokens once, compile every condition; no weights are loaded.

    Raises:
        LnbenchError: what a run would refuse.
    """
    store.check(study.name)
    now = status(study, store)
    lm = shell(study, now.plan.neurons)
    tasks = built_tasks(now.plan, lm, settings_of(study))
    known = study.detect is None  # what is yet to be detected cannot be compiled
    plans = compiled(now.plan.conditions, now.plan.neurons, lm.architecture) if known else {}
    notes = dict.fromkeys(note for plan in plans.values() if plan is not None for note in plan.notes)
    costs = {name: task.cost for name, task in tasks.items()}
    manifests = store.finished()
    stale = tuple(_stale(now, manifests.values(), tasks, plans))
    places = now.finished - set(stale)
    counted = [manifest for manifest in manifests.values() if place_of(manifest) in places]
    devices = tuple(sorted({str(one["recorded"].get("device")) for one in counted}))
    name, timed = study.model.pretrained or _named(now), tuple(_timed(counted, costs))
    return Forecast(now, name, costs, stale, tuple(notes), timed, devices)


def _timed(manifests: Iterable[Mapping[str, Any]], costs: Mapping[str, Cost]) -> Iterator[Observation]:
    """The cells whose seconds are known."""
    for one in manifests:
        seconds = one["recorded"].get("seconds")
        if isinstance(seconds, int | float) and seconds > 0:
            yield Observation(costs[one["cell"]["task"]], float(seconds))


def _stale(
    now: Status,
    manifests: Iterable[Mapping[str, Any]],
    tasks: Mapping[str, BuiltTask],
    plans: Mapping[Condition, Plan | None],
) -> Iterator[Place]:
    """The places whose finished cell has other documents, or other edits where the study's are known."""
    roles = {role.place: role for role in now.plan.cells}
    for manifest in manifests:
        role = roles.get(place_of(manifest))
        if role is None:
            continue
        same_documents = manifest["cell"].get("data") == tasks[role.task.name].documents.digest()
        plan = plans.get(role.condition)
        edits = None if plan is None else plan.plan_hash
        if not same_documents or (plans and manifest["recorded"].get("plan_hash") != edits):
            yield role.place


def _named(now: Status) -> str:
    neurons = now.plan.neurons
    return str(neurons.header.model) if neurons is not None else "?"
