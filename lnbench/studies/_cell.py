"""A cell: one output key, one task. What decides its numbers is listed here and nowhere else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from lnbench.studies._conditions import Condition
from lnbench.studies._tasks import StudyTask

#: Hexadecimal digits of a cell's name.
ID_LENGTH = 24


@dataclass(frozen=True)
class Cell:
    """What decides the numbers of a cell; :attr:`id` hashes exactly these fields.

    Library versions, device and batch size are recorded beside it, and so is its role in the study.
    """

    output_key: str
    """The model with its edits: see :meth:`lnbench.harness.LnbenchLM.output_key`."""
    task: str
    """The lm-eval task's name."""
    task_version: str | None
    data: Mapping[str, Any]
    """``rows``, and SHA-256 of the documents (``sha256``) and of the prompts (``prompts``)."""
    num_fewshot: int
    chat_template: str | None
    """SHA-256 of the chat template that is applied, None for none."""
    fewshot_as_multiturn: bool | None
    """None without a chat template."""
    system_instruction: str | None
    limit: int | None
    generation: Mapping[str, Any] | None
    """lm-eval's ``generation_kwargs``; None for tasks that generate nothing."""
    seeds: Mapping[str, int]
    expect: str | None
    """The language that fidelity expects where it is not the task's."""
    repeat: int = 0
    """How many cells of the study with the same other fields come before this one."""

    @cached_property
    def id(self) -> str:
        """The cell's name in a store: the first digits of the SHA-256 of its fields as canonical JSON."""
        text = json.dumps(self._fields(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]

    def as_json(self) -> dict[str, Any]:
        """The fields as plain JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(self._fields(), default=str))
        return plain

    def _fields(self) -> dict[str, Any]:
        """Not ``asdict``, which copies all of it and takes most of the time that naming 10,000 cells takes."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(part.name for part in fields(Cell))


@dataclass(frozen=True)
class Role:
    """What a cell is in its study: which condition, on which task.

    Attributes:
        condition: the state of the model.
        task: the task, its dataset and its language.
    """

    condition: Condition
    task: StudyTask

    def as_json(self, study: str, model: str | None) -> dict[str, Any]:
        """For a manifest; ``language`` is the evaluated one."""
        condition = self.condition
        return {
            "study": study,
            "model": model,
            "condition": condition.name,
            "ablated": condition.ablated,
            "seed": condition.seed,
            "repeat": condition.repeat,
            "spec": condition.spec_json(),
            "dataset": self.task.dataset,
            "language": self.task.language,
            **({} if condition.tuned is None else {"tuned": dict(condition.tuned)}),
        }

    @property
    def place(self) -> Place:
        """The role's place in the study's table."""
        condition = self.condition
        return (condition.name, condition.ablated, condition.seed, condition.repeat, self.task.name)


#: (condition, ablated, seed, repeat, task)
Place = tuple[str, str | None, int | None, int, str]


def place_of(manifest: Mapping[str, Any]) -> Place:
    """The place in the table of a cell that was written."""
    role = manifest["role"]
    return (role["condition"], role["ablated"], role["seed"], role["repeat"], manifest["cell"]["task"])
