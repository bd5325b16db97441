"""From statistics of a model to a neuron set that knows its model and carries the constants that steering needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from lnbench.detection._lape import lape_select
from lnbench.detection._statistics import Statistics
from lnbench.models import architecture_of
from lnbench.neurons import NeuronSet


def detect_lape(
    model: nn.Module,
    statistics: Statistics,
    *,
    model_id: str | None = None,
    revision: str | None = None,
    corpus: Mapping[str, Any] | None = None,
    **rates: float,
) -> NeuronSet:
    """Select with :func:`lape_select` and store model, corpus, ``mean``, ``diff`` and activation frequencies.

    Args:
        model: the model that the statistics were collected on.
        statistics: of ``ffn.act``.
        model_id, revision, corpus: for the header.
        **rates: ``top_rate``, ``filter_rate``, ``bar_rate`` of :func:`lape_select`.

    Raises:
        SpecError: see :func:`lape_select`.
    """
    chosen = lape_select(statistics.active, statistics.tokens, statistics.languages, **rates)
    rows = chosen.rows()
    at = torch.from_numpy(rows.layer.astype("int64")), torch.from_numpy(rows.index.astype("int64"))
    header = chosen.header.replace(
        model=model_id, revision=revision, architecture=architecture_of(model), corpus=corpus and dict(corpus)
    )
    return NeuronSet(
        rows,
        chosen.languages,
        chosen.sites,
        header=header,
        scores=chosen.scores,
        statistic_languages=statistics.languages,
        statistics={"mean": statistics.mean[at].float().numpy(), "diff": statistics.diff[at].float().numpy()},
        frequency={statistics.site: statistics.frequency.permute(2, 0, 1).float().numpy()},
    )
