"""What PLND's scores cost: beside a plain forward pass, beside brute force, and in memory.

``python -m benchmarks.bench_plnd`` prints these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks._models import demo, llama, settle
from benchmarks._ratio import Ratio, ratio

FORWARD = "plain forward with head, same document"
CLOSED = ("ffn.hidden", "attn.v", "attn.o")
ATTENTION = ("attn.q", "attn.k")
#: Of the document that is held against a forward pass.
TOKENS = 512


def run(*, quick: bool) -> list[Ratio]:
    """Every row of the table; ``quick`` leaves out the larger shapes and memory."""
    pairs, embedded = 1 if quick else 9, demo()
    rows = [
        closed("the embedded model", embedded, pairs),
        fast("the embedded model", embedded, pairs),
        _exact("the embedded model", embedded, 1 if quick else 3),
    ]
    return rows if quick else [*rows, *_of_larger_shapes(pairs), *_memory()]


def _of_larger_shapes(pairs: int) -> Iterator[Ratio]:
    small = llama("60M")
    yield closed("a 60M shape", small, pairs)
    yield fast("a 60M shape", small, pairs)
    yield fast("two layers of a 1B shape", llama("1B", {"num_hidden_layers": 2}), 5)
    yield _exact("one layer of a 60M shape", llama("60M", {"num_hidden_layers": 1}), 1)


def closed(what: str, model: Any, pairs: int) -> Ratio:
    """The feed-forward and the two cheap attention sites on one document."""
    return _against_forward(f"PLND ffn + v + o, {what}", model, CLOSED, "output", 1.15, pairs)


def fast(what: str, model: Any, pairs: int) -> Ratio:
    """Query and key rows to first order on one document."""
    return _against_forward(f"PLND q + k fast, {what}", model, ATTENTION, "fast", 1.3, pairs)


def document(length: int) -> Any:
    """Random tokens, the same at every call."""
    import torch

    return torch.randint(3, 2000, (length,), generator=torch.Generator().manual_seed(0))


def forward(model: Any, ids: Any) -> Callable[[], None]:
    """A forward pass as transformers runs it, with language-model head."""
    import torch

    def run_model() -> None:
        with torch.inference_mode():
            model(input_ids=ids[None].to(model.device), use_cache=False)
        settle(model)

    return run_model


@contextmanager
def _measuring(model: Any, sites: tuple[str, ...], form: str) -> Iterator[Any]:
    """What scores documents one after another, as detection does."""
    from lnbench.detection.plnd._meter import metered
    from lnbench.detection.plnd._settings import Settings

    with metered(model, Settings(sites, form)) as meter:
        yield meter


def _against_forward(what: str, model: Any, sites: tuple[str, ...], form: str, bound: float, pairs: int) -> Ratio:
    """Scores of one document; hooks are on the model during them alone."""
    ids = document(TOKENS)
    measure, on, off = hooked(model, sites, form)
    return ratio(
        f"{what}, {TOKENS} tokens", FORWARD, f"<= {bound}", lambda median, _: median <= bound,
        a=lambda: measure(ids), b=forward(model, ids), runs=pairs, before_a=on, after_a=off, tokens=TOKENS,
    )  # fmt: skip


def hooked(model: Any, sites: tuple[str, ...], form: str) -> tuple[Callable[[Any], object], Any, Any]:
    """What scores a document, and what puts its hooks on and takes them off."""
    held: list[Any] = []

    def measure(ids: Any) -> object:
        return held[1].measure(ids)

    def on() -> None:
        held.append(_measuring(model, sites, form))
        held.append(held[0].__enter__())

    def off() -> None:
        held[0].__exit__(None, None, None)
        held.clear()

    return measure, on, off


def _exact(what: str, model: Any, pairs: int) -> Ratio:
    """All query and key rows, exact, on 128 tokens, against cutting and running one at a time."""
    ids = document(128)
    measure, on, off = hooked(model, ATTENTION, "output")
    return ratio(
        f"PLND q + k exact, {what}, 128 tokens", "brute force, one row at a time", "<= 0.05 (20x faster)",
        lambda median, _: median <= 0.05,
        a=lambda: measure(ids), b=_brute_force(model, ids), runs=pairs, before_a=on, after_a=off,
    )  # fmt: skip


def _brute_force(model: Any, ids: Any) -> Callable[[], None]:
    """In every layer: set each row to zero, run the attention alone, take the norm of the change, restore the row."""
    import torch

    layers, seen = [layer.self_attn for layer in model.model.layers], []
    handles = [
        attention.register_forward_pre_hook(lambda m, given, keywords: seen.append((given, keywords)), with_kwargs=True)
        for attention in layers
    ]
    forward(model, ids)()
    for handle in handles:
        handle.remove()

    @torch.inference_mode()
    def force() -> None:
        for attention, (given, keywords) in zip(layers, seen, strict=True):
            base = attention(*given, **keywords)[0]
            for projection in (attention.q_proj, attention.k_proj):
                for row in projection.weight.data:
                    old = row.clone()
                    row.zero_()
                    float((attention(*given, **keywords)[0] - base).norm())
                    row.copy_(old)

    return force


def _memory() -> Iterator[Ratio]:
    """Most memory that scoring takes at once, beside what the model holds, as heads or tokens double beyond a chunk."""
    for form in ("fast", "output"):
        few, many = (_most_at_once(form, times=times, tokens=TOKENS) for times in (2, 4))
        yield _growth(f"{form}, peak memory of scoring, 48 heads", "24 heads", few, many)
        if form == "fast":  # exact scores of as many tokens take a minute
            longer = _most_at_once(form, times=2, tokens=2 * TOKENS)
            yield _growth(f"{form}, peak memory of scoring, {2 * TOKENS} tokens", f"{TOKENS} tokens", few, longer)


def _growth(what: str, against: str, few: int, many: int) -> Ratio:
    growth, note = many / few, f"{few / 2**20:.1f} MiB"
    return Ratio(f"PLND q + k {what}", against, "<= 1.15", growth <= 1.15, growth, growth, growth, 0.0, 1, note)


def _most_at_once(form: str, *, times: int, tokens: int) -> int:
    """Bytes, in one layer of ``times`` 60M shapes."""
    heads = {"num_attention_heads": 12 * times, "num_key_value_heads": 4 * times}
    model = llama("60M", {"num_hidden_layers": 1, "hidden_size": 768 * times, **heads})
    with _measuring(model, ATTENTION, form) as meter, _peaks_of_scoring(meter) as found:
        meter.measure(document(tokens))
    return max(found)


@contextmanager
def _peaks_of_scoring(meter: Any) -> Iterator[list[int]]:
    """Collect, layer by layer, the most bytes in tensors that scoring has made and that are alive at once."""
    found: list[int] = []
    for scorer in meter._scorers:
        original = scorer._keep_attended

        def counted(*given: Any, original: Callable[..., None] = original) -> None:
            found.append(_peak(lambda: original(*given)))

        scorer._keep_attended = counted
    yield found


def _peak(action: Callable[[], object]) -> int:
    """Most bytes in tensors that an action has made and that are alive at once."""
    import torch
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode

    alive: dict[int, tuple[Any, int]] = {}
    peaks = [0]

    def note(made: Any, given: Any) -> None:
        old = {x.untyped_storage()._cdata for x in given if isinstance(x, torch.Tensor)}
        for tensor in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in old:
                storage = tensor.untyped_storage()
                alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())  # type: ignore[no-untyped-call]
        for key in [key for key, entry in alive.items() if entry[0].expired()]:
            del alive[key]
        peaks.append(sum(size for _, size in alive.values()))

    class Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            note(made, args)
            return made

    with Live():  # type: ignore[no-untyped-call]
        action()
    return max(peaks)


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(run(quick=False)))
