"""What it costs to apply and to undo a plan."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks._models import model_dir, neurons, settle
from benchmarks._ratio import Ratio, ratio


def run(*, quick: bool) -> list[Ratio]:
    """Applying and undoing 1 % of the neurons of five sites by fold, each against a forward pass of a short batch."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(model_dir(), dtype="float32").eval()
    return rows("", model, 2 if quick else 25)


def rows(where: str, model: Any, runs: int) -> list[Ratio]:
    """The rows of a loaded model."""
    import torch

    from lnbench.models import Spec, apply, architecture_of, compile_plan

    plan = compile_plan(Spec.parse(spec="zero"), neurons(model), architecture_of(model))
    batch = torch.randint(2, model.config.vocab_size, (8, 32)).to(model.device)
    applied: list[Any] = []

    def forward() -> None:
        with torch.inference_mode():
            model(input_ids=batch)
        settle(model)

    def do() -> None:
        applied.append(apply(model, plan, engine="fold"))
        settle(model)

    def undo() -> None:
        applied.pop().restore()
        settle(model)

    row = partial(ratio, against="one forward pass, 8 x 32 tokens", aim="< 0.1", meets=_met, b=forward, runs=runs)
    return [
        row(f"applying a plan (1 % of neurons){where}", a=do, after_a=undo),
        row(f"undoing it{where}", before_a=do, a=undo),
    ]


def _met(median: float, _: float) -> bool:
    return median < 0.1
