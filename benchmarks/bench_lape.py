"""What LAPE's statistics cost beside a plain forward pass, with language-model head, of the same batches.

``python -m benchmarks.bench_lape`` prints the rows and the peak memory of the larger shapes.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks._models import demo, llama, settle, tokenizer
from benchmarks._ratio import Ratio, ratio
from lnbench._data import packaged

FORWARD = "plain forward with head, same batches"
#: Tokens sampled for medians of each million, as the default has it for 1M tokens a language.
SAMPLED_PER_MILLION = 1024


def run(*, quick: bool) -> list[Ratio]:
    """LAPE statistics on the embedded model and on a 60M shape, with a small and with a large vocabulary."""
    tokens, runs = (1_000, 1) if quick else (16_000, 7)
    rows = [row("the embedded model", demo(), tokens, 1.05, runs)]
    if not quick:
        rows.append(row("a 60M shape", llama("60M"), tokens // 16, 1.05, runs))
        rows.append(row("a 60M shape, 128k vocabulary", llama("60M", {"vocab_size": 128_256}), tokens // 32, 1.0, runs))
    return rows


def row(what: str, model: Any, tokens: int, bound: float, runs: int, joined: int = 5) -> Ratio:
    """One model's row; ``joined`` short texts make a document."""
    documents = text(tokens, joined)
    return ratio(
        f"LAPE statistics, {what}",
        FORWARD,
        f"<= {bound}" if bound > 1 else f"< {bound:.1f}",
        lambda median, _: median <= bound,
        a=statistics(model, documents),
        b=forward(model, documents),
        runs=runs,
        tokens=tokens,
    )


def text(tokens: int, joined: int = 5) -> Any:
    """So many tokens of packaged French text as documents of ``joined`` short ones."""
    from lnbench.detection import Corpus, read_documents, token_documents

    listed = read_documents(packaged("neuron_sets") / "demo" / "text" / "detection" / "fr.txt")
    listed *= 1 + tokens // 20_000
    together = [" ".join(listed[start : start + joined]) for start in range(0, len(listed), joined)]
    return token_documents(tokenizer(), [Corpus.of("fr", together)], tokens=tokens)


def statistics(model: Any, documents: Any) -> Callable[[], None]:
    """One pass with medians: everything that ``lnbench detect lape`` does after reading and before selecting."""
    from lnbench.detection import collect_sites

    sample = max(1, documents.tokens["fr"] * SAMPLED_PER_MILLION // 1_000_000)

    def collect() -> None:
        collect_sites(model, documents, sample=sample)

    return collect


def forward(model: Any, documents: Any) -> Callable[[], None]:
    """The model as transformers runs it, on the batches that the pass makes of the documents, ready beforehand."""
    import numpy as np
    import torch

    from lnbench.detection._batches import assemble, batches, shards

    lengths = documents["fr"].lengths()
    groups = [group for shard in shards(lengths) for group in batches(lengths, shard, 8 * int(lengths.max()))]
    nothing = [np.zeros(0, dtype=np.int64)] * len(lengths)
    ready = [assemble([documents["fr"][n] for n in group], nothing[: len(group)], 0) for group in groups]

    def run_all() -> None:
        with torch.inference_mode():
            for batch in ready:
                ids, mask = batch.ids.to(model.device), batch.mask.to(model.device)
                model(input_ids=ids, attention_mask=mask, use_cache=False)
        settle(model)

    return run_all


def _peaks(vocabulary: int) -> str:
    """Peak resident memory of fresh processes that run one side each."""
    sides = {}
    for side in ("model", "forward", "statistics"):
        command = [sys.executable, "-m", "benchmarks.bench_lape", "--peak", side, "--vocabulary", str(vocabulary)]
        sides[side] = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    listed = ", ".join(f"{side} {kib / 1024:.0f} MiB" for side, kib in sides.items())
    return f"peak memory, 60M shape, {vocabulary} tokens of vocabulary: {listed}"


def _peak(side: str, vocabulary: int) -> int:
    model, documents = llama("60M", {"vocab_size": vocabulary}), text(16_000, joined=15)
    {"model": lambda *_: lambda: None, "forward": forward, "statistics": statistics}[side](model, documents)()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Print it all."""
    from benchmarks.__main__ import table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peak", choices=("model", "forward", "statistics"))
    parser.add_argument("--vocabulary", type=int, default=2_048)
    arguments = parser.parse_args()
    if arguments.peak:
        print(_peak(arguments.peak, arguments.vocabulary))
        return
    print(table(run(quick=arguments.quick)))
    print(_peaks(2_048), _peaks(128_256), sep="\n")


if __name__ == "__main__":
    main()
