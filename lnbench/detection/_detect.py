"""From statistics of a model to a neuron set that knows its model and carries the constants that steering needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from lnbench.detection._lape import lape_select
from lnbench.detection._measured import CorpusStatistics
from lnbench.detection._statistics import Statistics
from lnbench.errors import SpecError
from lnbench.models import architecture_of
from lnbench.neurons import NeuronSet, with_header

#: The site that LAPE is defined on: it asks whether an activation function's output is above zero.
LAPE_SITE = "ffn.act"


def detect_lape(
    model: nn.Module,
    statistics: Statistics,
    *,
    model_id: str | None = None,
    revision: str | None = None,
    corpus: Mapping[str, Any] | None = None,
    **rates: float,
) -> NeuronSet:
    """Select with :func:`lape_select` and store model, corpus, constants for steering and activation frequencies.

    Args:
        model: the model that the statistics were collected on.
        statistics: of ``ffn.act``.
        model_id, revision, corpus: for the header.
        **rates: ``top_rate``, ``filter_rate``, ``bar_rate`` of :func:`lape_select`.

    Raises:
        SpecError: see :func:`lape_select`; or the statistics are of another site.
    """
    origin = {"model": model_id, "revision": revision, "architecture": architecture_of(model)}
    return _selected(statistics, rates, **origin, corpus=corpus and dict(corpus))


def lape_from_statistics(measured: CorpusStatistics, **rates: float) -> NeuronSet:
    """The same from what :func:`collect_sites` measured, or a file of it; needs no model and takes seconds.

    Raises:
        SpecError: see :func:`lape_select`; or ``ffn.act`` was not measured.
    """
    if LAPE_SITE not in measured.sites:
        raise SpecError(
            f"LAPE is defined on {LAPE_SITE} alone, and measured were {', '.join(measured)}; measure it too"
        )
    made = _selected(
        measured[LAPE_SITE],
        rates,
        model=measured.model,
        revision=measured.revision,
        architecture=measured.architecture,
        corpus=dict(measured.corpus),
    )
    parameters = {**made.header.to_json()["parameters"], "measured": dict(measured.settings)}
    return with_header(made, made.header.replace(parameters=parameters))


def _selected(statistics: Statistics, rates: Mapping[str, float], **origin: Any) -> NeuronSet:
    if statistics.site != LAPE_SITE:
        raise SpecError(f"LAPE is defined on {LAPE_SITE}, not on {statistics.site}, whose values have no threshold")
    chosen = lape_select(statistics.active, statistics.tokens, statistics.languages, **rates)
    return with_constants(with_header(chosen, chosen.header.replace(**origin)), {statistics.site: statistics})


def with_constants(neurons: NeuronSet, sites: Mapping[str, Statistics]) -> NeuronSet:
    """The set with each neuron's constants for steering, and the activation frequencies of all neurons of its sites.

    Args:
        neurons: any set whose neurons lie within the statistics.
        sites: statistics of every site of the set, of the same languages.

    Raises:
        SpecError: a site of the set was not measured, or a neuron lies outside.
    """
    if not neurons.sites:
        return neurons
    _refuse_outside(neurons, sites)
    languages = sites[neurons.sites[0]].languages
    return NeuronSet(
        neurons.rows(),
        neurons.languages,
        neurons.sites,
        layers=neurons.layers,
        header=neurons.header,
        scores=neurons.scores,
        statistic_languages=languages,
        statistics=_constants(neurons, sites),
        frequency={site: sites[site].frequency.permute(2, 0, 1).float().numpy() for site in neurons.sites},
    )


def _refuse_outside(neurons: NeuronSet, sites: Mapping[str, Statistics]) -> None:
    if missing := [site for site in neurons.sites if site not in sites]:
        raise SpecError(f"there are no statistics of {missing[0]!r}; measured were {', '.join(sites)}")
    rows = neurons.rows()
    for number, site in enumerate(neurons.sites):
        layers, width, _ = sites[site].active.shape
        here = rows.site_id == number
        if rows.layer[here].max() >= layers or rows.index[here].max() >= width:
            raise SpecError(
                f"the set has neurons at {site} outside the {layers} x {width} measured; measure its own model"
            )


def _constants(neurons: NeuronSet, sites: Mapping[str, Statistics]) -> dict[str, Any]:
    """Kind -> float32 ``[rows, languages]``, for the kinds that all sites have."""
    rows = neurons.rows()
    tables = {site: sites[site].constants() for site in neurons.sites}
    kinds = [kind for kind in tables[neurons.sites[0]] if all(kind in table for table in tables.values())]
    made = {kind: torch.zeros(len(neurons), len(sites[neurons.sites[0]].languages)) for kind in kinds}
    for number, site in enumerate(neurons.sites):
        here = torch.from_numpy((rows.site_id == number).nonzero()[0])
        at = (torch.from_numpy(rows.layer.astype("int64"))[here], torch.from_numpy(rows.index.astype("int64"))[here])
        for kind in kinds:
            made[kind][here] = tables[site][kind][at].float()
    return {kind: values.numpy() for kind, values in made.items()}
