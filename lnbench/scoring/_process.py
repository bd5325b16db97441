"""What lm-eval calls for every generative task: :func:`process`, and how its values become one number.

Answers are extracted here, from the full text; lm-eval's filters would hide the text from fidelity. A value of None is
*unscored*: it stays in the sample and takes no part in the mean. lm-eval computes standard errors only for its own
``mean``, so metrics that can be unscored print ``N/A`` there; intervals come from the samples.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lnbench.errors import TaskError
from lnbench.languages import DEMO_LANGUAGES, lookup
from lnbench.scoring._expected import expected_language
from lnbench.scoring._judgement import Judgement, judge
from lnbench.scoring._numbers import number
from lnbench.scoring._qa import qa
from lnbench.scoring._rouge import rouge
from lnbench.scoring._signature import signature

__all__ = ["METRICS", "cut", "languages_found", "mean_of_scored", "process", "signatures"]

Document = Mapping[str, Any]
Scores = dict[str, Any]


def _summary(document: Document, response: str) -> Scores:
    judged = _judge(document, response)
    scores = rouge(response, document["target"], document["lang"])
    return {
        "exact_match": float(response.strip() == document["target"].strip()),
        "rouge1": scores["rouge1"],
        "rougeL": scores["rougeL"],
        "fidelity": judged.score,
        "fidelity_script": _as_float(judged.script),
        "fidelity_coverage": float(judged.score is not None),
        "fidelity_found": judged.as_json(),
        "empty": float(judged.state == "empty"),
    }


def _question(document: Document, response: str) -> Scores:
    scores = qa(response, document.get("answers") or [document["target"]], document["lang"])
    judged = _judge(document, response)
    return {
        "exact_match": scores["exact_match"],
        "f1": scores["f1"],
        "fidelity_script": _as_float(judged.script),
        "empty": float(judged.state == "empty"),
    }


def _arithmetic(document: Document, response: str) -> Scores:
    given, wanted = (number(text, document["lang"]) for text in (response, document["target"]))
    right = given is not None and wanted is not None and math.isclose(given, wanted, abs_tol=1e-6)
    return {"exact_match": float(right), "empty": float(not response.strip())}


#: Kind of task -> its scorer. A document names its kind.
_KINDS: dict[str, Callable[[Document, str], Scores]] = {
    "summ": _summary,
    "qa": _question,
    "arith": _arithmetic,
}

#: Kind of task -> the metrics that :func:`process` returns for it, in order.
METRICS: dict[str, tuple[str, ...]] = {
    "summ": (
        *("exact_match", "rouge1", "rougeL"),
        *("fidelity", "fidelity_script", "fidelity_coverage", "fidelity_found", "empty"),
    ),
    "qa": ("exact_match", "f1", "fidelity_script", "empty"),
    "arith": ("exact_match", "empty"),
}

#: Metrics that go by one name in lm-eval and by different rules here: kind and metric -> name of the signature.
_RULES = {("qa", "exact_match"): "qa_exact_match", ("arith", "exact_match"): "number"}


def process(doc: Document, results: Iterable[str]) -> Scores:
    """Score one response; the ``process_results`` of every generative task.

    Args:
        doc: has ``kind`` (a key of :data:`METRICS`), ``lang``, ``prompt``, ``target``; optionally ``answers``.
        results: what lm-eval hands over, the response first.

    Returns:
        The metrics of the kind: floats in 0..1, or None where a response is unscored. ``fidelity_found`` is a dict of
        state and languages, for the sample log.

    Raises:
        TaskError: the document's kind has no scorer.
    """
    scorer = _KINDS.get(doc.get("kind", ""))
    if scorer is None:
        raise TaskError(f"document kind {doc.get('kind')!r} has no scorer; use one of {', '.join(sorted(_KINDS))}")
    return scorer(doc, cut(next(iter(results), ""), doc["lang"]))


def signatures(kind: str) -> dict[str, str]:
    """The signature of every metric that :func:`process` returns for a kind of task, by the metric's name.

    Raises:
        TaskError: the kind has no scorer.
        LnbenchError: the selected language identifier is unknown or not installed.
    """
    if kind not in METRICS:
        raise TaskError(f"task kind {kind!r} has no scorer; use one of {', '.join(sorted(METRICS))}")
    between = len(DEMO_LANGUAGES)
    return {name: signature(_RULES.get((kind, name), name), between, names=False) for name in METRICS[kind]}


def cut(response: str, lang: str) -> str:
    """``response`` up to the next native question label: what follows is a new question, not an answer."""
    row = lookup(lang)
    if row is None or row.question is None:
        return response
    at = response.find(row.question.strip())
    return response if at < 0 else response[:at]


def mean_of_scored(values: Iterable[float | None]) -> float:
    """The mean of what is scored: None is left out; NaN when nothing is left."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan


def languages_found(values: Iterable[Mapping[str, Any]]) -> str:
    """Which languages the responses came in, most frequent first: ``zh 92, fr 5, unscored 3``.

    A response whose lines are in several languages counts once, as ``fr+zh``.
    """
    names = [
        "+".join(sorted(set(value["languages"]))) if value["languages"] else str(value["state"]) for value in values
    ]
    ranked = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ranked)


def _judge(document: Document, response: str) -> Judgement:
    # The embedded model speaks its own languages only, and one sentence of its text is mostly names.
    expect = expected_language(document["lang"])
    return judge(response, expect, prompt=document["prompt"], candidates=DEMO_LANGUAGES, names=False)


def _as_float(value: bool | None) -> float | None:
    return None if value is None else float(value)
