"""The plan of a study: every cell that it asks for, before any model is loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lnbench._paths import at_home
from lnbench.errors import StudyError
from lnbench.languages import language
from lnbench.models import delta_header
from lnbench.neurons import NeuronSet
from lnbench.studies._cell import Role
from lnbench.studies._conditions import ORIGINAL, Condition
from lnbench.studies._neuron_files import load_entries
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
        return replace(self, conditions=listed(study, neurons, absent), absent=absent)

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
    return StudyPlan(study, neurons, listed(study, neurons, absent), tasks, missing, absent)


def listed(study: Study, neurons: NeuronSet | None, absent: Collection[str]) -> tuple[Condition, ...]:
    """The conditions that are run, with what their deltas say of themselves.

    Raises:
        StudyError: a condition is asked in no language of the study, or a delta is not there, or of another language.
        DeltaError: it is damaged.
    """
    found = study.expand(ablated(study, neurons), without=absent)
    for condition in found:
        _refuse_unasked(condition, study)
    return tuple(condition if condition.delta is None else _tuned(study, condition) for condition in found)


def _refuse_unasked(condition: Condition, study: Study) -> None:
    """A condition without a cell would be left out without a word."""
    wanted = condition.evaluate
    if wanted is not None and {language(code).code for code in study.languages}.isdisjoint(wanted):
        raise StudyError(
            f"condition {str(condition)!r} is to be evaluated in {', '.join(wanted)}, no language of the study "
            f"({', '.join(study.languages)}); name one of them in evaluate, or correct languages or ablate"
        )


def _tuned(study: Study, condition: Condition) -> Condition:
    path = study.path(str(condition.delta))
    if not at_home(path).is_file():
        raise StudyError(
            f"condition {str(condition)!r} needs the delta {path!r}, which is not there; make it with `lnbench tune`, "
            "or correct delta"
        )
    header = delta_header(path)
    if header.get("language") not in (None, *str(condition.ablated).split("+")):
        raise StudyError(
            f"condition {str(condition)!r} has the delta {path!r}, which was tuned on {header['language']!r}; correct "
            "delta or ablate"
        )
    about = {key: header.get(key) for key in ("condition", "language", "documents", "seed")}
    return replace(condition, delta=path, tuned=about)


def load_neurons(study: Study) -> NeuronSet:
    """The union of the study's neuron files; of a file under a language, that language's neurons.

    Raises:
        LnbenchError: a file is missing or damaged, lacks its language, or was made for another model.
    """
    parts = load_entries(study)
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.union(part)
    return whole


def ablated(study: Study, neurons: NeuronSet | None) -> list[str]:
    """The labels that conditions without a language of their own are repeated for.

    Raises:
        StudyError: a label is not in the neuron set, or no language of the study is.
    """
    if study.neurons is None and study.detect is None:  # tuned weights have languages of their own
        return list(study.ablate or study.languages)
    has = neurons.languages if neurons is not None else list(study.detect.corpora) if study.detect else []
    chosen = [code for code in study.languages if code in has] if study.ablate is None else list(study.ablate)
    strange = [label for label in chosen if label not in has]
    if strange:
        raise StudyError(f"ablate names {strange[0]!r}, and the neuron set has {', '.join(has)}; choose among these")
    if not chosen and any(label != ORIGINAL and not entry.only_tuned for label, entry in study.conditions.items()):
        raise StudyError(
            f"the neuron set has {', '.join(has)}, and no language of the study ({', '.join(study.languages)}) is "
            "among them; name labels of the set under ablate"
        )
    return chosen
