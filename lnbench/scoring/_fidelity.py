"""Output-language fidelity: do responses come in the language that was asked for.

Every response is right, wrong or **unscored**. Unscored (too short, or in no language that the identifier knows) is
counted and reported, never folded into wrong or right: a rate without its coverage says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lnbench._near import hint
from lnbench.errors import LnbenchError
from lnbench.identification import identifier
from lnbench.scoring._judgement import Judgement, choices, judge, judge_lcb
from lnbench.scoring._signature import signature
from lnbench.scoring._tally import RATES, Tally

__all__ = ["PROTOCOLS", "Fidelity", "fidelity", "fidelity_signature", "judge_by"]

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
        LnbenchError: one text instead of several, an unknown protocol, prompts that do not pair with texts, or a
            missing identifier.
    """
    if isinstance(texts, str):
        raise LnbenchError(f"fidelity is asked of a list of texts and got one text, {texts[:30]!r}; put it in a list")
    responses, chosen = list(texts), None if candidates is None else tuple(candidates)
    asked = list(prompts) if prompts is not None else [""] * len(responses)
    if len(asked) != len(responses):
        raise LnbenchError(f"{len(asked)} prompts do not pair with {len(responses)} texts; give one prompt per text")
    judge_by(protocol, "", expect, candidates=chosen)  # refuses what is wrong also when there are no texts
    judgements = tuple(
        judge_by(protocol, text, expect, prompt=prompt, candidates=chosen)
        for text, prompt in zip(responses, asked, strict=True)
    )
    tally = Tally(judgements)
    return Fidelity(
        **{name: tally.rate(name) for name in RATES},
        confusion=tally.confusion,
        judgements=judgements,
        signature=fidelity_signature(expect, protocol, chosen),
    )


def judge_by(
    protocol: str, text: str, expect: str, *, prompt: str = "", candidates: tuple[str, ...] | None = None
) -> Judgement:
    """One response by either rule; arguments as for :func:`fidelity`.

    Raises:
        UnknownLanguageError: ``expect`` or a candidate is no language tag.
        LnbenchError: an unknown protocol, or a missing identifier.
    """
    if protocol == "lnbench":
        return judge(text, expect, prompt=prompt, candidates=candidates)
    if protocol == "lcb":
        return judge_lcb(text, expect, candidates=candidates)
    meant = hint(protocol, PROTOCOLS)
    raise LnbenchError(f"unknown fidelity protocol {protocol!r}; {meant}use one of {', '.join(PROTOCOLS)}")


def fidelity_signature(expect: str, protocol: str = "lnbench", candidates: tuple[str, ...] | None = None) -> str:
    """What the numbers of :func:`fidelity` depend on, when ``expect`` is expected.

    Raises:
        UnknownLanguageError: ``expect`` or a candidate is no language tag.
        LnbenchError: a missing identifier.
    """
    return signature("fidelity", len(choices(expect, candidates, identifier().languages)), protocol=protocol)
