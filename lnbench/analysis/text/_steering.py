"""Steering: asked in one language with its neurons off and another's on, in which language are the answers?

Tang et al. (ACL 2024, arXiv 2402.16438) deactivate the neurons of the language of the prompt and activate those of
another. Answers are sorted by the identifier; what is kept is measured on text and on questions of the language that is
steered to. Every number stands beside the original's and that of random neurons set to the same constants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from lnbench.analysis._finite import finite
from lnbench.analysis.text._answers import CLASSES, answers_of, same_document_scores, shares
from lnbench.analysis.text._doses import Dose, steer_of
from lnbench.errors import DataError
from lnbench.reporting import Results, Scores, compare, holm
from lnbench.reporting.tables import Grid, Line, aligned, grid

__all__ = ["QUALITIES", "Measure", "Steering", "steerings"]

FloatArray = npt.NDArray[np.float64]
#: What is kept: text of the target, the target's own questions, and the same documents in the target's language.
QUALITIES = ("text", "own", "same")
#: The first of these that a task has says how good its answers are.
_GOOD = ("exact_match", "f1", "rougeL")
_JUDGED = "fidelity_coverage"


@dataclass(frozen=True)
class Measure:
    """One number in three conditions, on the same documents.

    Attributes:
        name: what is measured.
        original, steered: means over the documents.
        interval: 95 %: Wilson's of ``steered`` where that is right or wrong, else the change's added to ``original``.
        difference, difference_interval: steered minus original, and its 95 % interval.
        randoms: the same number of each random set.
        p: of the steered model being one more random set; not corrected.
        corrected_p: after Holm's correction over all steered conditions.
        n: documents.
    """

    name: str
    original: float
    steered: float
    interval: tuple[float, float]
    difference: float
    difference_interval: tuple[float, float]
    randoms: tuple[float, ...]
    p: float
    corrected_p: float
    n: int

    @property
    def random(self) -> float:
        """Mean over the random sets; NaN without any."""
        return float(np.mean(self.randoms)) if self.randoms else math.nan

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, None for what is not known."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}
        return {key: finite(value) for key, value in plain.items()}


@dataclass(frozen=True)
class Steering:
    """One condition, asked in one language.

    Attributes:
        model, dataset: what was asked.
        condition: its label.
        dose: from which language to which, how strongly, with how many neurons.
        shares: class of answers -> share.
        kept: ``text`` (bits per byte of the target's text), ``own`` (score of the target's own questions), ``same``
            (the answers scored as answers to the same documents in the target's language); what was not run is left
            out.
    """

    model: str
    dataset: str
    condition: str
    dose: Dose
    shares: Mapping[str, Measure]
    kept: Mapping[str, Measure] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The language that is steered to."""
        return str(self.dose.target)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "model": self.model,
            "dataset": self.dataset,
            "condition": self.condition,
            **vars(self.dose),
            "shares": {name: one.as_json() for name, one in self.shares.items()},
            "kept": {name: one.as_json() for name, one in self.kept.items()},
        }


def steerings(results: Results, *, dataset: str | None = None) -> list[Steering]:
    """Every steered condition on the tasks whose answers are identified, with what it keeps.

    Args:
        results: of one model.
        dataset: only this one.

    Raises:
        DataError: several models or datasets, no steered condition, or none that was asked in the language it steers
            from; what :func:`lnbench.reporting.tables.grid` refuses.
    """
    if len(results.models) != 1:
        raise DataError(
            f"the results are of {', '.join(results.models)}, and steering is shown of one model; choose one"
        )
    wanted = [s.dataset for s in results if s.metric == _JUDGED] if dataset is None else [dataset]
    found = [one for name in dict.fromkeys(wanted) for one in _of_dataset(results, name)]
    datasets = list(dict.fromkeys(one.dataset for one in found))
    if len(datasets) > 1:
        raise DataError(f"steered answers are of {', '.join(datasets)}, which no table mixes; name one with dataset")
    if not found:
        raise DataError(
            "no condition steers: none sets neurons of one language, expects it, and was asked open questions or "
            "summaries in another; run the preset lape-steering"
        )
    return _corrected(found)


def _of_dataset(results: Results, dataset: str) -> list[Steering]:
    chosen = results.where(dataset=dataset)
    judged = grid(chosen, _JUDGED)
    good = next((name for name in _GOOD if any(s.metric == name for s in chosen)), None)
    graded, text = (None if good is None else grid(chosen, good)), _text(results)
    made = []
    for line in judged.lines:
        dose = None if line.control else steer_of(line)
        if dose is not None and dose.source in line.draws.get(None, {}):
            kept = {"text": _plain(text, line, dose), "own": _plain(graded, line, dose)}
            kept["same"] = _same(judged, line, dose, good)
            measured = {name: one for name, one in kept.items() if one is not None}
            made.append(
                Steering(chosen.models[0], dataset, line.condition, dose, _shares(judged, line, dose), measured)
            )
    return made


def _shares(judged: Grid, line: Line, dose: Dose) -> dict[str, Measure]:
    original = judged.original[dose.source]
    cells = [original, line.draws[None][dose.source], *_randoms(judged, line, dose.source)]
    found = [shares(answers_of(cell, original), dose.source, str(dose.target)) for cell in cells]
    return {name: _measure(name, [one[name] for one in found]) for name in CLASSES}


def _plain(of: Grid | None, line: Line, dose: Dose) -> Measure | None:
    """The metric of a grid in the target's language."""
    target = str(dose.target)
    same = None if of is None else next((other for other in of.lines if _named(other) == _named(line)), None)
    if of is None or same is None or target not in of.original or target not in same.draws.get(None, {}):
        return None
    cells = [of.original[target], same.draws[None][target], *_randoms(of, same, target)]
    return _measure(of.metric, [aligned(cells[0], cell) for cell in cells])


def _same(judged: Grid, line: Line, dose: Dose, metric: str | None) -> Measure | None:
    """The answers as answers to the same documents in the target's language, where the data are parallel."""
    target = judged.original.get(str(dose.target))
    if metric is None or target is None:
        return None
    original, documents = judged.original[dose.source], answers_of(target, target).documents
    cells = [original, line.draws[None][dose.source], *_randoms(judged, line, dose.source)]
    found = [same_document_scores(answers_of(cell, original), documents, metric) for cell in cells]
    scored = [one for one in found if one is not None]
    return _measure(metric, scored) if len(scored) == len(found) else None


def _randoms(of: Grid, line: Line, code: str) -> list[Scores]:
    return [draw[code] for control in of.controls(line) for draw in control.draws.values() if code in draw]


def _named(line: Line) -> tuple[str, str | None, str | None]:
    return line.condition, line.ablated, line.what


def _text(results: Results) -> Grid | None:
    """Text of the languages: packed where there is some."""
    names = [s.dataset for s in results if s.metric == "bits_per_byte"]
    best = next((name for name in names if "packed" in name), names[0] if names else None)
    return None if best is None else grid(results.where(dataset=best), "bits_per_byte")


def _measure(name: str, cells: Sequence[FloatArray]) -> Measure:
    """Of the original, the steered model, and random sets, ``[documents]`` each; Wilson's of right or wrong."""
    effect = compare(cells[0], cells[1], cells[2:], higher_is_better=False)
    both = np.isfinite(cells[0]) & np.isfinite(cells[1])
    before, steered = (float(cell[both].mean()) if both.any() else math.nan for cell in cells[:2])
    low, high = (before + end for end in effect.interval)
    if both.any() and np.isin(cells[1][both], (0.0, 1.0)).all():
        wilson = binomtest(int(cells[1][both].sum()), int(both.sum())).proportion_ci(0.95, method="wilson")
        low, high = float(wilson.low), float(wilson.high)
    randoms = tuple(float(np.nanmean(cell)) for cell in cells[2:] if np.isfinite(cell).any())
    p = effect.against_random_p
    return Measure(
        name, before, steered, (low, high), effect.difference, effect.interval, randoms, p, math.nan, effect.n
    )


def _corrected(found: Sequence[Steering]) -> list[Steering]:
    """Holm's correction of the share in the target language, over all conditions that are shown together."""
    corrected = holm([one.shares["target"].p for one in found])
    return [
        replace(one, shares={**one.shares, "target": replace(one.shares["target"], corrected_p=p)})
        for one, p in zip(found, corrected, strict=True)
    ]
