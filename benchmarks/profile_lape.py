"""Where the time of LAPE's statistics goes on the embedded model: ``python -m benchmarks.profile_lape``.

torch's profiler as in ``profile_plnd``, on one thread: the threads of small operations wait for each other.
"""

from __future__ import annotations

from benchmarks._models import demo
from benchmarks.bench_lape import forward, statistics, text
from benchmarks.profile_plnd import by_kind, table

_TOKENS = 4_000
#: Kind -> operations of torch, of which only the first and some products are a forward pass's, too.
_KINDS = {
    "matrix products": ("mm", "bmm", "addmm"),
    "attention kernel": ("_scaled_dot_product_flash_attention_for_cpu",),
    "element by element": ("mul", "add", "sub", "div", "pow", "silu", "neg", "add_", "sum", "mean", "rsqrt"),
    "rows chosen, copies": ("index_select", "cat", "copy_", "clone", "contiguous", "fill_"),
    "comparing": ("gt_", "clamp_", "gt", "where"),
    "sorting": ("sort", "topk", "kthvalue", "median"),
}


def main() -> None:
    """Print the table."""
    import torch

    torch.set_num_threads(1)
    model, documents = demo(), text(_TOKENS)
    ours = by_kind(statistics(model, documents), _KINDS)
    plain = by_kind(forward(model, documents), _KINDS)
    print(f"\n{_TOKENS:,} tokens, milliseconds on one thread\n{table('statistics', ours, plain)}")


if __name__ == "__main__":
    main()
