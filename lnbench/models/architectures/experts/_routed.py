"""Layers with a router and fused experts, and the dense layers that some of these models have among them.

Neuron i of expert e is neuron ``e * width + i``; the neurons of an expert that every token passes (``shared``) come
after those of all routed ones. Attention is an ordinary decoder's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from lnbench.models._claims import ATTENTION, PLND_WITHOUT_QUERIES, Claims
from lnbench.models._ports import LayerSites
from lnbench.models._projections import expert_port, input_port
from lnbench.models._sitemap import Description
from lnbench.models.architectures import _llama
from lnbench.models.architectures._fused import separate

_PLND = tuple(site for site in ATTENTION)
_PLND_WITHOUT_QUERIES = tuple(site for site in PLND_WITHOUT_QUERIES if site in ATTENTION)


def _routed(
    experts: str = "mlp.experts", *, shared: str | None = None, inputs_first: bool = False
) -> Callable[[nn.Module, Any], LayerSites]:
    """From where a layer keeps its experts to its ports; a layer without them is one of Llama's."""

    def sites(layer: nn.Module, config: Any) -> LayerSites:
        if not _has(layer, experts):
            return _llama.sites(layer, config)
        return LayerSites(
            down=expert_port(layer, experts, inputs_first=inputs_first),
            shared=None if shared is None else input_port(layer, shared),
            **separate(layer, "self_attn", "o_proj"),
        )

    return sites


def _has(layer: nn.Module, path: str) -> bool:
    try:
        layer.get_submodule(path)
    except AttributeError:
        return False
    return True


def _described(
    *model_types: str,
    sites: Callable[[nn.Module, Any], LayerSites],
    biases: tuple[tuple[str, str], ...] = (),
    constants: tuple[str, ...] = (),
    plnd: tuple[str, ...] = _PLND,
    layout: str = "",
) -> Description:
    claims = Claims("experts", constants, plnd, layout)
    return Description(model_types, _llama.LAYERS, sites, biases, claims=claims)


DESCRIPTIONS = (
    _described("mixtral", sites=_routed()),
    _described(
        "qwen3_moe",
        sites=_routed(),
        biases=_llama.ATTENTION_BIAS,
        constants=ATTENTION,
        layout="norm of each head's q and k; may have dense layers",
    ),
    _described(
        "qwen2_moe",
        sites=_routed(shared="mlp.shared_expert.down_proj"),
        constants=_llama.QUERY_KEY_VALUE,
        layout="a shared expert, last; may have dense layers",
    ),
    _described(
        "glm4_moe",
        sites=_routed(shared="mlp.shared_experts.down_proj"),
        biases=_llama.QUERY_KEY_VALUE_BIAS,
        constants=_llama.QUERY_KEY_VALUE,
        layout="shared experts, last; dense layers first",
    ),
    _described(
        "olmoe",
        sites=_routed(),
        biases=_llama.ATTENTION_BIAS,
        constants=ATTENTION,
        plnd=_PLND_WITHOUT_QUERIES,
        layout="norm of q and k over all heads",
    ),
    _described(
        "granitemoe",
        sites=_routed("block_sparse_moe.experts"),
        biases=_llama.ATTENTION_BIAS,
        constants=ATTENTION,
    ),
    _described("phimoe", sites=_routed(), biases=_llama.ATTENTION_BIAS, constants=ATTENTION),
    _described(
        "gpt_oss",
        sites=_routed(inputs_first=True),
        constants=ATTENTION,
        plnd=_PLND_WITHOUT_QUERIES,
        layout="attention with sinks; expert weights transposed",
    ),
)
