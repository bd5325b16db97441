"""A study at work in one process: its model, its built tasks, and the cells with their names."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lnbench.errors import SpecError
from lnbench.harness.task_data import cut_for
from lnbench.models import Plan, Spec, compile_plan
from lnbench.studies._cell import Cell, Role
from lnbench.studies._conditions import Condition
from lnbench.studies._cost import Cost, measure
from lnbench.studies._documents import Documents
from lnbench.studies._evaluation import Settings, build_requests, evaluate_tasks
from lnbench.studies._tasks import StudyTask, build_tasks

if TYPE_CHECKING:
    from lnbench.neurons import NeuronSet
    from lnbench.studies._plan import StudyPlan
    from lnbench.studies._study import Study


@dataclass(frozen=True)
class BuiltTask:
    """A task of a study, built once.

    Attributes:
        task: its place in the study.
        built: lm-eval's task.
        documents: what is evaluated, and with which prompts.
        cost: tokens under one condition.
    """

    task: StudyTask
    built: Any
    documents: Documents
    cost: Cost

    @classmethod
    def build(cls, lm: Any, task: StudyTask, built: Any, settings: Settings) -> BuiltTask:
        """Make the requests of a task once, to know its documents, prompts and cost."""
        instances = build_requests(lm, built, settings)
        return cls(task, built, Documents.of_requests(instances), measure(lm, instances))

    def cell(self, output_key: str, expect: str | None, settings: Settings, template: str | None) -> Cell:
        """The cell of this task under an output key."""
        generates = self.built.get_config("output_type") == "generate_until"
        version = self.built.VERSION
        return Cell(
            output_key=output_key,
            task=self.task.name,
            task_version=None if version is None else str(version),
            data=self.documents.digest(),
            num_fewshot=self.built.get_config("num_fewshot") or 0,
            chat_template=template,
            fewshot_as_multiturn=settings.fewshot_as_multiturn if template else None,
            system_instruction=settings.system_instruction,
            limit=settings.limit,
            generation=dict(self.built.get_config("generation_kwargs") or {}) if generates else None,
            seeds=dict(settings.seeds),
            expect=expect,
        )


@dataclass(frozen=True)
class Session:
    """Everything that a run needs.

    Attributes:
        plan: the study's plan.
        lm: the loaded model.
        settings: common to all conditions.
        tasks: by name.
        plans: what each condition does to this model, None for the original.
        cells: roles and cells, in the order of the plan.
    """

    plan: StudyPlan
    lm: Any
    settings: Settings
    tasks: Mapping[str, BuiltTask]
    plans: Mapping[Condition, Plan | None]
    cells: Sequence[tuple[Role, Cell]]

    @classmethod
    def open(cls, plan: StudyPlan, lm: Any, neurons: NeuronSet | None) -> Session:
        """Build the tasks, compile every condition and put the model through each, so that all refusals come first.

        Raises:
            LnbenchError: a task cannot be built, a spec does not fit, or an engine cannot carry it out.
        """
        settings = settings_of(plan.study)
        tasks = built_tasks(plan, lm, settings)
        plans = compiled(plan.conditions, neurons, lm.architecture)
        keys = dict(_output_keys(lm, plans))
        template = _template_hash(lm, settings)
        named = (
            (role, tasks[role.task.name].cell(keys[role.condition], _expect(plans[role.condition]), settings, template))
            for role in plan.cells
        )
        return cls(plan, lm, settings, tasks, plans, list(_numbered(named)))

    def evaluate(self, role: Role) -> dict[str, Any]:
        """Run one cell: what lm-eval's ``evaluate`` returns.

        Raises:
            StudyError: the documents or prompts are not those of the other conditions.
        """
        task = self.tasks[role.task.name]
        found = evaluate_tasks(self.lm, {role.task.name: task.built}, self.settings)
        task.documents.check(role.task.name, found["samples"][role.task.name])
        return found


def settings_of(study: Study) -> Settings:
    """The settings that all conditions of a study have in common."""
    return Settings(
        limit=study.limit,
        seeds=study.seeds.model_dump(),
        apply_chat_template=study.apply_chat_template,
        fewshot_as_multiturn=study.fewshot_as_multiturn,
        system_instruction=study.system_instruction,
    )


def built_tasks(plan: StudyPlan, lm: Any, settings: Settings) -> dict[str, BuiltTask]:
    """Build all tasks of a plan, by name.

    Raises:
        LnbenchError: a task cannot be built.
    """
    cut_for(lm)  # packed text is cut by the tokenizer of this model
    built = build_tasks(plan.study, plan.tasks)
    return {task.name: BuiltTask.build(lm, task, built[task.name], settings) for task in plan.tasks}


def compiled(
    conditions: Sequence[Condition], neurons: NeuronSet | None, architecture: Any
) -> dict[Condition, Plan | None]:
    """What each condition does to a model of this architecture; None for the original.

    Raises:
        LnbenchError: the neurons do not fit the model, or a spec does not fit either.
    """
    return {condition: _compiled(condition, neurons, architecture) for condition in conditions}


def _compiled(condition: Condition, neurons: NeuronSet | None, architecture: Any) -> Plan | None:
    if condition.is_original or condition.only_tuned:
        return None
    assert neurons is not None  # a study without neurons has the original only
    try:
        return compile_plan(Spec.parse(**condition.spec_keys()), neurons, architecture)
    except SpecError as error:
        raise SpecError(f"condition {str(condition)!r}: {error}") from error


def put(lm: Any, condition: Condition | None, plan: Plan | None) -> None:
    """Bring a model into a condition (None: the original): its tuned weights, then what is done to neurons."""
    delta = None if condition is None else condition.delta
    lm.set_delta(delta)
    lm.set_plan(plan)


def _output_keys(lm: Any, plans: Mapping[Condition, Plan | None]) -> Iterator[tuple[Condition, str]]:
    try:
        for condition, plan in plans.items():
            put(lm, condition, plan)
            yield condition, lm.output_key()
    finally:
        put(lm, None, None)


def _expect(plan: Plan | None) -> str | None:
    return None if plan is None else plan.expect


def _template_hash(lm: Any, settings: Settings) -> str | None:
    if not settings.apply_chat_template:
        return None
    return hashlib.sha256(str(lm.chat_template(settings.apply_chat_template)).encode()).hexdigest()


def _numbered(cells: Iterator[tuple[Role, Cell]]) -> Iterator[tuple[Role, Cell]]:
    """Number the cells that ask the same of the same model: the second run of the original, an empty set."""
    seen: Counter[str] = Counter()
    for role, cell in cells:
        yield role, replace(cell, repeat=seen[cell.id])
        seen[cell.id] += 1
