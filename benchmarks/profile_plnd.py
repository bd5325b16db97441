"""Where the time of PLND's query and key scores goes, beside a forward pass: ``python -m benchmarks.profile_plnd``.

torch's profiler on one thread, the least of some runs for each operation, summed by kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tabulate import tabulate

from benchmarks._models import demo, llama
from benchmarks.bench_plnd import ATTENTION, document, forward, hooked

#: Kind -> operations of torch. What is in no kind is calls, views and allocations.
KINDS = {
    "matrix products": ("mm", "bmm", "addmm", "addmm_", "baddbmm", "baddbmm_"),
    "attention kernel": ("_scaled_dot_product_flash_attention_for_cpu",),
    "exponentials": ("exp", "expm1", "expm1_", "_softmax", "silu"),
    "element by element": ("mul", "mul_", "add", "add_", "sub", "addcmul", "addcmul_", "div_", "pow", "square", "sum"),
    "copies": ("cat", "copy_", "clone", "contiguous", "fill_", "masked_fill_"),
}
OTHER = "calls, views, the rest"
_REPEATS = 7


def main() -> None:
    """Print a table for each shape and form."""
    import torch

    torch.set_num_threads(1)
    embedded, small = demo(), llama("60M")
    cases = [("the embedded model", embedded), ("a 60M shape", small)]
    for (what, model), (form, tokens) in [(case, ("fast", 512)) for case in cases] + [(cases[0], ("output", 128))]:
        measure, on, off = hooked(model, ATTENTION, form)
        ids = document(tokens)
        on()
        ours = by_kind(lambda measure=measure, ids=ids: measure(ids))  # type: ignore[misc]
        off()
        plain = by_kind(forward(model, ids))
        print(f"\n{what}, {form}, {tokens} tokens, milliseconds on one thread\n{table('scores', ours, plain)}")


def by_kind(action: Callable[[], object], of: Mapping[str, Sequence[str]] = KINDS) -> dict[str, float]:
    """Milliseconds of each kind of operation, in the order of the kinds."""
    from torch.profiler import ProfilerActivity, profile

    least: dict[str, float] = {}
    action()
    for _ in range(_REPEATS):
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            action()
        for event in seen.key_averages():
            spent = event.self_cpu_time_total / 1000
            least[event.key] = min(least.get(event.key, spent), spent)
    kinds = {f"aten::{name}": kind for kind, names in of.items() for name in names}
    found = dict.fromkeys([*of, OTHER], 0.0)
    for name, spent in least.items():
        found[kinds.get(name, OTHER)] += spent
    return found


def table(what: str, ours: dict[str, float], plain: dict[str, float]) -> str:
    """Kinds of one side, named ``what``, beside those of a forward pass."""
    whole = sum(plain.values())
    lines = [*((kind, spent, plain[kind]) for kind, spent in ours.items()), ("all", sum(ours.values()), whole)]
    cells = [(kind, f"{a:.1f}", f"{b:.1f}", f"{(a - b) / whole:+.2f}") for kind, a, b in lines]
    headers = ("", what, "forward", "more, of a forward pass")
    return tabulate(cells, headers=headers, disable_numparse=True)


if __name__ == "__main__":
    main()
