"""A model large enough that a forward pass is work, small enough for two cores: random weights, demo tokenizer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lnbench._data import demo_model_dir
from lnbench.neurons import NeuronSet


@cache
def model_dir() -> Path:
    """A Llama checkpoint of about 60 million parameters, made on the spot."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(demo_model_dir())
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=768, intermediate_size=2048, num_hidden_layers=8,
        num_attention_heads=12, num_key_value_heads=4, max_position_embeddings=1024, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    folder = _keep(TemporaryDirectory(prefix="lnbench-bench-"))
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
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
