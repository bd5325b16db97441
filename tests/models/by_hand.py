"""Edits written out by hand for each family, without lnbench: what its site map is held to.

Two independent ways: hooks on the modules that transformers calls, for any ``a -> s*a + c``; and, to zero, edits of the
state dict. Names and layouts are read off the transformers sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

Tensor = torch.Tensor
Affine = Callable[[Tensor], Tensor]

LLAMA = {
    "layer": "model.layers.{}",
    "act": "mlp.act_fn",
    "down": "mlp.down_proj",
    "attn.q": "self_attn.q_proj",
    "attn.k": "self_attn.k_proj",
    "attn.v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
}
PHI3 = LLAMA | {"act": "mlp.activation_fn", "qkv": "self_attn.qkv_proj"}
BLOOM = {
    "layer": "transformer.h.{}",
    "act": "mlp.gelu_impl",
    "down": "mlp.dense_4h_to_h",
    "qkv": "self_attention.query_key_value",
    "o": "self_attention.dense",
}
NEOX = {
    "layer": "gpt_neox.layers.{}",
    "act": "mlp.act",
    "down": "mlp.dense_4h_to_h",
    "qkv": "attention.query_key_value",
    "o": "attention.dense",
}
OPT = {
    "layer": "model.decoder.layers.{}",
    "act": "activation_fn",
    "down": "fc2",
    "attn.q": "self_attn.q_proj",
    "attn.k": "self_attn.k_proj",
    "attn.v": "self_attn.v_proj",
    "o": "self_attn.out_proj",
}
GPT2 = {"layer": "transformer.h.{}", "act": "mlp.act", "down": "mlp.c_proj", "qkv": "attn.c_attn", "o": "attn.c_proj"}
NAMES = {"phi3": PHI3, "bloom": BLOOM, "gpt_neox": NEOX, "opt": OPT, "gpt2": GPT2}


def names(family: str) -> dict[str, str]:
    """Module names of a family."""
    return NAMES.get(family, LLAMA)


def part(family: str, fused: Tensor, site: str, config: Any) -> Tensor:
    """A view ``[..., neurons]`` of a fused query-key-value tensor whose last dimension is its outputs."""
    which = ("attn.q", "attn.k", "attn.v").index(site)
    if family == "gpt2":
        return fused.chunk(3, dim=-1)[which]
    if family == "phi3":
        size = config.hidden_size // config.num_attention_heads
        shares = [size * config.num_attention_heads] + [size * config.num_key_value_heads] * 2
        return fused.split(shares, dim=-1)[which]
    heads = config.num_attention_heads
    return fused.unflatten(-1, (heads, 3, -1)).select(-2, which)  # [..., heads, size]


@contextmanager
def hooked(
    model: nn.Module, family: str, layers: Sequence[int], site: str, neurons: Sequence[int], change: Affine
) -> Iterator[None]:
    """``change`` on these neurons of a site, by hooks on the modules that hold it."""
    name = names(family)

    def outputs(module: nn.Module, args: Any, out: Tensor) -> Tensor:
        out = out.clone()
        values = part(family, out, site, model.config) if "qkv" in name and site.startswith("attn") else out
        _change(values, neurons, change)
        return out

    def inputs(module: nn.Module, args: Any) -> Any:
        x = args[0].clone()
        _change(x, neurons, change)
        return (x,)

    with ExitStack() as stack:
        for layer in layers:
            block = model.get_submodule(name["layer"].format(layer))
            if site in ("ffn.hidden", "attn.o"):
                target = block.get_submodule(name["down" if site == "ffn.hidden" else "o"])
                handle = target.register_forward_pre_hook(inputs)
            else:
                target = block.get_submodule(name["act"] if site == "ffn.act" else name.get("qkv", name.get(site, "")))
                handle = target.register_forward_hook(outputs)
            stack.callback(handle.remove)
        yield


def _change(values: Tensor, neurons: Sequence[int], change: Affine) -> None:
    """In place; ``values`` is ``[..., neurons]`` or ``[..., heads, size]``."""
    for neuron in neurons:
        at = (
            values[..., neuron]
            if values.ndim != 4
            else values[..., neuron // values.shape[-1], neuron % values.shape[-1]]
        )
        at.copy_(change(at.clone()))


@torch.no_grad()
def zeroed(
    model: nn.Module, family: str, layers: Sequence[int], site: str, neurons: Sequence[int]
) -> dict[str, Tensor]:
    """A state dict in which these neurons are cut out."""
    state = {key: value.clone() for key, value in model.state_dict().items()}
    name = names(family)
    for layer in layers:
        prefix = name["layer"].format(layer) + "."
        if site.startswith("ffn") or site == "attn.o":
            weight = state[prefix + name["o" if site == "attn.o" else "down"] + ".weight"]
            (weight if family == "gpt2" else weight.T)[list(neurons)] = 0.0
            continue
        target = prefix + name.get("qkv", name.get(site, ""))
        for kind in ("weight", "bias"):
            if target + "." + kind in state:
                _cut(state[target + "." + kind], family, site, neurons, model.config, kind)
    return state


def _cut(tensor: Tensor, family: str, site: str, neurons: Sequence[int], config: Any, kind: str) -> None:
    last = tensor if family == "gpt2" or kind == "bias" else tensor.T  # outputs last
    if "qkv" in names(family):
        last = part(family, last, site, config)
    for neuron in neurons:
        if family in ("bloom", "gpt_neox"):
            last[..., neuron // last.shape[-1], neuron % last.shape[-1]] = 0.0
        else:
            last[..., neuron] = 0.0
