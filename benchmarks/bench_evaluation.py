"""What an applied plan costs while lm-eval runs, against lm-eval's own ``hf`` model on the same requests."""

from __future__ import annotations

from collections.abc import Callable
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
    ours = LnbenchLM(mask=neurons(plain.model), spec="zero", engine="fold", announce=False, **common)
    return rows("", ours, plain, 4 if quick else 8, 1 if quick else 13)


def rows(where: str, ours: Any, plain: Any, requests: int, runs: int) -> list[Ratio]:
    """The rows of two loaded models, of which ``ours`` has a plan folded in; it has hooks afterwards."""
    scoring, generation = _scoring(requests), _generation(max(1, requests // 2))

    def row(what: str, aim: str, meets: Callable[[float], bool], method: str, asked: list[Any]) -> Ratio:
        a, b = (getattr(lm, method) for lm in (ours, plain))
        return ratio(
            what + where, PLAIN, aim, lambda median, _: meets(median),
            a=lambda: a(asked, disable_tqdm=True), b=lambda: b(asked, disable_tqdm=True), runs=runs,
        )  # fmt: skip

    as_fast, fold = (lambda median: abs(median - 1) <= 0.02), "1.00 +- 0.02"
    found = [
        row("log-likelihoods with a plan, fold", fold, as_fast, "loglikelihood", scoring),
        row("generation with a plan, fold", fold, as_fast, "generate_until", generation),
    ]
    ours.set_spec("zero", engine="hook")
    hooks = row("generation with a plan, hook", "<= 1.05", lambda median: median <= 1.05, "generate_until", generation)
    return [*found, hooks]


def _instance(kind: str, arguments: tuple[Any, ...], at: int) -> Any:
    from lm_eval.api.instance import Instance

    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0, metadata=("bench", at, 1))


def _text(at: int) -> str:
    return " ".join(f"word{(at * 7 + k) % 13} lives in {k}." for k in range(6 + at % 3))


def _scoring(count: int) -> list[Any]:
    return [_instance("loglikelihood", (_text(at), " " + _text(at + 1)), at) for at in range(count)]


def _generation(count: int) -> list[Any]:
    settings = {"until": ["\n\n\n"], "max_gen_toks": 24, "do_sample": False}
    return [_instance("generate_until", (_text(at), dict(settings)), at) for at in range(count)]
