"""Selection by average precision (expert units; Kojima et al., NAACL 2024, arXiv 2404.02431, section 3).

A neuron's mean response to a document is taken as a detector of the document's language. Its average precision over the
documents of all languages says how good a detector it is: 1 when every document of the language gets a higher response
than every other document; near the language's share of documents when it knows nothing; lower when it responds to all
the others. The neurons of highest and of lowest average precision are the language's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lnbench.detection._responses import MemoryResponses, Responses
from lnbench.errors import SpecError
from lnbench.neurons import Header, NeuronSet, Rows

if TYPE_CHECKING:
    import torch

__all__ = ["WHICH", "ap_select", "average_precision", "check_ap"]

#: Which end of the ranking is selected.
WHICH = ("top", "bottom", "both")


def average_precision(responses: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
    """Average precision of every neuron as a detector of the positive documents.

    ``sum_n (R_n - R_(n-1)) P_n`` over the distinct thresholds n, as scikit-learn's ``average_precision_score`` has it:
    tied documents (a neuron that is dead on both) get no order.

    Args:
        responses: ``[documents, neurons]``.
        positive: bool ``[documents]``, at least one true.

    Returns:
        float64 ``[neurons]`` in 0..1.

    Raises:
        SpecError: there is no positive document, or the shapes disagree.
    """

    if responses.ndim != 2 or positive.shape != responses.shape[:1] or not bool(positive.any()):
        raise SpecError(
            f"average precision needs responses [documents, neurons] and a positive document, not "
            f"{list(responses.shape)} and {int(positive.sum())} positive of {positive.numel()}; give each language text"
        )
    return _of_ranked(*_ranked(responses), positive)


def _ranked(responses: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Documents by falling response, and for every place where its tie ends; both int64 ``[documents, neurons]``."""
    ranked, order = responses.sort(dim=0, descending=True)
    return order, _end_of_tie(ranked)


def _of_ranked(order: torch.Tensor, ends: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
    import torch

    hits = positive.to(order.device)[order].double()
    places = torch.arange(1, len(order) + 1, device=order.device, dtype=torch.float64)[:, None]
    precision = hits.cumsum(0) / places
    return (hits * precision.gather(0, ends)).sum(0) / hits.sum(0)


def _end_of_tie(ranked: torch.Tensor) -> torch.Tensor:
    """For every place the last place with the same value, int64 of the shape of ``ranked`` (sorted along the first)."""
    import torch

    last = torch.ones_like(ranked, dtype=torch.bool)
    last[:-1] = ranked[:-1] != ranked[1:]
    places = torch.arange(len(ranked), device=ranked.device)[:, None].expand_as(ranked)
    ends = torch.where(last, places, len(ranked))
    return ends.flip(0).cummin(0).values.flip(0)


def ap_select(
    responses: Responses | Mapping[str, Mapping[str, torch.Tensor]],
    *,
    top_k: int | None = None,
    top_rate: float | None = None,
    which: str = "both",
) -> NeuronSet:
    """The neurons whose mean response best tells documents of a language from all others.

    Args:
        responses: from :func:`collect_responses`, or language -> site -> mean response over each document's tokens,
            float ``[documents, layers, width]``.
        top_k: neurons for each language and end of the ranking, over all sites and layers (the paper: 1000).
        top_rate: the same as a share of all neurons; 0.01 when neither is given.
        which: ``top`` (respond to the language), ``bottom`` (respond to all others) or ``both``.

    Returns:
        A set scored by average precision, for the bottom end by its negative: higher is more specific at either end.

    Raises:
        SpecError: fewer than two languages, no documents, an impossible number or end.
    """
    if isinstance(responses, Mapping):
        responses = MemoryResponses(responses)
    if len(responses.languages) < 2:
        raise SpecError(
            f"average precision tells languages apart, and there is {len(responses.languages)}; give at least two"
        )
    check_ap(top_k, top_rate, which)
    number = _number(responses, top_k, top_rate)
    precision = _precision(responses)
    rows, scores = [], []
    for k, found in enumerate(precision):
        for at, score in _ends(found, number, which):
            rows.append((k, *_place(responses, at)))
            scores.append(score)
    return _as_set(rows, scores, responses, {"top_k": number, "which": which})


def _precision(responses: Responses) -> torch.Tensor:
    """Average precision ``[languages, neurons]``, neurons by (site, layer, index); one layer at a time in memory."""
    import torch

    counts = [responses.documents(language) for language in responses.languages]
    if not all(counts):
        raise SpecError(f"the documents of {', '.join(responses.languages)} number {counts}; give each language text")
    owner = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    found = []
    for site, (layers, _) in responses.shapes.items():
        for layer in range(layers):
            every = torch.cat([responses.layer(language, site, layer) for language in responses.languages])
            order, ends = _ranked(every)  # once for all languages: sorting is most of the work
            found.append(torch.stack([_of_ranked(order, ends, owner == k) for k in range(len(counts))]))
    return torch.cat(found, dim=1)


def _ends(precision: torch.Tensor, number: int, which: str) -> list[tuple[int, float]]:
    """(position, score) of the chosen end or ends of one language's ranking; ties by position, each neuron once."""
    chosen: dict[int, float] = {}
    for end, score in (("top", precision), ("bottom", -precision)):
        if which in (end, "both"):
            best = (-score).argsort(stable=True)[:number].tolist()
            chosen = {at: float(score[at]) for at in best} | chosen
    return sorted(chosen.items())


def _place(responses: Responses, at: int) -> tuple[int, int, int]:
    """(site, layer, index) of a position over all sites."""
    for site, (layers, width) in enumerate(responses.shapes.values()):
        if at < layers * width:
            return site, at // width, at % width
        at -= layers * width
    raise AssertionError("a position beyond the last neuron")


def check_ap(top_k: int | None = None, top_rate: float | None = None, which: str = "both") -> None:
    """Refuse parameters of :func:`ap_select` that cannot be.

    Raises:
        SpecError: both numbers at once, one out of range, or an unknown end of the ranking.
    """
    if which not in WHICH:
        raise SpecError(f"which={which!r} is no end of the ranking; use one of {', '.join(WHICH)}")
    if top_k is not None and top_rate is not None:
        raise SpecError(f"top_k={top_k} and top_rate={top_rate} say the same thing twice; give one")
    if top_k is not None and (not isinstance(top_k, int) or top_k < 1):
        raise SpecError(f"top_k must be a whole number above 0, not {top_k!r}; the paper uses 1000")
    if top_rate is not None and (not isinstance(top_rate, (int, float)) or not 0 < top_rate <= 1):
        raise SpecError(f"top_rate must lie in (0, 1], not {top_rate!r}; 0.01 keeps one neuron in a hundred")


def check_ap_number(top_k: int | None, every: int) -> None:
    """Refuse more neurons than there are.

    Args:
        top_k: how many are asked for of each language.
        every: how many there are, at all sites.

    Raises:
        SpecError: they are too many.
    """
    if top_k is not None and top_k > every:
        raise SpecError(f"top_k={top_k} is more than all {every} neurons; give a smaller one, or top_rate")


def _number(responses: Responses, top_k: int | None, top_rate: float | None) -> int:
    rate = 0.01 if top_rate is None else top_rate
    every = sum(layers * width for layers, width in responses.shapes.values())
    check_ap_number(top_k, every)
    return top_k if top_k is not None else max(1, round(rate * every))


def _as_set(
    rows: Sequence[Sequence[int]], scores: Sequence[float], responses: Responses, parameters: dict[str, object]
) -> NeuronSet:
    import numpy as np

    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    layers = next(iter(responses.shapes.values()))[0]
    documents = {language: responses.documents(language) for language in responses.languages}
    header = Header(method="ap", parameters={**parameters, "documents": documents}, **responses.about)
    return NeuronSet(
        Rows(*columns), responses.languages, list(responses.shapes), layers=layers, header=header, scores=scores
    )
