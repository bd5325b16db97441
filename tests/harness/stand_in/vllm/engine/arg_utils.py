from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from transformers import AutoConfig


@dataclass
class EngineArgs:
    model: str = ""
    revision: str | None = None
    dtype: str = "auto"
    tokenizer: str | None = None
    tokenizer_mode: str = "auto"
    tokenizer_revision: str | None = None
    trust_remote_code: bool = False
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    gpu_memory_utilization: float = 0.9
    enforce_eager: bool = False
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    quantization: str | None = None
    seed: int = 0
    enable_lora: bool = False
    max_lora_rank: int = 16
    hf_overrides: Any = None

    def create_model_config(self):
        config = AutoConfig.from_pretrained(self.model)
        dtype = config.dtype if self.dtype == "auto" else getattr(torch, self.dtype)
        window = self.max_model_len or config.max_position_embeddings
        return SimpleNamespace(dtype=dtype or torch.float32, max_model_len=window)
