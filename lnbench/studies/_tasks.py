"""The lm-eval tasks that a study's ``tasks:`` mean, and building them once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench._data import packaged
from lnbench._faults import sentence
from lnbench._near import hint
from lnbench.errors import StudyError
from lnbench.languages import LANGUAGES, Language, language

if TYPE_CHECKING:
    from lnbench.studies._sections import TaskEntry
    from lnbench.studies._study import Study

#: What the names of our tasks begin with.
PREFIX = "lnbench_"


@dataclass(frozen=True)
class StudyTask:
    """One column of a study.

    Attributes:
        name: the lm-eval task.
        dataset: the entry of ``tasks:`` that it comes from.
        language: the code of the language that it is in.
    """

    name: str
    dataset: str
    language: str


@dataclass(frozen=True)
class Missing:
    """A dataset that lacks a language of the study: cells that no run will fill."""

    dataset: str
    language: str


def resolve_tasks(study: Study) -> tuple[tuple[StudyTask, ...], tuple[Missing, ...]]:
    """The tasks of a study in the order of its file, and what is missing.

    Raises:
        StudyError: an entry names nothing that exists.
    """
    found: list[StudyTask] = []
    missing: list[Missing] = []
    rows = [language(code) for code in study.languages]
    for entry in study.tasks:
        exists = _index(study, builtin=False).all_subtasks
        if not _known(entry, rows, exists):
            exists = _index(study, builtin=True).all_subtasks
        for task in _resolved(entry, rows, frozenset(exists)):
            (found if isinstance(task, StudyTask) else missing).append(task)  # type: ignore[arg-type]
    return tuple(dict.fromkeys(found)), tuple(missing)


def build_tasks(study: Study, tasks: Iterable[StudyTask]) -> dict[str, Any]:
    """Build each task once, with the study's few-shot count and generation arguments.

    Raises:
        StudyError: lm-eval cannot build a task.
        LnbenchError: what the task's own loader refuses (its data are not there).
        OSError, MemoryError: the machine is at fault, not the task (a disk is full, memory is used up).
    """
    names = [task.name for task in tasks]
    ours = set(_index(study, builtin=False).all_subtasks)
    manager = _index(study, builtin=not ours.issuperset(names))
    return {name: _configured(_built(manager, name), study) for name in names}


def _built(manager: Any, name: str) -> Any:
    try:
        return manager.load([name])["tasks"][name]
    except Exception as error:
        if sentence(error):  # a refusal, or the machine is at fault and not the task
            raise
        reason = str(error).strip().split("\n", maxsplit=1)[0] or type(error).__name__
        raise StudyError(f"the task {name!r} cannot be built ({reason}); see its documentation, or drop it") from error


def _configured(task: Any, study: Study) -> Any:
    """As lm-eval's own command does it: a task that says zero-shot stays so."""
    given = task.get_config("num_fewshot")
    if given is None or (study.num_fewshot is not None and given != 0):
        task.set_config(key="num_fewshot", value=study.num_fewshot or 0)
    if study.gen_kwargs and task.get_config("output_type") == "generate_until":
        task.set_config(key="generation_kwargs", value=dict(study.gen_kwargs), update=True)
    return task


def _known(entry: TaskEntry, rows: Sequence[Language], exists: Sequence[str]) -> bool:
    if "{lang}" in entry.task:
        return any(entry.task.replace("{lang}", row.code) in exists for row in rows)
    return entry.task in exists or any(name.startswith(f"{PREFIX}{entry.task}_") for name in exists)


def _resolved(entry: TaskEntry, rows: Sequence[Language], exists: frozenset[str]) -> list[StudyTask | Missing]:
    """The tasks of one entry: a dataset, a name with ``{lang}``, or one task named in full."""
    if "{lang}" in entry.task:
        return _by_language(entry.task, [(row, entry.task.replace("{lang}", row.code)) for row in rows], exists)
    ours = [(row, f"{PREFIX}{entry.task}_{row.slug}") for row in rows]
    everywhere = {f"{PREFIX}{entry.task}_{row.slug}" for row in LANGUAGES.values()}
    if everywhere & exists:
        return _by_language(entry.task, ours, exists)
    if entry.task not in exists:
        raise StudyError(_unknown(entry.task, exists))
    return [StudyTask(entry.task, entry.task, _language_of(entry))]


def _by_language(
    dataset: str, wanted: Sequence[tuple[Language, str]], exists: frozenset[str]
) -> list[StudyTask | Missing]:
    if "{lang}" in dataset and not any(name in exists for _, name in wanted):
        raise StudyError(_unknown(wanted[0][1], exists))
    return [
        StudyTask(name, dataset, row.code) if name in exists else Missing(dataset, row.code) for row, name in wanted
    ]


def _language_of(entry: TaskEntry) -> str:
    if entry.language is not None:
        return language(entry.language).code
    slugs = [row for row in LANGUAGES.values() if entry.task.startswith(PREFIX) and entry.task.endswith(f"_{row.slug}")]
    if not slugs:
        raise StudyError(
            f"the study does not say which language the task {entry.task!r} is in; "
            f"write {{task: {entry.task}, language: CODE}}"
        )
    return max(slugs, key=lambda row: len(row.slug)).code


def _unknown(given: str, exists: frozenset[str]) -> str:
    datasets = _datasets(exists)
    return (
        f"unknown task {given!r}; {hint(given, [*datasets, *exists], close=0.6)}a task is one of the datasets "
        f"{', '.join(datasets)}, or the name of an lm-eval "
        "task as `lm_eval ls tasks` lists it"
    )


def _datasets(exists: frozenset[str]) -> list[str]:
    """The names in use as ``lnbench_{dataset}_{language}``."""
    slugs = sorted((f"_{row.slug}" for row in LANGUAGES.values()), key=len, reverse=True)
    ours = [name.removeprefix(PREFIX) for name in exists if name.startswith(PREFIX)]
    ended = ((name, next((slug for slug in slugs if name.endswith(slug)), None)) for name in ours)
    return sorted({name.removesuffix(slug) for name, slug in ended if slug})


def _index(study: Study, *, builtin: bool) -> Any:
    """lm-eval's index over our tasks and the user's; with its own thousands only where they are needed (seconds)."""
    own = None if study.include_path is None else study.path(study.include_path)
    if own is not None and not Path(own).is_dir():
        raise StudyError(f"include_path: there is no folder {own!r}; check the path")
    changed = max((file.stat().st_mtime_ns for file in Path(own).rglob("*")), default=0) if own else 0
    return _manager(own, changed, builtin, study.data_dir and study.path(study.data_dir))


@lru_cache(maxsize=8)
def _manager(own: str | None, _changed: int, builtin: bool, data_dir: str | None) -> Any:
    from lm_eval.tasks import TaskManager

    folders = [str(packaged("tasks")), *([own] if own else [])]
    metadata = None if data_dir is None else {"data_dir": data_dir}
    return TaskManager(include_path=folders, include_defaults=builtin, metadata=metadata)
