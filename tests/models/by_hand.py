"""Edits written out by hand for each family, without lnbench: what its site map is held to.

Two independent ways: hooks on the modules that transformers calls, for any ``a -> s*a + c``; and, to zero, edits of the
state dict. Names and layouts are read off the transformers sources. Fused experts, which no hook sees into, are
computed again here, token by token.
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
XGLM = LLAMA | {"act": "activation_fn", "down": "fc2", "o": "self_attn.out_proj"}
OPT = XGLM | {"layer": "model.decoder.layers.{}"}
GPT2 = {"layer": "transformer.h.{}", "act": "mlp.act", "down": "mlp.c_proj", "qkv": "attn.c_attn", "o": "attn.c_proj"}
GPTJ = {
    "layer": "transformer.h.{}",
    "act": "mlp.act",
    "down": "mlp.fc_out",
    "attn.q": "attn.q_proj",
    "attn.k": "attn.k_proj",
    "attn.v": "attn.v_proj",
    "o": "attn.out_proj",
}
NEO = {
    "layer": "transformer.h.{}",
    "act": "mlp.act",
    "down": "mlp.c_proj",
    "attn.q": "attn.attention.q_proj",
    "attn.k": "attn.attention.k_proj",
    "attn.v": "attn.attention.v_proj",
    "o": "attn.attention.out_proj",
}
MPT = {
    "layer": "transformer.blocks.{}",
    "act": "ffn.act",
    "down": "ffn.down_proj",
    "qkv": "attn.Wqkv",
    "o": "attn.out_proj",
}
NAMES = {
    "phi3": PHI3,
    "glm": LLAMA | {"act": "mlp.activation_fn"},
    "glm4": LLAMA | {"act": "mlp.activation_fn"},
    "bloom": BLOOM,
    "falcon": BLOOM | {"act": "mlp.act"},
    "gpt_neox": NEOX,
    "opt": OPT,
    "xglm": XGLM,
    "gpt2": GPT2,
    "gpt_bigcode": GPT2,
    "gptj": GPTJ,
    "gpt_neo": NEO,
    "mpt": MPT,
    "phi": LLAMA | {"act": "mlp.activation_fn", "down": "mlp.fc2", "o": "self_attn.dense"},
    "starcoder2": LLAMA | {"act": "mlp.act", "down": "mlp.c_proj"},
    "granitemoe": LLAMA | {"experts": "block_sparse_moe.experts"},
    "qwen2_moe": LLAMA | {"shared": "mlp.shared_expert"},
    "glm4_moe": LLAMA | {"shared": "mlp.shared_experts"},
}


def names(family: str) -> dict[str, str]:
    """Module names of a family; what follows a hyphen is a variant of it."""
    return NAMES.get(family.split("-")[0], LLAMA)


def part(family: str, fused: Tensor, site: str, config: Any) -> Tensor:
    """A view ``[..., neurons]`` (or with heads before) of a fused query-key-value tensor, outputs last."""
    which, base = ("attn.q", "attn.k", "attn.v").index(site), family.split("-")[0]
    heads = config.num_attention_heads
    size = config.hidden_size // heads
    if base in ("gpt2", "mpt"):
        return fused.chunk(3, dim=-1)[which]
    if base == "phi3":
        shares = [size * heads] + [size * config.num_key_value_heads] * 2
        return fused.split(shares, dim=-1)[which]
    if base == "gpt_bigcode" and config.multi_query:
        return fused.split([size * heads, size, size], dim=-1)[which]
    if base == "falcon" and config.new_decoder_architecture:
        parted = fused.unflatten(-1, (-1, heads // config.num_kv_heads + 2, size))
        return (parted[..., :-2, :], parted[..., [-2], :], parted[..., [-1], :])[which].flatten(-3, -2)
    if base == "falcon" and config.multi_query:
        parted = fused.unflatten(-1, (heads + 2, size))
        return (parted[..., :-2, :], parted[..., [-2], :], parted[..., [-1], :])[which]
    return fused.unflatten(-1, (heads, 3, -1)).select(-2, which)  # [..., heads, size]


def rows(model: nn.Module, family: str, block: nn.Module, site: str) -> list[int]:
    """Of each neuron of a query, key or value site the output of its projection, by splitting their numbers."""
    name = names(family)
    module = block.get_submodule(name.get("qkv", name.get(site, "")))
    if "qkv" not in name:
        return list(range(module.out_features))
    numbers = torch.arange(module.weight.shape[1 if family == "gpt2" else 0])
    return part(family, numbers, site, model.config).flatten().tolist()


@contextmanager
def hooked(
    model: nn.Module, family: str, layers: Sequence[int], site: str, neurons: Sequence[int], change: Affine
) -> Iterator[None]:
    """``change`` on these neurons of a site, by hooks on the modules that hold it."""
    name = names(family)
    with ExitStack() as stack:
        for layer in layers:
            block = model.get_submodule(name["layer"].format(layer))
            if site.startswith("ffn") and (experts := experts_of(block, family)) is not None:
                stack.enter_context(_routed(block, family, experts, site, neurons, change))
            elif site in ("ffn.hidden", "attn.o"):
                target = block.get_submodule(name["down" if site == "ffn.hidden" else "o"])
                stack.callback(target.register_forward_pre_hook(_inputs(neurons, change)).remove)
            elif site == "ffn.act":
                stack.callback(block.get_submodule(name["act"]).register_forward_hook(_outputs(neurons, change)).remove)
            else:
                target, own = block.get_submodule(name.get("qkv", name.get(site, ""))), rows(model, family, block, site)
                hook = _outputs([own[neuron] for neuron in neurons], change)
                stack.callback(target.register_forward_hook(hook).remove)
        yield


def _outputs(at: Sequence[int], change: Affine) -> Callable[..., Tensor]:
    def hook(module: nn.Module, args: Any, out: Tensor) -> Tensor:
        out = out.clone()
        out[..., list(at)] = change(out[..., list(at)])
        return out

    return hook


def _inputs(at: Sequence[int], change: Affine) -> Callable[..., Any]:
    def hook(module: nn.Module, args: Any) -> Any:
        return (_outputs(at, change)(module, None, args[0]),)

    return hook


def experts_of(block: nn.Module, family: str) -> Any:
    """The module with a layer's fused experts, or None."""
    path = names(family).get("experts", "mlp.experts")
    return dict(block.named_modules()).get(path)


@contextmanager
def _routed(
    block: nn.Module, family: str, experts: Any, site: str, neurons: Sequence[int], change: Affine
) -> Iterator[None]:
    """Experts computed anew, with ``change`` on neurons ``expert * width + i``; the shared expert's come after them."""
    width = experts.down_proj.shape[1 if family == "gpt_oss" else 2]
    routed = [neuron for neuron in neurons if neuron < len(experts.down_proj) * width]
    by_expert = {n // width: [m % width for m in routed if m // width == n // width] for n in routed}

    def forward(x: Tensor, index: Tensor, weights: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        for token, chosen in enumerate(index.tolist()):
            for place, expert in enumerate(chosen):
                changed = _expert(experts, family, x[token], expert, site, by_expert.get(expert, []), change)
                out[token] += changed * weights[token, place]
        return out

    with ExitStack() as stack:
        experts.forward = forward
        stack.callback(experts.__dict__.pop, "forward")
        if "shared" in names(family):
            shared = block.get_submodule(names(family)["shared"])
            own = [neuron - len(experts.down_proj) * width for neuron in neurons if neuron not in routed]
            if site == "ffn.act":
                stack.callback(shared.act_fn.register_forward_hook(_outputs(own, change)).remove)
            else:
                stack.callback(shared.down_proj.register_forward_pre_hook(_inputs(own, change)).remove)
        yield


def _expert(
    experts: Any, family: str, x: Tensor, expert: int, site: str, neurons: Sequence[int], change: Affine
) -> Tensor:
    weight, down = experts.gate_up_proj[expert], experts.down_proj[expert]
    if family == "gpt_oss":
        both = x @ weight + experts.gate_up_proj_bias[expert]
        gate, up = both[::2].clamp(max=experts.limit), both[1::2].clamp(-experts.limit, experts.limit) + 1
        act = gate * torch.sigmoid(experts.alpha * gate)
    else:
        gate, up = (weight @ x).chunk(2)
        act = experts.act_fn(gate)
    if site == "ffn.act":
        act = _outputs(neurons, change)(experts, None, act)
    hidden = act * up
    if site == "ffn.hidden":
        hidden = _outputs(neurons, change)(experts, None, hidden)
    return hidden @ down + experts.down_proj_bias[expert] if family == "gpt_oss" else down @ hidden


@torch.no_grad()
def zeroed(
    model: nn.Module, family: str, layers: Sequence[int], site: str, neurons: Sequence[int]
) -> dict[str, Tensor]:
    """A state dict in which these neurons are cut out."""
    state = {key: value.clone() for key, value in model.state_dict().items()}
    name = names(family)
    for layer in layers:
        prefix = name["layer"].format(layer) + "."
        block = model.get_submodule(prefix[:-1])
        if site.startswith("ffn") and experts_of(block, family) is not None:
            _cut_experts(state, prefix, family, neurons)
        elif site.startswith("ffn") or site == "attn.o":
            weight = state[prefix + name["o" if site == "attn.o" else "down"] + ".weight"]
            (weight if family == "gpt2" else weight.T)[list(neurons)] = 0.0
        else:
            target = prefix + name.get("qkv", name.get(site, ""))
            for kind in ("weight", "bias"):
                if target + "." + kind in state:
                    _cut(state[target + "." + kind], family, site, neurons, model.config, kind)
    return state


def _cut(tensor: Tensor, family: str, site: str, neurons: Sequence[int], config: Any, kind: str) -> None:
    last = tensor if family == "gpt2" or kind == "bias" else tensor.T  # outputs last
    numbers = torch.arange(last.shape[-1])
    own = part(family, numbers, site, config).flatten() if "qkv" in names(family) else numbers
    last[..., own[list(neurons)]] = 0.0


def _cut_experts(state: dict[str, Tensor], prefix: str, family: str, neurons: Sequence[int]) -> None:
    down = state[prefix + names(family).get("experts", "mlp.experts") + ".down_proj"]
    down = down.transpose(1, 2) if family == "gpt_oss" else down  # [experts, outputs, inputs]
    for neuron in neurons:
        expert, column = divmod(neuron, down.shape[2])
        if expert < len(down):
            down[expert, :, column] = 0.0
        else:
            shared = state[prefix + names(family)["shared"] + ".down_proj.weight"]
            shared[:, neuron - len(down) * down.shape[2]] = 0.0
