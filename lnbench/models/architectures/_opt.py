"""OPT: no gate; the feed-forward projections belong to the layer itself; four separate attention projections."""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._sitemap import Description, LayerSites, Port, inputs_of, outputs_of


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    def outputs(path: str) -> Port:
        return Port(path, "out", outputs_of(layer, path))

    return LayerSites(
        down=Port("fc2", "in", inputs_of(layer, "fc2")),
        query=outputs("self_attn.q_proj"),
        key=outputs("self_attn.k_proj"),
        value=outputs("self_attn.v_proj"),
        output=Port("self_attn.out_proj", "in", inputs_of(layer, "self_attn.out_proj")),
    )


DESCRIPTION = Description(
    model_types=("opt",),
    layers=("model.decoder.layers", "decoder.layers", "layers"),
    sites=_sites,
)
