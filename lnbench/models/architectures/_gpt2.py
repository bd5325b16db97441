"""GPT-2 and what was made after it: no gate, layers under ``transformer``.

GPT-2 has ``Conv1D`` projections (weights are inputs by outputs) and query, key and value in one of them, one after the
other. GPT-BigCode has the same with one key and one value head (``multi_query``) or else head by head; MPT has them one
after the other; GPT-J and GPT-Neo have separate projections.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from lnbench.models._claims import PLND_WITHOUT_QUERIES, Claims
from lnbench.models._ports import LayerSites, unshared_heads_of
from lnbench.models._projections import input_port, output_port
from lnbench.models._sitemap import Description
from lnbench.models.architectures._fused import consecutive, interleaved, separate
from lnbench.neurons import SITES, Heads

_LAYERS = ("transformer.h", "h")


def _gpt2(layer: nn.Module, config: Any) -> LayerSites:
    return LayerSites(
        first=output_port(layer, "mlp.c_fc"),
        down=input_port(layer, "mlp.c_proj"),
        **consecutive("attn.c_attn", unshared_heads_of(config)),
        output=input_port(layer, "attn.c_proj"),
    )


def _bigcode_heads(config: Any) -> Heads:
    queries = int(config.num_attention_heads)
    return Heads(queries, 1 if config.multi_query else queries, config.hidden_size // queries)


def _bigcode(layer: nn.Module, config: Any) -> LayerSites:
    together = consecutive if config.multi_query else interleaved
    return LayerSites(
        first=output_port(layer, "mlp.c_fc"),
        down=input_port(layer, "mlp.c_proj"),
        **together("attn.c_attn", _bigcode_heads(config)),
        output=input_port(layer, "attn.c_proj"),
    )


def _gptj(layer: nn.Module, config: Any) -> LayerSites:
    return LayerSites(
        first=output_port(layer, "mlp.fc_in"),
        down=input_port(layer, "mlp.fc_out"),
        **separate(layer, "attn", "out_proj"),
    )


def _gpt_neo(layer: nn.Module, config: Any) -> LayerSites:
    return LayerSites(
        first=output_port(layer, "mlp.c_fc"),
        down=input_port(layer, "mlp.c_proj"),
        **separate(layer, "attn.attention", "out_proj"),
    )


def _mpt(layer: nn.Module, config: Any) -> LayerSites:
    return LayerSites(
        first=output_port(layer, "ffn.up_proj"),
        down=input_port(layer, "ffn.down_proj"),
        **consecutive("attn.Wqkv", unshared_heads_of(config)),
        output=input_port(layer, "attn.out_proj"),
    )


DESCRIPTIONS = (
    Description(
        ("gpt2",),
        _LAYERS,
        _gpt2,
        heads=unshared_heads_of,
        claims=Claims("plain", SITES, layout="`Conv1D`, transposed; one `c_attn`: q, k, v in turn"),
    ),
    Description(
        ("gpt_bigcode",),
        _LAYERS,
        _bigcode,
        heads=_bigcode_heads,
        claims=Claims("plain", SITES, layout="one `c_attn`: q, one k, one v; or head by head"),
    ),
    Description(
        ("gptj",),
        _LAYERS,
        _gptj,
        heads=unshared_heads_of,
        claims=Claims("plain", ("ffn.act", "ffn.hidden"), PLND_WITHOUT_QUERIES, "rotation inside its attention"),
    ),
    Description(
        ("gpt_neo",),
        _LAYERS,
        _gpt_neo,
        heads=unshared_heads_of,
        claims=Claims("plain", ("ffn.act", "ffn.hidden", "attn.o"), PLND_WITHOUT_QUERIES, "attention logits unscaled"),
    ),
    Description(
        ("mpt",),
        ("transformer.blocks", "blocks"),
        _mpt,
        heads=unshared_heads_of,
        claims=Claims("plain", (), PLND_WITHOUT_QUERIES, "one `Wqkv`: q, k, v in turn; alibi of its own"),
    ),
)
