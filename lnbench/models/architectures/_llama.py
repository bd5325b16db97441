"""Llama and the decoders that share its module names: gate, up and down, and four separate attention projections.

Qwen3, Gemma 3, OLMo 2 and others normalise queries and keys after the projection; ``attn.q`` and ``attn.k`` are before
that. Which projections have biases, and which field of the config gives them, is all that they differ in here.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._claims import ATTENTION, PLND_SITES, PLND_WITHOUT_QUERIES, Claims
from lnbench.models._ports import LayerSites
from lnbench.models._projections import input_port, output_port
from lnbench.models._sitemap import Description
from lnbench.models.architectures._fused import separate
from lnbench.neurons import SITES

#: Where a decoder keeps its layers, alone or inside a model that takes pictures too.
LAYERS = ("model.layers", "layers", "model.language_model.layers", "language_model.layers")

QUERY_KEY_VALUE = ("attn.q", "attn.k", "attn.v")
ATTENTION_BIAS = (("self_attn.", "attention_bias"),)
QUERY_KEY_VALUE_BIAS = tuple((f"self_attn.{name}_proj", "attention_bias") for name in "qkv")
MLP_BIAS = (("mlp.", "mlp_bias"),)
ONE_BIAS = (("self_attn.", "use_bias"), ("mlp.", "use_bias"))


def sites(layer: nn.Module, config: Any) -> LayerSites:
    """The ports of a layer of this kind."""
    return LayerSites(
        down=input_port(layer, "mlp.down_proj"),
        gate=output_port(layer, "mlp.gate_proj"),
        up=output_port(layer, "mlp.up_proj"),
        activation="mlp.act_fn",
        **separate(layer, "self_attn", "o_proj"),
    )


def _described(
    *model_types: str,
    biases: tuple[tuple[str, str], ...] = (),
    constants: tuple[str, ...] = (),
    plnd: tuple[str, ...] = PLND_SITES,
    layout: str = "",
) -> Description:
    claims = Claims("gated", constants, plnd, layout)
    return Description(model_types, LAYERS, sites, biases, claims=claims)


DESCRIPTIONS = (
    _described("llama", "smollm3", biases=ATTENTION_BIAS + MLP_BIAS, constants=SITES),
    _described("granite", biases=ATTENTION_BIAS + MLP_BIAS, constants=SITES),
    _described("ernie4_5", biases=ONE_BIAS, constants=SITES),
    _described(
        "seed_oss",
        biases=(*QUERY_KEY_VALUE_BIAS, ("self_attn.o_proj", "attention_out_bias"), *MLP_BIAS),
        constants=SITES,
        layout="q, k, v biased",
    ),
    _described(
        "helium",
        biases=QUERY_KEY_VALUE_BIAS + MLP_BIAS,
        constants=("ffn.act", "ffn.hidden", *QUERY_KEY_VALUE),
    ),
    _described("mistral", "ministral", "ministral3", "exaone4"),
    _described("qwen2", constants=QUERY_KEY_VALUE, layout="q, k, v biased"),
    _described(
        "stablelm",
        biases=tuple((f"self_attn.{name}_proj", "use_qkv_bias") for name in "qkv"),
        constants=QUERY_KEY_VALUE,
    ),
    _described("gemma", "cohere", "cohere2", "olmo", biases=ATTENTION_BIAS, constants=ATTENTION),
    _described(
        "qwen3", "gemma3_text", biases=ATTENTION_BIAS, constants=ATTENTION, layout="norm of each head's q and k"
    ),
    _described(
        "hunyuan_v1_dense",
        biases=ATTENTION_BIAS,
        constants=ATTENTION,
        plnd=PLND_WITHOUT_QUERIES,
        layout="norm of each head's q and k, after rotation",
    ),
    _described(
        "olmo2",
        "olmo3",
        biases=ATTENTION_BIAS,
        constants=ATTENTION,
        plnd=PLND_WITHOUT_QUERIES,
        layout="norm of q and k over all heads",
    ),
    _described(
        "gemma2",
        biases=ATTENTION_BIAS,
        constants=ATTENTION,
        plnd=PLND_WITHOUT_QUERIES,
        layout="capped attention logits",
    ),
)
