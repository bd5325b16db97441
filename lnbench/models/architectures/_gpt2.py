"""GPT-2: no gate; ``Conv1D`` projections (weights are inputs by outputs); query, key and value are consecutive."""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._sitemap import Description, LayerSites, Port, Rows, inputs_of


def _part(part: int, width: int) -> Port:
    def rows(neurons: Rows) -> Rows:
        return neurons + part * width

    return Port("attn.c_attn", "out", width, rows)


def _sites(layer: nn.Module, config: Any) -> LayerSites:
    width = inputs_of(layer, "attn.c_proj")
    return LayerSites(
        down=Port("mlp.c_proj", "in", inputs_of(layer, "mlp.c_proj")),
        query=_part(0, width),
        key=_part(1, width),
        value=_part(2, width),
        output=Port("attn.c_proj", "in", width),
    )


DESCRIPTION = Description(model_types=("gpt2",), layers=("transformer.h", "h"), sites=_sites)
