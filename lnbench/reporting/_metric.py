"""What is known of a metric by its name and its scores: which one a dataset is judged by, and whether it is a share."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["is_share", "usual_metric"]

_MAIN = {
    "xquad": "f1",
    "xlsum": "rougeL",
    "open": "fidelity",
    "demo_ppl": "bits_per_byte",
    "packed": "nats_per_token",
    "demo_packed": "nats_per_token",
}
#: For datasets that are not listed, the first that they have.
_USUAL = ("exact_match", "acc", "f1", "rougeL", "bits_per_byte", "word_perplexity", "fidelity")
#: Of no upper bound, however small their values are.
_UNBOUNDED = ("perplexity", "bits_per_byte", "nats_per_token")


def usual_metric(dataset: str, known: Collection[str], directed: Iterable[str] = ()) -> str | None:
    """The metric of a dataset's table, which is also meant where a claim names none; None where it has none of these.

    Args:
        dataset: its name.
        known: the metrics that its results have.
        directed: those of which it is known whether higher is better, taken in this order when no usual one is there.
    """
    wanted = (_MAIN.get(dataset), *_USUAL, *directed)
    return next((name for name in wanted if name is not None and name in known), None)


def is_share(metric: str, scores: Iterable[npt.NDArray[np.float64]]) -> bool:
    """Whether a metric is between 0 and 1, so that its hundredths are points.

    Args:
        metric: its name.
        scores: of the original **and** all conditions: a few of them may be all 0, whatever the metric.
    """
    if any(name in metric for name in _UNBOUNDED):
        return False
    return all(bool(np.nanmin(s, initial=0) >= 0 and np.nanmax(s, initial=1) <= 1) for s in scores)
