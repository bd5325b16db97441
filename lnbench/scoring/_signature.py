"""A number travels with what decides it: signatures in sacrebleu's manner, ``rouge1|tok:uni-1|stem:no|v:0.1``."""

from __future__ import annotations

from lnbench.identification import identifier

__all__ = ["MINIMUM_LETTERS", "signature"]

#: Version of the scoring rules. Any change that can move a number raises it.
RULES = "0.1"
#: Letters below which no identifier is reliable; letters of dense scripts (Han, kana, Hangul, Thai) count twice.
MINIMUM_LETTERS = 20

_RULES: dict[str, str] = {
    "exact_match": "norm:strip",
    "number": "rule:last",
    "qa": "norm:nfc-lc-punct-art|tok:uni-1",
    "rouge": "tok:uni-1|stem:no",
    "fidelity_script": "rule:majority|min:3",
}


def signature(metric: str, candidates: int | None = None) -> str:
    """The signature of a metric of :mod:`lnbench.scoring`.

    Args:
        metric: ``exact_match``, ``number``, ``f1``, ``rouge1``, ``fidelity``, ``fidelity_script``, ...
        candidates: between how many languages identification decided, for the metrics that depend on it.

    Raises:
        LnbenchError: the selected language identifier is unknown or not installed.
    """
    if metric in _RULES or not metric.startswith("fidelity"):
        return f"{metric}|{_RULES.get(_family(metric), 'rule:default')}|v:{RULES}"
    langs = f"|langs:{candidates}" if candidates else ""
    return f"{metric}|lid:{identifier().signature}{langs}|min:{MINIMUM_LETTERS}|v:{RULES}"


def _family(metric: str) -> str:
    if metric.startswith("rouge"):
        return "rouge"
    return "qa" if metric == "f1" else metric
