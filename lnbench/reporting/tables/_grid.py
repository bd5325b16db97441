"""The results of one model on one dataset, aligned: every condition on the original's documents, in its order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import DataError
from lnbench.reporting.reading import Results, Scores

__all__ = ["Grid", "Line", "aligned", "grid"]

FloatArray = npt.NDArray[np.float64]
#: condition, ablated language, whether it is a random control, what is done to the neurons
_Named = tuple[str, str | None, bool, str | None]


@dataclass(frozen=True, eq=False)
class Line:
    """One condition, or the draws of one random control.

    Attributes:
        condition, ablated, control: see :class:`lnbench.reporting.reading.Role`.
        draws: by seed (one entry, key None, where nothing is drawn): language -> what was read.
    """

    condition: str
    ablated: str | None
    control: bool
    what: str | None
    draws: Mapping[int | None, Mapping[str, Scores]]


@dataclass(frozen=True, eq=False)
class Grid:
    """All conditions of one model on one dataset, for one metric.

    Attributes:
        metric: what was read.
        original: language -> what was read of the original.
        again: the same of its second run, where there is one.
        lines: the other conditions, in the table's order.
    """

    metric: str
    original: Mapping[str, Scores]
    again: Mapping[str, Scores]
    lines: tuple[Line, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Evaluated languages."""
        return tuple(self.original)

    @property
    def parallel(self) -> bool:
        """Whether all languages have documents at the same positions of their datasets."""
        return len({scores.documents.positions for scores in self.original.values()}) == 1

    def controls(self, line: Line) -> tuple[Line, ...]:
        """The random controls of a condition: of the same language, with the same thing done to the neurons."""
        return tuple(other for other in self.lines if other.control and _controls(other, line))


def _controls(random: Line, line: Line) -> bool:
    same = random.what == line.what or None in (random.what, line.what)
    return same and random.ablated == line.ablated


def grid(results: Results, metric: str, languages: Sequence[str] | None = None) -> Grid:
    """Arrange the entries of one model and one dataset.

    Args:
        results: of one model and one dataset.
        metric: which.
        languages: columns and their order; all, English first, when None.

    Raises:
        DataError: a condition lacks the metric that others have, the original is missing, two tasks of one language,
            or conditions that were run on other documents or prompts.
    """
    _check_metric(results, metric)
    chosen = [s for s in results if s.metric == metric and (languages is None or s.evaluated in languages)]
    first = _by_language(s for s in chosen if s.condition == "original" and s.role.repeat == 0)
    for entry in chosen:
        if entry.evaluated not in first:
            raise DataError(
                f"there is no original run of {entry.task} to compare {entry.role} with; run it, or give the folder "
                "that holds it"
            )
        aligned(first[entry.evaluated], entry)
    order = [code for code in languages if code in first] if languages else list(first)
    again = _by_language(s for s in chosen if s.condition == "original" and s.role.repeat == 1)
    return Grid(metric, {code: first[code] for code in order}, again, _lines(chosen, languages or order))


def aligned(original: Scores, other: Scores) -> FloatArray:
    """The scores of ``other`` in the order of the original's documents.

    Raises:
        DataError: they were not run on the same documents with the same prompts, or a score is infinite.
    """
    one, two = original.documents, other.documents
    _refuse_infinite(other)
    if two is one:
        return other.scores
    _refuse_other_documents(original, other)
    places = [two.at[key] for key in one.keys]
    changed = sum(p != two.prompts[at] for p, at in zip(one.prompts, places, strict=True))
    if changed:
        raise DataError(
            f"{changed} of {len(one)} prompts of {other.task} differ between {original.source} and {other.source}; run "
            "all conditions with the same few-shot examples and chat template"
        )
    return other.scores[places]


def _refuse_infinite(scores: Scores) -> None:
    infinite = int(np.isinf(scores.scores).sum())
    if infinite:
        raise DataError(
            f"{scores.metric} of {infinite} documents of {scores.task} is infinite in {scores.source} and has no mean; "
            "show bits_per_byte instead"
        )


def _refuse_other_documents(original: Scores, other: Scores) -> None:
    one, two = set(original.documents.keys), set(other.documents.keys)
    if one != two:
        raise DataError(
            f"{other.task} has {len(original.documents)} documents in {original.source} and {len(other.documents)} in "
            f"{other.source}, {len(one & two)} of them the same; run all conditions on the same documents with the "
            "same limit"
        )


def _check_metric(results: Results, metric: str) -> None:
    have = {(s.role, s.task) for s in results if s.metric == metric}
    for entry in results:
        if (entry.role, entry.task) not in have:
            raise DataError(
                f"{entry.task} has no {metric!r} in the condition {entry.role} ({entry.source}), and other results "
                "have; run them with the same task, or name another metric"
            )


def _by_language(entries: Iterable[Scores]) -> dict[str, Scores]:
    found: dict[str, Scores] = {}
    for entry in entries:
        other = found.setdefault(entry.evaluated, entry)
        if other is not entry:
            raise DataError(
                f"{other.task} and {entry.task} are both {entry.dataset} in {entry.evaluated!r}; read them from "
                "separate folders"
            )
    return found


def _lines(entries: Sequence[Scores], languages: Sequence[str]) -> tuple[Line, ...]:
    groups: dict[_Named, dict[int | None, list[Scores]]] = {}
    for s in entries:
        role = s.role
        if role.condition != "original" and role.repeat == 0:
            named = (role.condition, role.ablated, role.control, role.what)
            groups.setdefault(named, {}).setdefault(role.seed, []).append(s)
    order = sorted(groups, key=lambda named: _place(named, languages))
    return tuple(
        Line(*named, {seed: _by_language(draws) for seed, draws in sorted(groups[named].items(), key=_seed)})
        for named in order
    )


def _seed(item: tuple[int | None, Any]) -> int:
    return -1 if item[0] is None else item[0]


def _place(named: _Named, languages: Sequence[str]) -> tuple[Any, ...]:
    """By ablated language in the order of the columns; the random control first, then ``specific``, then by name."""
    condition, ablated, control, what = named
    known = languages.index(ablated) if ablated in languages else len(languages)
    kind = 0 if control else 1 if condition == "specific" else 2
    parts = re.split(r"(\d+(?:\.\d+)?)", condition)  # text and numbers in turn: top20 before top100
    numbered = [float(part) if at % 2 else part for at, part in enumerate(parts)]
    return (known, ablated or "", kind, numbered, what or "")
