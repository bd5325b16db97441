"""What it costs to apply and to undo a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks._models import model_dir, neurons
from benchmarks._ratio import Ratio, ratio


def run(*, quick: bool) -> list[Ratio]:
    """Applying and undoing 1 % of the neurons of five sites by fold, each against a forward pass of a short batch."""
    import torch
    from transformers import AutoModelForCausalLM

    from lnbench.models import Spec, apply, architecture_of, compile_plan

    model = AutoModelForCausalLM.from_pretrained(model_dir(), dtype=torch.float32).eval()
    plan = compile_plan(Spec.parse(spec="zero"), neurons(model), architecture_of(model))
    batch = torch.randint(2, model.config.vocab_size, (8, 32))
    applied: list[Any] = []

    def forward() -> None:
        with torch.inference_mode():
            model(input_ids=batch)

    def do() -> None:
        applied.append(apply(model, plan, engine="fold"))

    def undo() -> None:
        applied.pop().restore()

    def row(what: str, **sides: Callable[[], None]) -> Ratio:
        runs = 5 if quick else 25
        return ratio(what, "one forward pass, 8 x 32 tokens", "< 0.1", _met, b=forward, runs=runs, **sides)

    return [row("applying a plan (1 % of neurons)", a=do, after_a=undo), row("undoing it", before_a=do, a=undo)]


def _met(median: float, _: float) -> bool:
    return median < 0.1
