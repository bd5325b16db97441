"""Decoders with Llama's attention and a feed-forward without a gate: Phi, StarCoder 2, Nemotron, Arcee, Apertus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from lnbench.models._claims import ATTENTION, Claims
from lnbench.models._ports import LayerSites
from lnbench.models._projections import input_port, output_port
from lnbench.models._sitemap import Description
from lnbench.models.architectures._fused import separate
from lnbench.models.architectures._llama import ATTENTION_BIAS, LAYERS, MLP_BIAS, ONE_BIAS
from lnbench.neurons import SITES


def _named(first: str, down: str, output: str = "o_proj") -> Callable[[nn.Module, Any], LayerSites]:
    def sites(layer: nn.Module, config: Any) -> LayerSites:
        return LayerSites(
            first=output_port(layer, f"mlp.{first}"),
            down=input_port(layer, f"mlp.{down}"),
            **separate(layer, "self_attn", output),
        )

    return sites


DESCRIPTIONS = (
    Description(("phi",), LAYERS, _named("fc1", "fc2", "dense"), claims=Claims("plain", SITES)),
    Description(("starcoder2",), LAYERS, _named("c_fc", "c_proj"), ONE_BIAS, claims=Claims("plain", SITES)),
    Description(
        ("nemotron", "arcee"),
        LAYERS,
        _named("up_proj", "down_proj"),
        ATTENTION_BIAS + MLP_BIAS,
        claims=Claims("plain", SITES),
    ),
    Description(
        ("apertus",),
        LAYERS,
        _named("up_proj", "down_proj"),
        ATTENTION_BIAS,
        claims=Claims("plain", ATTENTION, layout="norm of each head's q and k"),
    ),
)
