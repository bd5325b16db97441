"""How a ratio is measured: A and B in turn, so that a machine that drifts drifts under both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tqdm import tqdm


class Skipped(Exception):
    """A benchmark cannot run on this machine; the text says what it wants."""


@dataclass(frozen=True)
class Ratio:
    """One row of the benchmark table.

    Attributes:
        what: what is timed.
        against: what it is compared with.
        aim: the aim, as a reader says it.
        holds: whether a ratio meets the aim.
        median, low, high: of the pairwise ratios.
        extra_seconds: median of the pairwise differences A - B.
        runs: pairs.
        note: what else was measured, in words.
    """

    what: str
    against: str
    aim: str
    holds: bool
    median: float
    low: float
    high: float
    extra_seconds: float
    runs: int
    note: str = ""


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def ratio(
    what: str,
    against: str,
    aim: str,
    meets: Callable[[float, float], bool],
    *,
    a: Callable[[], object],
    b: Callable[[], object],
    runs: int,
    before_a: Callable[[], object] = lambda: None,
    after_a: Callable[[], object] = lambda: None,
    tokens: int = 0,
    warm: bool = True,
) -> Ratio:
    """Time ``a`` against ``b`` in turn, alternating which goes first.

    Args:
        what, against, aim: for the table.
        meets: judges ``(median ratio, extra seconds)``.
        a, b: what is timed.
        runs: pairs.
        before_a, after_a: run around every ``a``, untimed.
        tokens: of one call, for a note of how many pass in a second.
        warm: begin with a round that does not count.
    """

    def timed_a() -> float:
        before_a()
        spent = seconds(a)
        after_a()
        return spent

    if warm:
        timed_a(), b()
    rounds = tqdm(range(runs), desc=what, leave=False, disable=None)  # shown on a terminal alone
    pairs = [_pair(timed_a, lambda: seconds(b), swapped=bool(run % 2)) for run in rounds]
    ratios = [x / y for x, y in pairs]
    median, extra = statistics.median(ratios), statistics.median(x - y for x, y in pairs)
    note = _rates(tokens, pairs) if tokens else ""
    return Ratio(what, against, aim, meets(median, extra), median, min(ratios), max(ratios), extra, runs, note)


def _rates(tokens: int, pairs: list[tuple[float, float]]) -> str:
    ours, plain = (tokens / statistics.median(side) for side in zip(*pairs, strict=True))
    return f"{ours:,.0f} tokens/s, {plain:,.0f} plain"


def _pair(a: Callable[[], float], b: Callable[[], float], *, swapped: bool) -> tuple[float, float]:
    if swapped:
        second = b()
        return a(), second
    return a(), b()
