"""Random controls as sets of their own, the same draws as ``control=random`` makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lnbench.errors import NeuronSetError
from lnbench.neurons._algebra import short
from lnbench.neurons._architecture import Architecture
from lnbench.neurons._control import random_control

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet


def random_set(
    neurons: NeuronSet,
    seed: int,
    match: str = "layer-site",
    languages: str | Iterable[str] | None = None,
    architecture: Architecture | None = None,
) -> NeuronSet:
    """A set in which each language has as many random neurons as it has in `neurons`, and none of those.

    What ``control=random`` with this seed and match draws for one language of the set, this holds under its label.

    Args:
        neurons: the targets.
        seed, match: see `random_control`.
        languages: for which languages (None: all).
        architecture: layers and widths, where the header does not know them.

    Raises:
        NeuronSetError: nobody knows how many neurons the model has.
        SpecError, ModelMismatchError, UnknownLanguageError: see `random_control` and `NeuronSet.select`.
    """
    from lnbench.neurons._set import NeuronSet

    shape = architecture or _own_architecture(neurons)
    neurons.check(shape)
    targets = neurons if languages is None else neurons.select(languages=languages)
    drawn, reused = {}, 0
    for label in targets.languages:
        control = random_control(_places(targets, label), shape, seed=seed, match=match, frequency=neurons.frequency)
        reused += control.reused
        drawn[label] = {site: _layers(control.indices, site, shape.layers) for site in targets.sites}
    return NeuronSet.from_indices(
        drawn,
        architecture=shape,
        model=targets.header.model,
        revision=targets.header.revision,
        method="random",
        parameters={"seed": int(seed), "match": match, "target": targets.content_hash, "reused": reused},
        history=[*targets.header.history, f"random control of {short(targets)}, seed {seed}, match {match}"],
    )


def _places(neurons: NeuronSet, label: str) -> dict[tuple[str, int], Any]:
    """(site, layer) -> indices, where there are any."""
    by_site = {site: neurons.indices(label, site) for site in neurons.sites}
    return {(site, layer): rows for site, layers in by_site.items() for layer, rows in enumerate(layers) if len(rows)}


def _layers(indices: Mapping[tuple[str, int], Any], site: str, layers: int) -> list[Any]:
    return [indices.get((site, layer), np.zeros(0, np.int64)) for layer in range(layers)]


def _own_architecture(neurons: NeuronSet) -> Architecture:
    if neurons.header.architecture is None:
        raise NeuronSetError(
            "a random set needs to know how many neurons the model has, and the set does not say it: name its model "
            "(--model, architecture=)"
        )
    return neurons.header.architecture
