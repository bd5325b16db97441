"""Phi-3: gate and up are halves of one projection; query, key and value are consecutive parts of another."""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._sitemap import Description, LayerSites, Port, Rows, heads_of, inputs_of


def _shifted(path: str, start: int, width: int) -> Port:
    def rows(neurons: Rows) -> Rows:
        return neurons + start

    return Port(path, "out", width, rows)


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    heads, hidden = heads_of(config), inputs_of(layer, "mlp.down_proj")
    queries, keys = heads.queries * heads.size, heads.keys * heads.size
    return LayerSites(
        down=Port("mlp.down_proj", "in", hidden),
        gate=_shifted("mlp.gate_up_proj", 0, hidden),
        up=_shifted("mlp.gate_up_proj", hidden, hidden),
        activation="mlp.activation_fn",
        query=_shifted("self_attn.qkv_proj", 0, queries),
        key=_shifted("self_attn.qkv_proj", queries, keys),
        value=_shifted("self_attn.qkv_proj", queries + keys, keys),
        output=Port("self_attn.o_proj", "in", inputs_of(layer, "self_attn.o_proj")),
    )


DESCRIPTION = Description(model_types=("phi3",), layers=("model.layers", "layers"), sites=_sites)
