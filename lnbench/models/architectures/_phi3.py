"""Phi-3 and GLM: gate and up are halves of one projection; Phi-3 has query, key and value in one as well."""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._claims import Claims
from lnbench.models._ports import LayerSites, Port, heads_of
from lnbench.models._projections import input_port, inputs_of
from lnbench.models._sitemap import Description
from lnbench.models.architectures._fused import consecutive, separate, shifted
from lnbench.models.architectures._llama import LAYERS, QUERY_KEY_VALUE, QUERY_KEY_VALUE_BIAS


def _phi3(layer: nn.Module, config: Any) -> LayerSites:
    hidden = inputs_of(layer, "mlp.down_proj")
    return LayerSites(
        down=Port("mlp.down_proj", "in", hidden),
        gate=shifted("mlp.gate_up_proj", 0, hidden),
        up=shifted("mlp.gate_up_proj", hidden, hidden),
        activation="mlp.activation_fn",
        **consecutive("self_attn.qkv_proj", heads_of(config)),
        output=input_port(layer, "self_attn.o_proj"),
    )


def _glm(layer: nn.Module, config: Any) -> LayerSites:
    hidden = inputs_of(layer, "mlp.down_proj")
    return LayerSites(
        down=Port("mlp.down_proj", "in", hidden),
        gate=shifted("mlp.gate_up_proj", 0, hidden),
        up=shifted("mlp.gate_up_proj", hidden, hidden),
        activation="mlp.activation_fn",
        **separate(layer, "self_attn", "o_proj"),
    )


DESCRIPTIONS = (
    Description(
        ("phi3",),
        LAYERS,
        _phi3,
        claims=Claims("gated", layout="one `gate_up_proj`; one `qkv_proj`: q, k, v in turn"),
    ),
    Description(
        ("glm", "glm4"),
        LAYERS,
        _glm,
        QUERY_KEY_VALUE_BIAS,
        claims=Claims("gated", QUERY_KEY_VALUE, layout="one `gate_up_proj`; q, k, v biased"),
    ),
)
