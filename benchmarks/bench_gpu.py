"""Evaluation and detection on a GPU: a 7B Llama shape with random weights in bfloat16, against the plain model.

Without a CUDA device there is nothing to run. ``python -m benchmarks.bench_gpu`` prints the rows.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

from benchmarks import bench_apply, bench_evaluation, bench_lape, bench_plnd
from benchmarks._models import llama, neurons, of_tokenizer, tokenizer
from benchmarks._ratio import Ratio, Skipped

#: Two models of 14 GB at once, and what they compute.
NEEDED = 40 << 30


def run(*, quick: bool) -> list[Ratio]:
    """The rows of a 7B shape.

    Raises:
        Skipped: there is no CUDA device, or too little of its memory is free.
    """
    import torch

    if not torch.cuda.is_available():
        raise Skipped("no CUDA device on this machine")
    free, _ = torch.cuda.mem_get_info()
    if free < NEEDED:
        raise Skipped(f"{free / 2**30:.0f} GiB of GPU memory are free; two models of a 7B shape want {NEEDED >> 30}")
    return rows("7B", "cuda", "bfloat16", tokens=4_000 if quick else 100_000, runs=2 if quick else 5)


def rows(shape: str, device: str, dtype: str, *, tokens: int, runs: int) -> list[Ratio]:
    """Every row, on any device: ``tokens`` of text for LAPE, ``runs`` pairs each."""
    where, model = f"a {shape} shape in {dtype} on {device}", llama(shape, of_tokenizer(tokenizer()), device, dtype)
    found = [
        bench_lape.row(where, model, tokens, 1.05, runs, joined=40),
        bench_plnd.closed(where, model, runs),
        bench_plnd.fast(where, model, runs),
        *bench_apply.rows(f", {where}", model, runs),
    ]
    return [*found, *_evaluation(f", {where}", model, llama(shape, of_tokenizer(tokenizer()), device, dtype), runs)]


def _evaluation(where: str, model: Any, other: Any, runs: int) -> list[Ratio]:
    from lm_eval.models.huggingface import HFLM

    from lnbench.harness import LnbenchLM

    common: dict[str, Any] = {"tokenizer": tokenizer(), "batch_size": 32, "device": str(model.device)}
    plain = HFLM(pretrained=other, **common)
    ours = LnbenchLM(pretrained=model, mask=neurons(model), spec="zero", engine="fold", announce=False, **common)
    found = bench_evaluation.rows(where, ours, plain, 256 if runs > 1 else 4, runs)
    del ours, plain
    gc.collect()
    return found


if __name__ == "__main__":
    from benchmarks.__main__ import table

    try:
        print(table(run(quick="--quick" in sys.argv)))
    except Skipped as reason:
        sys.exit(str(reason))
