"""Selection by language activation probability entropy (LAPE; Tang et al., ACL 2024, arXiv 2402.16438, section 2.2).

It works on counts alone and knows no model. Arithmetic is float32, in the order of the authors' published procedure, so
that the same counts select the same neurons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lnbench.errors import SpecError
from lnbench.neurons import Header, NeuronSet, Rows

if TYPE_CHECKING:
    import torch


def activation_probability(active: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """``p = active / tokens``: how often a neuron's activation is above zero on each language's text.

    Args:
        active: counts, int ``[layers, width, languages]``.
        tokens: tokens seen, int ``[languages]``.

    Returns:
        float32 ``[layers, width, languages]``.

    Raises:
        SpecError: the shapes disagree, a language has no tokens, or a count exceeds its tokens.
    """
    if active.ndim != 3 or tokens.shape != active.shape[-1:]:
        raise SpecError(
            f"LAPE needs counts [layers, width, languages] and tokens [languages], not {list(active.shape)} and "
            f"{list(tokens.shape)}; pass them in that order"
        )
    if bool((tokens <= 0).any()):
        raise SpecError(
            f"a language without tokens has no activation probability: {tokens.tolist()}; give each some text"
        )
    if bool((active < 0).any()) or bool((active > tokens).any()):
        raise SpecError(
            f"activation counts must lie between 0 and the tokens {tokens.tolist()}; check the order of languages"
        )
    return active / tokens


def activation_entropy(probability: torch.Tensor) -> torch.Tensor:
    """``LAPE = -sum_k q_k ln q_k`` with ``q = p / sum_k p`` and ``0 ln 0 = 0``; a dead neuron has entropy 0.

    Args:
        probability: ``[layers, width, languages]``.

    Returns:
        nats, ``[layers, width]``.
    """
    import torch

    share = torch.nan_to_num(probability / probability.sum(dim=-1, keepdim=True), nan=0.0)
    logs = torch.where(share > 0, share.log(), 0.0)
    return -(share * logs).sum(dim=-1)


def lape_select(
    active: torch.Tensor,
    tokens: torch.Tensor,
    languages: Sequence[str],
    *,
    top_rate: float = 0.01,
    filter_rate: float = 0.95,
    bar_rate: float = 0.95,
) -> NeuronSet:
    """The language-specific neurons of ``ffn.act``.

    1. A neuron is a candidate when its probability is strictly above the ``filter_rate`` quantile of all probabilities
       for at least one language.
    2. The ``round(top_rate * layers * width)`` candidates of lowest entropy are kept, ties by (layer, index).
    3. A kept neuron belongs to every language whose probability is strictly above the ``bar_rate`` quantile. A language
       may end with none and keeps its slot.

    A quantile is ``kthvalue(round(rate * N))`` over all layers, neurons and languages.

    Args:
        active: tokens on which the activation was above zero, int ``[layers, width, languages]``, on any device.
        tokens: tokens seen, int ``[languages]``.
        languages: labels in the order of the last dimension.
        top_rate, filter_rate, bar_rate: shares in (0, 1]; the authors' values are the defaults.

    Returns:
        A set with one row for each (language, layer, index), scored by the negative entropy (higher is more specific).

    Raises:
        SpecError: shapes, labels or rates are impossible, or there are fewer than two languages.
    """
    import torch

    active, tokens = torch.as_tensor(active).cpu(), torch.as_tensor(tokens).cpu()
    rates = {"top_rate": top_rate, "filter_rate": filter_rate, "bar_rate": bar_rate}
    _check(active, languages, rates)
    probability = activation_probability(active, tokens)
    entropy = activation_entropy(probability)
    kept = _lowest_entropy(entropy, probability, top_rate, filter_rate)
    at, language = _owners(kept, probability, bar_rate)
    layers, width = entropy.shape
    return NeuronSet(
        Rows(*(part.numpy() for part in (language, language * 0, at // width, at % width))),
        languages,
        ["ffn.act"],
        layers=layers,
        header=Header(method="lape", parameters={**rates, "tokens": tokens.tolist()}),
        scores=-entropy.flatten()[at].numpy(),
    )


def _lowest_entropy(
    entropy: torch.Tensor, probability: torch.Tensor, top_rate: float, filter_rate: float
) -> torch.Tensor:
    """Flat positions of the kept neurons; stable sorting settles ties by (layer, index)."""
    import torch

    candidate = (probability > _quantile(probability, filter_rate)).any(dim=-1)
    ranked = torch.where(candidate, entropy, torch.inf).flatten()
    order = ranked.argsort(stable=True)[: round(top_rate * ranked.numel())]
    return order[torch.isfinite(ranked[order])]


def _owners(kept: torch.Tensor, probability: torch.Tensor, bar_rate: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Flat position and language of every kept neuron in every language that owns it."""
    owned = probability.flatten(0, 1)[kept] > _quantile(probability, bar_rate)  # [kept, languages]
    member, language = owned.nonzero(as_tuple=True)
    return kept[member], language


def _quantile(probability: torch.Tensor, rate: float) -> float:
    flat = probability.flatten()
    return float(flat.kthvalue(max(1, round(rate * flat.numel()))).values)


def check_rates(rates: Mapping[str, float]) -> None:
    """Refuse rates of :func:`lape_select` that cannot be.

    Raises:
        SpecError: one lies outside (0, 1].
    """
    for name, rate in rates.items():
        if not isinstance(rate, (int, float)) or not 0 < rate <= 1:
            raise SpecError(
                f"{name} must lie in (0, 1], not {rate!r}; the paper uses top 0.01, filter 0.95 and bar 0.95"
            )


def _check(active: torch.Tensor, languages: Sequence[str], rates: dict[str, float]) -> None:
    check_rates(rates)
    if len(languages) != active.shape[-1]:
        raise SpecError(
            f"{len(languages)} language labels ({', '.join(languages)}) for counts of {active.shape[-1]} languages; "
            "give one label each, in the order of the last dimension"
        )
    if len(languages) < 2:
        raise SpecError(
            f"LAPE compares languages, and there is only {', '.join(languages) or 'none'}; give two or more"
        )
