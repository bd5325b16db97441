"""One evaluation: a model in its present condition, on built lm-eval tasks, through lm-eval's ``evaluate``.

Everything that runs conditions goes through here. It does not know how a metric is computed; it reads what lm-eval
returns, aggregated and per sample.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.scoring import score_of
from lnbench.studies._conditions import Condition

_Json = dict[str, Any]

#: lm-eval's own seeds: of Python's ``random``, of numpy, of torch, of the few-shot draw.
SEEDS = {"random": 0, "numpy": 1234, "torch": 1234, "fewshot": 1234}


@dataclass(frozen=True)
class Settings:
    """What every condition of a study has in common, in lm-eval's own words.

    Attributes:
        limit: documents per task, all of them when None.
        seeds: as :data:`SEEDS`; set anew before every evaluation, so that no answer depends on what ran before.
        apply_chat_template, fewshot_as_multiturn, system_instruction: as in ``lm_eval``.
    """

    limit: int | None = None
    seeds: Mapping[str, int] = field(default_factory=lambda: dict(SEEDS))
    apply_chat_template: bool | str = False
    fewshot_as_multiturn: bool = True
    system_instruction: str | None = None


@dataclass(frozen=True)
class TaskScores:
    """What lm-eval found for one condition, task and metric.

    Attributes:
        condition: the state of the model.
        task: the lm-eval task's name.
        metric: the metric's name, without lm-eval's filter suffix.
        value: lm-eval's aggregate.
        samples: the metric of every document in document order, float ``[documents]``; NaN where it is unscored.
    """

    condition: Condition
    task: str
    metric: str
    value: float
    samples: npt.NDArray[np.float64]

    @property
    def evaluated(self) -> str:
        """The task's language: the last part of its name."""
        return self.task.rsplit("_", 1)[1]

    @property
    def n(self) -> int:
        """How many documents were scored."""
        return int(np.isfinite(self.samples).sum())


def evaluate_tasks(lm: Any, tasks: Mapping[str, Any], settings: Settings) -> _Json:
    """Run built tasks on a model as it stands: what lm-eval's ``evaluate`` returns, samples included.

    lm-eval draws few-shot examples anew on every call; here every call draws the same.

    Args:
        lm: an :class:`lnbench.harness.LnbenchLM`.
        tasks: task name -> built lm-eval task.
        settings: the same for all conditions.
    """
    from lm_eval.evaluator import evaluate

    _seed(settings.seeds)
    for task in tasks.values():
        task.set_fewshot_seed(settings.seeds["fewshot"])
    found: _Json = evaluate(
        lm,
        {"tasks": dict(tasks)},
        limit=settings.limit,
        bootstrap_iters=0,
        log_samples=True,
        system_instruction=settings.system_instruction,
        apply_chat_template=settings.apply_chat_template,
        fewshot_as_multiturn=settings.fewshot_as_multiturn,
    )
    return found


def build_requests(lm: Any, task: Any, settings: Settings) -> list[Any]:
    """The requests that :func:`evaluate_tasks` makes of a task: lm-eval's instances, with the same few-shot draw."""
    task.set_fewshot_seed(settings.seeds["fewshot"])
    chat = settings.apply_chat_template
    task.build_all_requests(
        limit=settings.limit,
        system_instruction=settings.system_instruction,
        apply_chat_template=bool(chat),
        fewshot_as_multiturn=settings.fewshot_as_multiturn,
        chat_template=lm.apply_chat_template if chat else None,
        tokenizer_name=lm.tokenizer_name if chat else "",
    )
    instances: list[Any] = task.instances
    return instances


def evaluate_conditions(
    lm: Any,
    tasks: Mapping[str, Any],
    listed: Sequence[Condition],
    *,
    limit: int | None = None,
    done: Callable[[Condition], None] = lambda condition: None,
) -> list[TaskScores]:
    """Evaluate every condition on the same documents, all tasks of a condition at once.

    Args:
        lm: an :class:`lnbench.harness.LnbenchLM` with a neuron set.
        tasks: what ``TaskManager.load`` returned; the built tasks are reused by all conditions.
        listed: the conditions, run in this order; the model is left as the original, also after an error.
        limit: documents per task, all of them when None.
        done: called after each condition, for a progress bar.
    """
    scores: list[TaskScores] = []
    settings = Settings(limit=limit)
    try:
        with quiet(lm):
            for condition in listed:
                scores += _scores(lm, tasks["tasks"], condition, settings)
                done(condition)
    finally:
        lm.set_plan(None)
    return scores


def _scores(lm: Any, tasks: Mapping[str, Any], condition: Condition, settings: Settings) -> list[TaskScores]:
    keys = condition.spec_keys()
    if keys:
        lm.set_spec(**keys)
    else:
        lm.set_plan(None)
    found = evaluate_tasks(lm, tasks, settings)
    listed = (read_scores(condition, task, found["results"][task], found["samples"][task]) for task in tasks)
    return [scores for task in listed for scores in task]


def _seed(seeds: Mapping[str, int]) -> None:
    import torch

    random.seed(seeds["random"])
    np.random.seed(seeds["numpy"])
    torch.manual_seed(seeds["torch"])


def read_scores(condition: Condition, task: str, results: _Json, samples: Sequence[_Json]) -> Iterator[TaskScores]:
    """The numbers in lm-eval's results of one task, by metric."""
    ordered = sorted(samples, key=lambda sample: sample["doc_id"])
    for key, value in results.items():
        metric = key.split(",")[0]
        measured = "," in key and metric in ordered[0] and isinstance(value, (int, float))  # not standard errors, text
        if not measured:
            continue
        per_document = np.array([score_of(metric, sample[metric]) for sample in ordered], dtype=np.float64)
        yield TaskScores(condition, task, metric, float(value), per_document)


def _silent(method: Callable[..., Any], /, *args: Any, **keys: Any) -> Any:
    return method(*args, **{**keys, "disable_tqdm": True})


@contextmanager
def quiet(lm: Any) -> Iterator[None]:
    """Silence lm-eval's bar for every single condition: the study shows one bar of its own.

    lm-eval's rolling likelihoods ask the function that they call for a bar, whatever they are asked themselves.
    """
    loud = ("generate_until", "loglikelihood", "loglikelihood_rolling", "_loglikelihood_tokens")
    names = [name for name in loud if hasattr(lm, name)]
    for name in names:
        setattr(lm, name, partial(_silent, getattr(lm, name)))
    try:
        yield
    finally:
        for name in names:
            delattr(lm, name)
