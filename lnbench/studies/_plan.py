"""The plan of a study: every cell that it asks for, before any model is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lnbench.errors import StudyError
from lnbench.neurons import NeuronSet, load_masks
from lnbench.studies._cell import Role
from lnbench.studies._conditions import ORIGINAL, Condition
from lnbench.studies._tasks import Missing, StudyTask, resolve_tasks

if TYPE_CHECKING:
    from lnbench.studies._study import Study


@dataclass(frozen=True)
class StudyPlan:
    """What a study runs.

    Attributes:
        study: the study.
        neurons: the neuron set, None where the study detects one or needs none.
        conditions: in the order in which they are run.
        tasks: the columns.
        missing: datasets that lack a language; no cell is planned for them.
        absent: optional conditions that ask for sites at which there are no neurons -> those sites; no cell either.
    """

    study: Study
    neurons: NeuronSet | None
    conditions: tuple[Condition, ...]
    tasks: tuple[StudyTask, ...]
    missing: tuple[Missing, ...]
    absent: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of(self, neurons: NeuronSet | None) -> StudyPlan:
        """The plan for the neurons that were detected, which may lie at fewer sites than were looked at."""
        if neurons is None:
            return self
        study = self.study
        absent = study.absent(neurons.sites)
        listed = tuple(study.expand(ablated(study, neurons), without=absent))
        return replace(self, conditions=listed, absent=absent)

    @property
    def cells(self) -> list[Role]:
        """Every cell, condition by condition: the model is edited once for all tasks of a condition."""
        return [
            Role(condition, task)
            for condition in self.conditions
            for task in self.tasks
            if condition.evaluate is None or task.language in condition.evaluate
        ]


def plan_study(study: Study) -> StudyPlan:
    """List the cells of a study.

    Raises:
        LnbenchError: a task, a language or a neuron file does not exist.
    """
    neurons = None if study.neurons is None else load_neurons(study)
    tasks, missing = resolve_tasks(study)
    if not tasks:
        lacking = ", ".join(f"{gap.dataset} has no {gap.language}" for gap in missing)
        raise StudyError(f"no task is left to run ({lacking}); change languages or tasks")
    absent = study.absent(neurons.sites if neurons is not None else study.detect.sites if study.detect else ())
    listed = tuple(study.expand(ablated(study, neurons), without=absent))
    return StudyPlan(study, neurons, listed, tasks, missing, absent)


def load_neurons(study: Study) -> NeuronSet:
    """The union of the study's neuron files; of a file under a language, that language's neurons.

    Raises:
        LnbenchError: a file is missing or damaged, lacks its language, or was made for another model.
    """
    given = study.neurons
    if isinstance(given, dict):
        parts = [load_masks(study.path(file)).select(languages=[label]) for label, file in given.items()]
    else:
        parts = [load_masks(study.path(file)) for file in given or []]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    return whole


def ablated(study: Study, neurons: NeuronSet | None) -> list[str]:
    """The labels that conditions without a language of their own are repeated for.

    Raises:
        StudyError: a label is not in the neuron set, or no language of the study is.
    """
    has = neurons.languages if neurons is not None else list(study.detect.corpora) if study.detect else []
    chosen = [code for code in study.languages if code in has] if study.ablate is None else list(study.ablate)
    strange = [label for label in chosen if label not in has]
    if strange:
        raise StudyError(f"ablate names {strange[0]!r}, and the neuron set has {', '.join(has)}; choose among these")
    if not chosen and any(label != ORIGINAL for label in study.conditions):
        raise StudyError(
            f"the neuron set has {', '.join(has)}, and no language of the study ({', '.join(study.languages)}) is "
            "among them; name labels of the set under ablate"
        )
    return chosen
