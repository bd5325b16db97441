"""Whether a neuron set fits a model, and its own header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lnbench.errors import ModelMismatchError, NeuronSetError
from lnbench.neurons._architecture import MAX_LAYERS, Architecture
from lnbench.neurons._rows import Rows, describe
from lnbench.neurons._sites import SITES

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet


def check(neurons: NeuronSet, architecture: Architecture) -> None:
    """Refuse a model that the neurons were not counted in (`NeuronSet.check`).

    Raises:
        ModelMismatchError: a neuron lies outside the model, or the header's layers or widths differ from the model's.
    """
    rows, remedy = neurons.rows(), f"load a set made for this model{_made_for(neurons)}"
    if found := first_outside(rows, neurons.sites, architecture):
        where = describe(rows, found[0], neurons.languages, neurons.sites)
        raise ModelMismatchError(f"{where} does not exist in this model, {found[1]}: {remedy}")
    if neurons.header.architecture and (difference := _difference(neurons, architecture)):
        raise ModelMismatchError(f"{difference}: {remedy}")


def layer_count(rows: Rows, layers: int, architecture: Architecture | None) -> int:
    """The number of layers of a set: the architecture's, or as many as are spoken of.

    Raises:
        NeuronSetError: more layers are spoken of than the architecture, or any model, has.
    """
    spoken = max(int(rows.layer.max(initial=-1)) + 1, layers)
    if architecture is not None and layers > architecture.layers:
        raise NeuronSetError(f"the set speaks of {layers} layers, and its architecture has {architecture.layers}")
    if architecture is None and spoken > MAX_LAYERS:
        raise NeuronSetError(f"the set speaks of {spoken} layers: no model has more than {MAX_LAYERS}")
    return spoken if architecture is None else architecture.layers


def refuse_outside(rows: Rows, languages: Sequence[str], architecture: Architecture | None) -> None:
    """Refuse rows (site ids pointing into `SITES`) that contradict the architecture of their own header.

    Raises:
        NeuronSetError: the first of them is named.
    """
    if architecture is not None and (found := first_outside(rows, SITES, architecture)):
        where = describe(rows, found[0], languages, SITES)
        raise NeuronSetError(f"{where} lies outside the set's own architecture, {found[1]}: correct one of them")


def first_outside(rows: Rows, sites: Sequence[str], architecture: Architecture) -> tuple[int, str] | None:
    """The first row that the architecture has no neuron for, and why; None when it has all of them."""
    limits = np.zeros((len(sites), architecture.layers), np.int64)
    for site_id, site in enumerate(sites):
        if site in architecture.widths:
            limits[site_id] = architecture.widths[site]
    layer = np.minimum(rows.layer, architecture.layers - 1)
    bad = (rows.layer >= architecture.layers) | (rows.index >= limits[rows.site_id, layer])
    if not bad.any():
        return None
    row = int(np.argmax(bad))
    return row, _why(sites[int(rows.site_id[row])], int(rows.layer[row]), architecture)


def _why(site: str, layer: int, architecture: Architecture) -> str:
    if site not in architecture.widths:
        return f"whose sites are {', '.join(architecture.sites)}"
    if layer >= architecture.layers:
        return f"which has {architecture.layers} layers"
    return f"which has {architecture.width(site, layer)} neurons there"


def _difference(neurons: NeuronSet, architecture: Architecture) -> str:
    """What the header's architecture and the model's disagree on, in the sites that both know; "" for nothing."""
    ours = neurons.header.architecture
    if ours is None or ours.fingerprint == architecture.fingerprint:
        return ""
    first = f", first {describe(neurons.rows(), 0, neurons.languages, neurons.sites)}" if len(neurons) else ""
    if ours.layers != architecture.layers:
        return f"this neuron set counts {ours.layers} layers and this model has {architecture.layers}{first}"
    for site in ours.sites:
        if (theirs := architecture.widths.get(site, ours.widths[site])) != ours.widths[site]:
            return f"this neuron set counts {ours.widths[site]} neurons at {site} and this model has {theirs}{first}"
    return ""


def _made_for(neurons: NeuronSet) -> str:
    return f" (this one was made for {neurons.header.model})" if neurons.header.model else ""
