"""BLOOM: no gate; one projection with each head's query, key and value rows together."""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.errors import UnsupportedArchitectureError
from lnbench.models._sitemap import Description, LayerSites, Port, heads_of, inputs_of
from lnbench.models.architectures._interleaved import interleaved


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    if config.slow_but_exact and config.pretraining_tp > 1:  # bypasses the modules and their biases
        raise UnsupportedArchitectureError(
            "BLOOM with slow_but_exact=True multiplies slices of its weights outside the modules that lnbench edits; "
            "load it with slow_but_exact=False"
        )
    heads = heads_of(config)
    return LayerSites(
        down=Port("mlp.dense_4h_to_h", "in", inputs_of(layer, "mlp.dense_4h_to_h")),
        query=interleaved("self_attention.query_key_value", 0, heads),
        key=interleaved("self_attention.query_key_value", 1, heads),
        value=interleaved("self_attention.query_key_value", 2, heads),
        output=Port("self_attention.dense", "in", inputs_of(layer, "self_attention.dense")),
    )


DESCRIPTION = Description(model_types=("bloom",), layers=("transformer.h", "h"), sites=_sites)
