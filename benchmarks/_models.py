"""Models to time: the embedded one, and Llama shapes with random weights and the embedded model's tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np

from lnbench._data import demo_model_dir
from lnbench.neurons import NeuronSet

#: Widths of layers and numbers of heads; the embedded model's own, and those of models of so many parameters.
SHAPES: dict[str, dict[str, int]] = {
    "embedded": {
        "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 4,
    },
    "60M": {
        "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 8, "num_attention_heads": 12,
        "num_key_value_heads": 4,
    },
    "1B": {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
    "7B": {
        "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 32,
    },
}  # fmt: skip


def demo() -> Any:
    """The embedded model."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(demo_model_dir(), dtype="float32").eval()


def tokenizer() -> Any:
    """The embedded model's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(demo_model_dir())


def llama(
    shape: str, other: Mapping[str, int] = MappingProxyType({}), device: str = "cpu", dtype: str = "float32"
) -> Any:
    """A Llama with random weights, the same at every call.

    Args:
        shape: one of :data:`SHAPES`.
        other: entries of its configuration that differ from the shape's.
        device, dtype: where it is made, and of what.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    settings = {"vocab_size": 2048, "max_position_embeddings": 1024, "tie_word_embeddings": True, **SHAPES[shape]}
    kept = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            return LlamaForCausalLM(LlamaConfig(**{**settings, **other})).eval()
    finally:
        torch.set_default_dtype(kept)


def of_tokenizer(words: Any) -> dict[str, int]:
    """What a model's configuration takes from its tokenizer."""
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {"vocab_size": len(words)} | {name: getattr(words, name) for name in names}


def settle(model: Any) -> None:
    """Wait until a GPU has done what it was given."""
    import torch

    if model.device.type == "cuda":
        torch.cuda.synchronize()


@cache
def model_dir() -> Path:
    """A Llama checkpoint of about 60 million parameters, made on the spot."""
    words = tokenizer()
    folder = _keep(TemporaryDirectory(prefix="lnbench-bench-"))
    llama("60M", of_tokenizer(words)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


_KEPT: list[Any] = []


def _keep(folder: TemporaryDirectory[str]) -> Path:
    _KEPT.append(folder)
    return Path(folder.name)


def neurons(model: Any, share: float = 0.01) -> NeuronSet:
    """A set of the given share of ``ffn.act`` and of every attention site, the same at every call."""
    import lnbench
    from lnbench.models import architecture_of

    architecture, rng = architecture_of(model), np.random.default_rng(0)
    sites = ("ffn.act", "attn.q", "attn.k", "attn.v", "attn.o")
    chosen: dict[str, list[list[int]]] = {
        site: [
            sorted(
                rng.choice(
                    architecture.width(site, layer),
                    max(1, round(share * architecture.width(site, layer))),
                    replace=False,
                ).tolist()
            )
            for layer in range(architecture.layers)
        ]
        for site in sites
    }
    made: NeuronSet = lnbench.NeuronSet.from_indices({"zh": chosen}, model=model)
    return made
