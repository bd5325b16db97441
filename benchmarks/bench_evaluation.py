"""What an applied plan costs while lm-eval runs, against lm-eval's own ``hf`` model on the same requests."""

from __future__ import annotations

from typing import Any

from benchmarks._models import model_dir, neurons
from benchmarks._ratio import Ratio, ratio

PLAIN = "plain `hf` model, same requests"


def run(*, quick: bool) -> list[Ratio]:
    """Scoring and generation with a folded plan, and generation with hooks; one model per side, same weights."""
    from lm_eval.models.huggingface import HFLM

    from lnbench.harness import LnbenchLM

    common: dict[str, Any] = {"pretrained": str(model_dir()), "batch_size": 8, "device": "cpu", "dtype": "float32"}
    plain = HFLM(**common)
    ours = LnbenchLM(mask=neurons(plain.model), spec="zero", engine="fold", **common)
    scoring, generation = _scoring(), _generation()
    runs = 3 if quick else 11

    def row(what: str, aim: str, bound: float, method: str, requests: list[Any]) -> Ratio:
        a, b = (getattr(lm, method) for lm in (ours, plain))
        return ratio(
            what, PLAIN, aim, lambda median, _: median <= bound,
            a=lambda: a(requests, disable_tqdm=True), b=lambda: b(requests, disable_tqdm=True), runs=runs,
        )  # fmt: skip

    rows = [
        row("log-likelihoods with a plan, fold", "1.00 +- 0.02", 1.02, "loglikelihood", scoring),
        row("generation with a plan, fold", "1.00 +- 0.02", 1.02, "generate_until", generation),
    ]
    ours.set_spec("zero", engine="hook")
    return [*rows, row("generation with a plan, hook", "<= 1.05", 1.05, "generate_until", generation)]


def _instance(kind: str, arguments: tuple[Any, ...], at: int) -> Any:
    from lm_eval.api.instance import Instance

    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0, metadata=("bench", at, 1))


def _text(at: int) -> str:
    return " ".join(f"word{(at * 7 + k) % 13} lives in {k}." for k in range(6 + at % 3))


def _scoring() -> list[Any]:
    return [_instance("loglikelihood", (_text(at), " " + _text(at + 1)), at) for at in range(32)]


def _generation() -> list[Any]:
    settings = {"until": ["\n\n\n"], "max_gen_toks": 24, "do_sample": False}
    return [_instance("generate_until", (_text(at), dict(settings)), at) for at in range(16)]
