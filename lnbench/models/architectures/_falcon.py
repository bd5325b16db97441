"""Falcon: no gate; one projection in one of three layouts, with few or many key/value heads.

``new_decoder_architecture`` (Falcon 40B on): each key/value head after the query heads that share it. Without it and
with ``multi_query`` (7B): all queries, one key, one value. With neither (Falcon-RW): head by head, as BLOOM.
Feed-forward and attention may run in parallel and positions may be alibi; neither moves a neuron.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._claims import Claims
from lnbench.models._ports import LayerSites
from lnbench.models._projections import input_port, output_port
from lnbench.models._sitemap import Description
from lnbench.models.architectures._fused import consecutive, grouped, interleaved
from lnbench.neurons import SITES, Heads


def _heads(config: Any) -> Heads:
    queries = int(config.num_attention_heads)
    few = int(config.num_kv_heads) if config.new_decoder_architecture else 1
    keys = few if config.new_decoder_architecture or config.multi_query else queries
    return Heads(queries, keys, config.hidden_size // queries)


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    together = consecutive if config.multi_query else interleaved
    layout = grouped if config.new_decoder_architecture else together
    return LayerSites(
        first=output_port(layer, "mlp.dense_h_to_4h"),
        down=input_port(layer, "mlp.dense_4h_to_h"),
        **layout("self_attention.query_key_value", _heads(config)),
        output=input_port(layer, "self_attention.dense"),
    )


DESCRIPTIONS = (
    Description(
        model_types=("falcon",),
        layers=("transformer.h", "h"),
        sites=_sites,
        bias_fields=(("mlp.", "bias"), ("self_attention.", "bias")),
        heads=_heads,
        claims=Claims("plain", SITES, layout="one `query_key_value` in its three layouts"),
    ),
)
