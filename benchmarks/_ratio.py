"""How a ratio is measured: A and B in turn, so that a machine that drifts drifts under both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """One row of the benchmark table.

    Attributes:
        what: what is timed.
        against: what it is compared with.
        aim: the aim, as a reader says it.
        holds: whether a ratio meets the aim.
        median, low, high: of the pairwise ratios.
        runs: pairs.
    """

    what: str
    against: str
    aim: str
    holds: bool
    median: float
    low: float
    high: float
    runs: int


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def ratio(
    what: str,
    against: str,
    aim: str,
    meets: Callable[[float], bool],
    *,
    a: Callable[[], object],
    b: Callable[[], object],
    runs: int,
    between: Callable[[], object] = lambda: None,
) -> Ratio:
    """Time ``a`` against ``b``, alternating which goes first; ``between`` runs untimed after every call."""
    pairs: list[float] = []
    for action in (a, b):  # one round that does not count
        action()
        between()
    for run in range(runs):
        times = {}
        for side in ("ab", "ba")[run % 2]:
            times[side] = seconds(a if side == "a" else b)
            between()
        pairs.append(times["a"] / times["b"])
    median = statistics.median(pairs)
    return Ratio(what, against, aim, meets(median), median, min(pairs), max(pairs), runs)
