"""Which metric a table shows, and how a reader expects to see it."""

from __future__ import annotations

from lnbench._near import hint
from lnbench.errors import DataError
from lnbench.reporting._metric import is_share, usual_metric
from lnbench.reporting.reading import Results, Scores

__all__ = ["choose_metric", "direction", "fidelity_metric", "in_percent"]

_FIDELITY = ("fidelity", "fidelity_script")


def choose_metric(results: Results, dataset: str, metric: str | None) -> str:
    """The metric to show.

    Raises:
        DataError: the dataset has no such metric, or none at all that has a direction.
    """
    known = list(dict.fromkeys(s.metric for s in results))
    if metric is not None:
        if metric not in known:
            raise DataError(f"{dataset} has no metric {metric!r}; {hint(metric, known)}choose among {', '.join(known)}")
        return metric
    found = usual_metric(dataset, known, (s.metric for s in results if s.higher_is_better is not None))
    if found is not None:
        return found
    raise DataError(f"{dataset} has no metric that says whether higher is better; name one with metric=")


def direction(results: Results, metric: str) -> bool:
    """Whether higher is better, as lm-eval recorded it.

    Raises:
        DataError: it is not recorded, or not the same everywhere.
    """
    found = {s.higher_is_better for s in results if s.metric == metric}
    if len(found) != 1 or None in found:
        raise DataError(
            f"the results do not say whether higher {metric!r} is better; add higher_is_better to it in the task's YAML"
        )
    return bool(found.pop())


def fidelity_metric(results: Results) -> str | None:
    """The fidelity of answers of this dataset, by language identification or else by script."""
    known = {s.metric for s in results}
    return next((name for name in _FIDELITY if name in known), None)


def in_percent(entries: list[Scores], metric: str) -> bool:
    """Whether a reader expects percent: the metric is a share."""
    return is_share(metric, (s.scores for s in entries))
