"""OPT and XGLM: no gate; the feed-forward projections belong to the layer itself."""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._claims import Claims
from lnbench.models._ports import LayerSites
from lnbench.models._projections import input_port, output_port
from lnbench.models._sitemap import Description
from lnbench.models.architectures._fused import separate
from lnbench.models.architectures._llama import LAYERS
from lnbench.neurons import SITES


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    return LayerSites(
        first=output_port(layer, "fc1"), down=input_port(layer, "fc2"), **separate(layer, "self_attn", "out_proj")
    )


DESCRIPTIONS = (
    Description(("opt",), ("model.decoder.layers", "decoder.layers", "layers"), _sites, claims=Claims("plain", SITES)),
    Description(("xglm",), LAYERS, _sites, claims=Claims("plain", SITES)),
)
