"""GPT-NeoX (and Pythia): no gate; one projection with each head's query, key and value rows together."""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._sitemap import Description, LayerSites, Port, heads_of, inputs_of
from lnbench.models.architectures._interleaved import interleaved


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    heads = heads_of(config)
    return LayerSites(
        down=Port("mlp.dense_4h_to_h", "in", inputs_of(layer, "mlp.dense_4h_to_h")),
        query=interleaved("attention.query_key_value", 0, heads),
        key=interleaved("attention.query_key_value", 1, heads),
        value=interleaved("attention.query_key_value", 2, heads),
        output=Port("attention.dense", "in", inputs_of(layer, "attention.dense")),
    )


DESCRIPTION = Description(
    model_types=("gpt_neox",),
    layers=("gpt_neox.layers", "layers"),
    sites=_sites,
    bias_fields=(("attention.", "attention_bias"),),
)
