"""Output-language fidelity: do responses come in the language that was asked for.

Every response is right, wrong or **unscored**. Unscored (too short, or in no language that the identifier knows) is
counted and reported, never folded into wrong or right: a rate without its coverage says nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lnbench.errors import LnbenchError
from lnbench.identification import identifier
from lnbench.scoring._judgement import Judgement, choices, judge, judge_lcb
from lnbench.scoring._signature import signature

__all__ = ["PROTOCOLS", "Fidelity", "fidelity"]

PROTOCOLS = ("lnbench", "lcb")


@dataclass(frozen=True)
class Fidelity:
    """Rates over responses, each in 0..1; NaN when nothing was scored."""

    fidelity: float
    """Share of scored responses whose every scored line is in the expected language."""
    line: float
    """Mean share of scored lines in the expected language."""
    word: float
    """Share of right responses without a word in a foreign script (NaN for Latin-script languages)."""
    script: float
    """Share of responses of 3 letters or more whose letters are mostly of the expected script."""
    coverage: float
    """Scored responses / all responses."""
    empty: float
    """Responses without any text / all responses."""
    confusion: dict[str, int]
    """How often each language was found, by scored line; then ``unscored`` and ``empty``, by response."""
    judgements: tuple[Judgement, ...]
    """One per response, in order."""
    signature: str
    """What the numbers depend on."""


def fidelity(
    texts: Iterable[str],
    expect: str,
    protocol: str = "lnbench",
    *,
    prompts: Sequence[str] | None = None,
    candidates: Iterable[str] | None = None,
) -> Fidelity:
    """Language fidelity of ``texts``.

    Args:
        texts: responses.
        expect: BCP 47 code of the language they should be in.
        protocol: ``lnbench`` (our rule) or ``lcb`` (the rule of the Language Confusion Benchmark, for comparison with
            its published rates).
        prompts: one per response, so that quotations from it are not held against the response; ``lcb`` ignores them.
        candidates: the languages between which to decide; the default of
            :func:`lnbench.identification.identify` when None. ``expect`` is always among them.

    Raises:
        UnknownLanguageError: ``expect`` or a candidate is no language tag.
        LnbenchError: an unknown protocol, prompts that do not pair with texts, or a missing identifier.
    """
    if protocol not in PROTOCOLS:
        raise LnbenchError(f"unknown fidelity protocol {protocol!r}; use one of {', '.join(PROTOCOLS)}")
    responses = list(texts)
    asked = list(prompts) if prompts is not None else [""] * len(responses)
    if len(asked) != len(responses):
        raise LnbenchError(f"{len(asked)} prompts do not pair with {len(responses)} texts; give one prompt per text")
    chosen = None if candidates is None else tuple(candidates)
    between = len(choices(expect, chosen, identifier().languages))
    if protocol == "lcb":
        judgements = [judge_lcb(text, expect, candidates=chosen) for text in responses]
    else:
        pairs = zip(responses, asked, strict=True)
        judgements = [judge(text, expect, prompt=prompt, candidates=chosen) for text, prompt in pairs]
    return _summary(judgements, signature("fidelity", between, protocol=protocol))


def _summary(judgements: Sequence[Judgement], printed: str) -> Fidelity:
    def rate(value: Callable[[Judgement], float | None]) -> float:
        known = [found for one in judgements if (found := value(one)) is not None]
        return sum(known) / len(known) if known else math.nan

    counts = Counter(code for one in judgements for code in one.languages)
    counts.update(one.state for one in judgements if one.score is None)
    return Fidelity(
        fidelity=rate(lambda one: one.score),
        line=rate(lambda one: one.line),
        word=rate(lambda one: one.word),
        script=rate(lambda one: one.script),
        coverage=rate(lambda one: float(one.score is not None)),
        empty=rate(lambda one: float(one.state == "empty")),
        confusion=dict(counts.most_common()),
        judgements=tuple(judgements),
        signature=printed,
    )
