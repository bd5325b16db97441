"""Is anything worse than in the baseline? A loss counts when it is beyond the tolerance **and** significant.

The original and the random controls must not score worse, and no condition may score worse on a language that it does
not aim at. On its own language a condition is *meant* to do harm: there, where the baseline shows an effect beyond the
tolerance, the effect must not shrink. Draws of one random control are averaged, document by document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lnbench.reporting._metric import is_share
from lnbench.reporting.checking._cells import Cell, FloatArray, Keys, Place
from lnbench.reporting.checking._join import Pair
from lnbench.reporting.checking._report import Finding
from lnbench.reporting.checking._settings import Settings
from lnbench.reporting.statistics import holm, paired_ps
from lnbench.reporting.statistics._against_random import nanmean

__all__ = ["find_regressions"]

_Line = tuple[Place, str]
#: Sign patterns of a permutation test, at least, and at most.
_FEWEST, _MOST = 10_000, 400_000
#: Two numbers that differ by less are the same but for rounding.
_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class _Averaged:
    """A line: one condition, its draws averaged, before and now; ``sign`` is -1 where lower is better."""

    cell: Cell
    sign: float
    keys: Keys
    old: FloatArray
    new: FloatArray

    @property
    def named(self) -> tuple[str, str]:
        """The dataset and the metric, which have one unit in all conditions."""
        return self.cell.dataset, self.cell.metric


@dataclass(frozen=True, eq=False)
class _Test:
    """One comparison, before it is known how many others there are.

    Attributes:
        kind: ``score`` or ``effect``.
        cell: whose.
        before, now: what is compared: mean scores, or mean effects.
        gains: per document, positive where it is better now; their mean is the change.
        tolerated: loss, in the metric's unit.
        share: whether scores are between 0 and 1.
    """

    kind: str
    cell: Cell
    before: float
    now: float
    gains: FloatArray
    tolerated: float
    share: bool

    @property
    def loss(self) -> float:
        """Positive where it is worse now."""
        return -float(self.gains.mean())

    @property
    def beyond(self) -> bool:
        """Whether the loss is more than is tolerated."""
        return self.loss > self.tolerated + _TINY


def find_regressions(pairs: Sequence[Pair], settings: Settings) -> list[Finding]:
    """One finding per metric, task and condition that could be compared; Holm's correction over all of them."""
    lines = _averaged(_checked(pairs, settings))
    shares = _shares(lines.values())
    tests = [test for line in lines.values() if (test := _test(line, lines, shares[line.named], settings)) is not None]
    corrected = holm(_ps(tests, settings))
    return [
        _finding(test, p, settings.significance_of(test.cell)) for test, p in zip(tests, corrected, strict=True)
    ] + _unchecked(pairs, settings)


def _checked(pairs: Iterable[Pair], settings: Settings) -> Iterable[Pair]:
    wanted = settings.metrics
    return (p for p in pairs if _direction(p) is not None and (not wanted or p.now.metric in wanted))


def _direction(pair: Pair) -> bool | None:
    now, before = pair.now.higher_is_better, pair.before.higher_is_better
    return before if now is None else now


def _unchecked(pairs: Iterable[Pair], settings: Settings) -> list[Finding]:
    said = "the results do not say whether higher is better; it is not checked"
    unknown = {(p.now.dataset, p.now.metric) for p in pairs if _direction(p) is None}
    chosen = [one for one in sorted(unknown) if not settings.metrics or one[1] in settings.metrics]
    return [Finding("unchecked metric", "mentioned", f"{dataset}: {metric}", said) for dataset, metric in chosen]


def _averaged(pairs: Iterable[Pair]) -> dict[_Line, _Averaged]:
    draws: dict[_Line, list[Pair]] = {}
    for pair in pairs:
        draws.setdefault((pair.now.place.line, pair.now.metric), []).append(pair)
    return {line: _mean_of(found) for line, found in draws.items()}


def _mean_of(draws: Sequence[Pair]) -> _Averaged:
    keys = draws[0].keys
    for pair in draws[1:]:
        here, _ = keys.places(pair.keys)
        keys = keys if len(here) == len(keys.names) else Keys(tuple(keys.names[at] for at in here))
    places = [keys.places(pair.keys)[1] for pair in draws]
    old = nanmean([pair.old[at] for pair, at in zip(draws, places, strict=True)])
    new = nanmean([pair.new[at] for pair, at in zip(draws, places, strict=True)])
    return _Averaged(draws[0].now, 1.0 if _direction(draws[0]) else -1.0, keys, old, new)


def _shares(lines: Collection[_Averaged]) -> dict[tuple[str, str], bool]:
    """Which metrics are between 0 and 1, before and now, in all conditions of a dataset."""
    scores: dict[tuple[str, str], list[FloatArray]] = {}
    for line in lines:
        scores.setdefault(line.named, []).extend((line.old, line.new))
    return {named: is_share(named[1], found) for named, found in scores.items()}


def _test(line: _Averaged, lines: Mapping[_Line, _Averaged], share: bool, settings: Settings) -> _Test | None:
    place = line.cell.place
    original = lines.get((place.original, line.cell.metric))
    effect = None
    if place.own and not line.cell.control and original is not None:
        effect = _effect(line, original, share, settings)
    return effect or _score(line, share, settings)


def _score(line: _Averaged, share: bool, settings: Settings) -> _Test | None:
    scored = np.isfinite(line.old) & np.isfinite(line.new)
    if not scored.any():
        return None
    old, new = line.old[scored], line.new[scored]
    before, tolerance = float(old.mean()), settings.tolerance_of(line.cell, share=share)
    tolerated = tolerance.of(before, share=share)
    return _Test("score", line.cell, before, float(new.mean()), line.sign * (new - old), tolerated, share)


def _effect(line: _Averaged, original: _Averaged, share: bool, settings: Settings) -> _Test | None:
    """The effect against the baseline's; None where the baseline shows none."""
    here, there = line.keys.places(original.keys)
    old, new = original.old[there] - line.old[here], original.new[there] - line.new[here]
    scored = np.isfinite(old) & np.isfinite(new)
    if not scored.any():
        return None
    sign = line.sign
    before, now = sign * float(old[scored].mean()), sign * float(new[scored].mean())
    tolerance = settings.tolerance_of(line.cell, share=share)
    tolerated = tolerance.of(float(np.nanmean(original.old[there][scored])), share=share)
    if abs(before) <= tolerated + _TINY:
        return None
    gains = np.sign(before) * sign * (new - old)[scored]
    return _Test("effect", line.cell, before, now, gains, tolerated, share)


def _ps(tests: Sequence[_Test], settings: Settings) -> list[float]:
    """p of no loss; 1 within the tolerance, which needs no test and only makes the others stricter.

    One-sided for scores. Two-sided for effects: the baseline itself says which way its effect goes, and an effect that
    was chance shrinks the next time.
    """
    candidates = [test for test in tests if test.beyond]
    least = min([settings.significance, *(settings.significance_of(test.cell) for test in candidates)])
    resamples = int(np.clip(2 * len(tests) / max(least, 1e-9), _FEWEST, _MOST))
    found = paired_ps([test.gains for test in candidates], resamples=resamples)
    sides = [1 if test.kind == "score" else 2 for test in candidates]
    known = {id(test): side * p / 2 for test, side, p in zip(candidates, sides, found, strict=True)}  # both symmetric
    return [known.get(id(test), 1.0) for test in tests]


def _finding(test: _Test, p: float, significance: float) -> Finding:
    scale, unit = (100, " points") if test.share else (1, "")
    better = "worse" if test.kind == "score" else "weaker"
    what = "" if test.kind == "score" else "effect "
    moved = f"{scale * abs(test.loss):.3g}{unit} {better if test.loss > 0 else 'better' if what == '' else 'stronger'}"
    tolerance = f"tolerance {scale * test.tolerated:.3g}"
    sure = f"; {tolerance}, corrected p {p:.2g}, {test.gains.size} documents" if test.beyond else f" ({tolerance})"
    said = f"{what}{scale * test.before:.3g} -> {scale * test.now:.3g}, {moved}{sure}"
    failed = test.beyond and p < significance
    numbers = {
        "before": test.before, "now": test.now, "loss": test.loss, "tolerance": test.tolerated, "p_corrected": p,
        "significance": significance, "documents": test.gains.size, "metric": test.cell.metric,
        "task": test.cell.place.task, "language": test.cell.place.language, "condition": test.cell.place.condition,
        "ablated": test.cell.place.ablated,
    }  # fmt: skip
    where = f"{test.cell.place.line}: {test.cell.metric}"
    return Finding(test.kind, "failed" if failed else "passed", where, said, numbers)
