"""The output key of a model that vLLM runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lnbench import models
from lnbench.harness import _provenance
from lnbench.harness.vllm._condition import ENGINE_SEED

if TYPE_CHECKING:
    from lnbench.harness.vllm._model import OnExport

#: vLLM's arguments that the output key names by themselves, and those that say where and how fast and change no answer.
_NOT_EXTRA = frozenset(
    (
        *("pretrained", "revision", "tokenizer", "lora_local_path", "dtype", "device", "swap_space"),
        *("batch_size", "max_batch_size", "max_num_seqs", "max_num_batched_tokens", "trust_remote_code"),
        *("tensor_parallel_size", "data_parallel_size", "pipeline_parallel_size", "distributed_executor_backend"),
        *("gpu_memory_utilization", "kv_cache_memory_bytes", "num_gpu_blocks_override", "cpu_offload_gb"),
        *("download_dir", "disable_log_stats", "enforce_eager", "max_parallel_loading_workers"),
    )
)


def settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of vLLM's arguments that change answers and have no field of their own in the output key."""
    kept = {key: value for key, value in arguments.items() if key not in _NOT_EXTRA and value is not None}
    named = {"seed" if key == ENGINE_SEED else key: _provenance.plain(value) for key, value in kept.items()}
    return dict(sorted(named.items()))


def output_key(lm: OnExport, extra: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over what decides the answers; the engine is in it for the original too."""
    tuned = {} if lm.tuned.delta is None else {"lnbench_delta": lm.tuned.delta.content_hash}
    return models.output_key(
        plan_hash=(lm.plan or models.Plan.from_edits({})).plan_hash,
        model=lm.pretrained,
        revision=models.commit_of(lm.pretrained, lm.revision) or lm.revision,
        tokenizer=lm.tokenizer_given,
        adapter=lm.adapter,
        dtype=lm.dtype,
        engine="vllm",
        extra={**extra, **tuned, "backend": "vllm"},
    )
