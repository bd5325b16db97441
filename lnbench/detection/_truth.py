"""Hold a neuron set against planted truth: precision, recall and average precision.

Only a model that somebody planted neurons in has a truth. Feed-forward neuron j is one neuron whether a method names it
at ``ffn.act`` (LAPE) or at ``ffn.hidden`` (PLND); attention sites are no part of a feed-forward truth and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lnbench import _json
from lnbench.detection._places import FEED_FORWARD, scored
from lnbench.errors import DataError, SpecError
from lnbench.neurons import NeuronSet

__all__ = ["Truth", "TruthScore", "precision_recall", "truth_scores"]

_Neuron = tuple[int, int]  # layer, index


@dataclass(frozen=True)
class Truth:
    """Which feed-forward neurons carry each language: language -> {(layer, index)}."""

    neurons: Mapping[str, frozenset[_Neuron]]
    source: str = "truth"

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read ``{"site": "ffn.act", "neurons": {"en": {"1": [168]}}}``, as the embedded model's ``planted.json``.

        Raises:
            DataError: the file is missing, no JSON, of another shape, or its site is no feed-forward site.
        """
        try:
            data = _json.loads(path.read_text(encoding="utf-8"))
            site, listed = data["site"], {str(label): _neurons(layers) for label, layers in data["neurons"].items()}
        except FileNotFoundError:
            raise DataError(f"no truth at {str(path)!r}; name a file such as neuron_sets/demo/planted.json") from None
        except OSError as error:
            raise DataError(f"the truth {str(path)!r} cannot be read ({error.strerror}); name a JSON file") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{str(path)!r} is no truth file ({type(error).__name__}: {error}); it needs "
                '{"site": "ffn.act", "neurons": {"en": {"1": [168]}}}'
            ) from None
        if site not in FEED_FORWARD:
            raise DataError(f"{str(path)!r} is about site {site!r}; a truth is about {' or '.join(FEED_FORWARD)}")
        return cls(listed, path.name)


def _neurons(layers: Mapping[str, Sequence[int]]) -> frozenset[_Neuron]:
    found = frozenset((int(layer), index) for layer, indices in layers.items() for index in indices)
    if odd := [at for at in found if at[0] < 0 or not isinstance(at[1], int) or at[1] < 0]:
        raise ValueError(f"layer {odd[0][0]}, index {odd[0][1]} is no neuron")
    return found


@dataclass(frozen=True)
class TruthScore:
    """One language (or the mean over languages) in one layer or all."""

    language: str | None
    """None: the mean over languages."""
    layer: int | None
    """None: all layers."""
    found: float
    planted: float
    hits: float
    precision: float
    """Hits / found; NaN when nothing was found."""
    recall: float
    """Hits / planted; NaN when nothing is planted there."""
    average_precision: float
    """Mean over the planted neurons of the precision at the rank where each is found, 0 for one that is not; ranks are
    by score, highest first. NaN without scores or when nothing is planted there."""


def truth_scores(neurons: NeuronSet, truth: Truth) -> list[TruthScore]:
    """Score a set per language and layer: for each language all layers first, then each layer; last the means.

    Languages that the set does not have are not scored: nobody looked for them. Means leave out what is NaN.

    Raises:
        SpecError: the set has none of the planted languages or no feed-forward neurons; its model lacks a planted one.
    """
    if not set(truth.neurons) & set(neurons.languages):
        raise SpecError(
            f"the set's languages ({', '.join(neurons.languages) or 'none'}) are none of the truth's "
            f"({', '.join(truth.neurons)}); name the truth of this model"
        )
    _refuse_outside(neurons, truth)
    if len(neurons) and not set(neurons.sites) & set(FEED_FORWARD):
        raise SpecError(f"the truth is about feed-forward neurons and the set is about {', '.join(neurons.sites)}")
    listed: list[TruthScore] = []
    for language, planted in _both(neurons, truth):
        ranked = _ranked(neurons, language)
        layers = sorted({layer for layer, _ in [*ranked, *planted]})
        listed += [_score(language, at, ranked, planted, neurons.scores is not None) for at in (None, *layers)]
    return [*listed, _mean([one for one in listed if one.layer is None])]


def _refuse_outside(neurons: NeuronSet, truth: Truth) -> None:
    architecture = neurons.header.architecture
    if architecture is None or "ffn.act" not in architecture.widths:
        return
    for layer, index in set().union(*truth.neurons.values()):
        if layer >= architecture.layers or index >= architecture.width("ffn.act", layer):
            raise SpecError(
                f"the truth {truth.source!r} plants index {index} of layer {layer}, which the set's model lacks; name "
                "the truth of this model"
            )


def _both(neurons: NeuronSet, truth: Truth) -> list[tuple[str, frozenset[_Neuron]]]:
    return [(language, planted) for language, planted in truth.neurons.items() if language in neurons.languages]


def precision_recall(neurons: NeuronSet, truth: Truth) -> dict[str, list[tuple[float, float]]]:
    """Language -> (recall, precision) after each neuron in order of score: what a cut-off would walk along."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for language, planted in _both(neurons, truth):
        hits = 0
        curve: list[tuple[float, float]] = []
        for rank, neuron in enumerate(_ranked(neurons, language), start=1):
            hits += neuron in planted
            curve.append((hits / max(1, len(planted)), hits / rank))
        curves[language] = curve
    return curves


def _ranked(neurons: NeuronSet, language: str) -> list[_Neuron]:
    """Feed-forward neurons of a language, highest score first, ties (and sets without scores) by (layer, index)."""
    found = {at[1:]: value for at, value in scored(neurons, language).items() if at[0] == "ffn"}
    return sorted(found, key=lambda neuron: (-found[neuron] if neurons.scores is not None else 0.0, neuron))


def _score(
    language: str, layer: int | None, ranked: Sequence[_Neuron], planted: Iterable[_Neuron], scored: bool
) -> TruthScore:
    here = [neuron for neuron in ranked if layer is None or neuron[0] == layer]
    wanted = {neuron for neuron in planted if layer is None or neuron[0] == layer}
    hits = len(wanted.intersection(here))
    return TruthScore(
        language=language,
        layer=layer,
        found=len(here),
        planted=len(wanted),
        hits=hits,
        precision=hits / len(here) if here else math.nan,
        recall=hits / len(wanted) if wanted else math.nan,
        average_precision=_average_precision(here, wanted) if wanted and scored else math.nan,
    )


def _average_precision(ranked: Sequence[_Neuron], wanted: set[_Neuron]) -> float:
    hits, total = 0, 0.0
    for rank, neuron in enumerate(ranked, start=1):
        if neuron in wanted:
            hits += 1
            total += hits / rank
    return total / len(wanted)


def _mean(scores: Sequence[TruthScore]) -> TruthScore:
    def mean(name: str) -> float:
        values: list[Any] = [getattr(one, name) for one in scores]
        known = [value for value in values if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan

    names = ("found", "planted", "hits", "precision", "recall", "average_precision")
    return TruthScore(None, None, *(mean(name) for name in names))
