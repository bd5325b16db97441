"""Tiny random models of every supported architecture, made on the spot, with nothing in them trivially zero."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import nn

VOCABULARY, LAYERS, HIDDEN, FFN, HEADS, SIZE = 61, 3, 24, 40, 4, 8
KV = 2  # key/value heads of the families that group queries

_COMMON = {"vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_LLAMA = _COMMON | {
    "hidden_size": HIDDEN,
    "intermediate_size": FFN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV,
    "head_dim": SIZE,
    "max_position_embeddings": 64,
}
_HEADLESS = {name: value for name, value in _LLAMA.items() if name != "head_dim"}
_SLIDING = ["sliding_attention", "full_attention", "full_attention"]

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaForCausalLM", _LLAMA),
    "llama-biased": ("LlamaForCausalLM", _LLAMA | {"attention_bias": True, "mlp_bias": True}),
    "llama-gelu": ("LlamaForCausalLM", _LLAMA | {"hidden_act": "gelu"}),
    "mistral": ("MistralForCausalLM", _LLAMA),
    "qwen2": ("Qwen2ForCausalLM", _LLAMA | {"num_attention_heads": 3, "num_key_value_heads": 1}),
    "qwen3": ("Qwen3ForCausalLM", _LLAMA),
    "gemma": ("GemmaForCausalLM", _LLAMA),
    "gemma2": ("Gemma2ForCausalLM", _LLAMA | {"query_pre_attn_scalar": 8, "layer_types": _SLIDING}),
    "gemma3": ("Gemma3ForCausalLM", _LLAMA | {"query_pre_attn_scalar": 8, "layer_types": _SLIDING}),
    "olmo2": ("Olmo2ForCausalLM", _HEADLESS),
    "phi3": ("Phi3ForCausalLM", _HEADLESS | {"num_attention_heads": 6}),
    "bloom": ("BloomForCausalLM", _COMMON | {"hidden_size": 32, "n_layer": LAYERS, "n_head": HEADS}),
    "gpt_neox": (
        "GPTNeoXForCausalLM",
        _COMMON
        | {
            "hidden_size": 32,
            "intermediate_size": FFN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "max_position_embeddings": 64,
        },
    ),
    "opt": (
        "OPTForCausalLM",
        _COMMON
        | {
            "hidden_size": 32,
            "word_embed_proj_dim": 32,
            "ffn_dim": FFN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "max_position_embeddings": 64,
        },
    ),
    "gpt2": (
        "GPT2LMHeadModel",
        _COMMON | {"n_embd": 32, "n_inner": FFN, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 64},
    ),
}


def build(family: str, dtype: torch.dtype = torch.float32, seed: int = 0, **config: Any) -> Any:
    """A model of this family in evaluation mode, all weights, biases and norms random."""
    name, fields = FAMILIES[family]
    return randomised(getattr(transformers, name), fields | config, dtype, seed)


def randomised(kind: Any, fields: dict[str, Any], dtype: torch.dtype = torch.float32, seed: int = 0) -> Any:
    """A model of a transformers class from the fields of its config."""
    model = kind(kind.config_class(**fields)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            norm = parameter.ndim == 1 and name.endswith("weight")
            parameter.copy_(
                1.0 + 0.3 * noise if norm else noise * (0.3 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5)
            )
    return model.to(dtype)


def tokens(batch: int = 3, length: int = 9, seed: int = 1) -> torch.Tensor:
    """Random token ids, none of them special, shape ``[batch, length]``."""
    return torch.randint(3, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def logits(model: nn.Module, ids: torch.Tensor, **kwargs: Any) -> torch.Tensor:
    """Logits in float32, shape ``[batch, length, vocabulary]``."""
    return model(input_ids=ids, **kwargs).logits.float()
