"""Whether one drop is greater than another, over the same documents: by how much, and its p."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lnbench.reporting.checking._cells import FloatArray
from lnbench.reporting.checking._lines import Unjudged
from lnbench.reporting.statistics import against_random, documents, mean_of_draws, paired_p

__all__ = ["greater_by"]

#: Per draw and language the harm of each document.
_Draws = Sequence[Sequence[FloatArray]]


def greater_by(
    more: _Draws, less: _Draws, *, controls: tuple[bool, bool], scale: float, parallel: bool = False
) -> tuple[float, float]:
    """How much greater the harm ``more`` is than ``less``, and the p of it, one-sided where neither is random.

    Args:
        more, less: the harms; several draws are the seeds of a training, or random sets.
        controls: which of the two are random sets: the other is then compared as one more draw of them.
        scale: how far a harm can move.
        parallel: see :func:`lnbench.reporting.statistics.documents`.

    Raises:
        Unjudged: both are random, or nothing that can be compared is scored.
    """
    if all(controls):
        raise Unjudged("both are random controls")
    if any(controls):
        single, randoms, sign = (more, less, 1.0) if controls[1] else (less, more, -1.0)
        found = against_random(single, randoms, scale=scale, parallel=parallel)
        if math.isnan(found.p):
            raise Unjudged(found.reason or "its statistics are not known")
        return sign * found.difference, found.p
    pairs = zip(mean_of_draws(more), mean_of_draws(less), strict=True)
    units = documents([a - b for a, b in pairs], parallel=parallel)
    if not units.n:
        raise Unjudged("no document is scored in both conditions")
    return units.mean, paired_p(units.flips) / 2 if units.mean > 0 else 1.0
