"""Llama and the decoders that share its module names: gate, up and down, and four separate attention projections.

Qwen3, Gemma 3 and Olmo 2 normalise queries and keys after the projection; ``attn.q`` and ``attn.k`` are before that.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._sitemap import Description, LayerSites, Port, inputs_of, outputs_of


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    def outputs(path: str) -> Port:
        return Port(path, "out", outputs_of(layer, path))

    def inputs(path: str) -> Port:
        return Port(path, "in", inputs_of(layer, path))

    return LayerSites(
        down=inputs("mlp.down_proj"),
        gate=outputs("mlp.gate_proj"),
        up=outputs("mlp.up_proj"),
        activation="mlp.act_fn",
        query=outputs("self_attn.q_proj"),
        key=outputs("self_attn.k_proj"),
        value=outputs("self_attn.v_proj"),
        output=inputs("self_attn.o_proj"),
    )


DESCRIPTION = Description(
    model_types=(
        "llama",
        "mistral",
        "qwen2",
        "qwen3",
        "gemma",
        "gemma2",
        "gemma3_text",
        "olmo2",
    ),
    layers=("model.layers", "layers", "model.language_model.layers", "language_model.layers"),
    sites=_sites,
    bias_fields=(("self_attn.", "attention_bias"), ("mlp.", "mlp_bias")),
)
