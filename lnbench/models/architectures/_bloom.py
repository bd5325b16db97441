"""BLOOM (and Bloomz): no gate; one projection with each head's query, key and value rows together."""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._claims import Claims
from lnbench.models._ports import LayerSites, unshared_heads_of
from lnbench.models._projections import input_port, output_port
from lnbench.models._sitemap import Description
from lnbench.models.architectures._fused import interleaved
from lnbench.neurons import SITES


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    if config.slow_but_exact and config.pretraining_tp > 1:  # bypasses the modules and their biases
        raise UnsupportedArchitectureError(
            "BLOOM with slow_but_exact=True multiplies slices of its weights outside the modules that lnbench edits; "
            "load it with slow_but_exact=False"
        )
    return LayerSites(
        first=output_port(layer, "mlp.dense_h_to_4h"),
        down=input_port(layer, "mlp.dense_4h_to_h"),
        **interleaved("self_attention.query_key_value", unshared_heads_of(config)),
        output=input_port(layer, "self_attention.dense"),
    )


DESCRIPTIONS = (
    Description(
        model_types=("bloom",),
        layers=("transformer.h", "h"),
        sites=_sites,
        heads=unshared_heads_of,
        claims=Claims("plain", SITES, layout="one `query_key_value`: q, k, v of head 0, then of head 1, ..."),
    ),
)
