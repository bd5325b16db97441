"""The number that lm-eval logs for one document, as a score of that document."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["score_of"]

#: Metrics for which lm-eval logs (log-likelihood in nats, number of words or bytes) and divides over all documents.
_WEIGHTED = ("word_perplexity", "byte_perplexity", "bits_per_byte")


def score_of(metric: str, logged: Any) -> float | None:
    """The metric of one document; NaN where it is unscored; None where the metric has no value for one document.

    ``word_perplexity``, ``byte_perplexity`` and ``bits_per_byte`` are computed from the pair that lm-eval logs, and
    ``perplexity`` from the log-likelihood that it logs under that name. Corpus metrics (BLEU, F1 of classes) log the
    prediction itself and have no value.
    """
    name = metric.split(",", maxsplit=1)[0]
    if logged is None:
        return math.nan
    if isinstance(logged, (list, tuple)):
        return _weighted(name, logged) if name in _WEIGHTED else None
    number = _number(logged)
    return number if number is None or name != "perplexity" else _exp(-number)


def _number(logged: Any) -> float | None:
    """lm-eval writes numbers that JSON does not know (numpy's float32, bool) as text."""
    if isinstance(logged, str):
        logged = {"True": True, "False": False}.get(logged, logged)
    try:
        return float(logged) if isinstance(logged, (bool, int, float, str)) else None
    except (ValueError, OverflowError):
        return None


def _weighted(name: str, pair: Any) -> float | None:
    if len(pair) != 2 or not all(isinstance(value, (int, float)) for value in pair):
        return None
    if pair[1] == 0:
        return math.nan  # no word, no byte: nothing to score
    nats = -pair[0] / pair[1]
    return nats / math.log(2) if name == "bits_per_byte" else _exp(nats)


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 709 else math.inf
