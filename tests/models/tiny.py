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

_SMALL = _HEADLESS | {"num_hidden_layers": 2, "hidden_size": 16, "intermediate_size": 20}
_HEADED = _SMALL | {"head_dim": SIZE}
_GPT = _COMMON | {"n_embd": 16, "n_layer": 2, "n_head": HEADS, "n_positions": 64}
_FALCON = _COMMON | {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": HEADS, "ffn_hidden_size": 20}
_PLAIN = _COMMON | {"hidden_size": 16, "max_position_embeddings": 64}
_ROUTED = _SMALL | {
    "num_experts": 3,
    "num_local_experts": 3,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 12,
    "intermediate_size": 12,
}
_OSS = _ROUTED | {"head_dim": SIZE, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 4}
_DENSE_FIRST = {"n_routed_experts": 3, "first_k_dense_replace": 1, "n_shared_experts": 1, "intermediate_size": 20}

MORE_FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "ministral": ("MinistralForCausalLM", _HEADED | {"layer_types": _SLIDING[:2], "sliding_window": 4}),
    "ministral3": ("Ministral3ForCausalLM", _HEADED),
    "olmo": ("OlmoForCausalLM", _SMALL),
    "olmo3": ("Olmo3ForCausalLM", _SMALL),
    "cohere": ("CohereForCausalLM", _SMALL),
    "cohere2": ("Cohere2ForCausalLM", _HEADED | {"layer_types": _SLIDING[:2], "sliding_window": 4}),
    "granite": ("GraniteForCausalLM", _SMALL),
    "smollm3": ("SmolLM3ForCausalLM", _SMALL | {"no_rope_layers": [1, 0]}),
    "stablelm": ("StableLmForCausalLM", _SMALL | {"hidden_size": 32}),
    "exaone4": ("Exaone4ForCausalLM", _HEADED | {"layer_types": _SLIDING[:2], "sliding_window": 4}),
    "helium": ("HeliumForCausalLM", _SMALL | {"head_dim": 4}),
    "seed_oss": ("SeedOssForCausalLM", _HEADED),
    "ernie4_5": ("Ernie4_5ForCausalLM", _HEADED),
    "hunyuan": ("HunYuanDenseV1ForCausalLM", _HEADED),
    "glm": ("GlmForCausalLM", _HEADED),
    "glm4": ("Glm4ForCausalLM", _HEADED),
    "phi": ("PhiForCausalLM", _SMALL | {"hidden_size": 32}),
    "starcoder2": ("Starcoder2ForCausalLM", _SMALL),
    "nemotron": ("NemotronForCausalLM", _HEADED),
    "arcee": ("ArceeForCausalLM", _HEADED),
    "apertus": ("ApertusForCausalLM", _HEADED),
    "falcon": ("FalconForCausalLM", _FALCON | {"new_decoder_architecture": True, "num_kv_heads": KV}),
    "falcon-multi-query": ("FalconForCausalLM", _FALCON | {"multi_query": True}),
    "falcon-old": ("FalconForCausalLM", _FALCON | {"multi_query": False, "parallel_attn": False, "bias": True}),
    "xglm": (
        "XGLMForCausalLM",
        _COMMON | {"d_model": 16, "ffn_dim": 20, "num_layers": 2, "attention_heads": 4, "max_position_embeddings": 64},
    ),
    "gpt_bigcode": ("GPTBigCodeForCausalLM", _GPT | {"n_inner": 20}),
    "gpt_bigcode-heads": ("GPTBigCodeForCausalLM", _GPT | {"n_inner": 20, "multi_query": False}),
    "gptj": ("GPTJForCausalLM", _GPT | {"n_inner": 20, "rotary_dim": 2}),
    "gpt_neo": (
        "GPTNeoForCausalLM",
        _PLAIN
        | {"num_layers": 2, "num_heads": 4, "intermediate_size": 20, "window_size": 4}
        | {"attention_types": [[["global", "local"], 1]]},
    ),
    "mpt": ("MptForCausalLM", _COMMON | {"d_model": 16, "n_layers": 2, "n_heads": 4, "max_seq_len": 64}),
    "mixtral": ("MixtralForCausalLM", _ROUTED),
    "qwen3_moe": ("Qwen3MoeForCausalLM", _ROUTED | {"head_dim": SIZE}),
    "qwen3_moe-mixed": ("Qwen3MoeForCausalLM", _ROUTED | {"head_dim": SIZE, "mlp_only_layers": [0]}),
    "qwen2_moe": ("Qwen2MoeForCausalLM", _ROUTED | {"shared_expert_intermediate_size": 10}),
    "glm4_moe": ("Glm4MoeForCausalLM", _ROUTED | {"head_dim": SIZE} | _DENSE_FIRST),
    "olmoe": ("OlmoeForCausalLM", _ROUTED),
    "granitemoe": ("GraniteMoeForCausalLM", _ROUTED),
    "phimoe": ("PhimoeForCausalLM", _ROUTED),
    "gpt_oss": ("GptOssForCausalLM", _OSS),
}
EVERY_FAMILY = FAMILIES | MORE_FAMILIES


def build(family: str, dtype: torch.dtype = torch.float32, seed: int = 0, **config: Any) -> Any:
    """A model of this family in evaluation mode, all weights, biases and norms random."""
    name, fields = EVERY_FAMILY[family]
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
    if dtype == torch.float64 and hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")  # the others take no float64
    return model.to(dtype)


def tokens(batch: int = 3, length: int = 9, seed: int = 1) -> torch.Tensor:
    """Random token ids, none of them special, shape ``[batch, length]``."""
    return torch.randint(3, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def logits(model: nn.Module, ids: torch.Tensor, **kwargs: Any) -> torch.Tensor:
    """Logits in float32, shape ``[batch, length, vocabulary]``."""
    return model(input_ids=ids, **kwargs).logits.float()
