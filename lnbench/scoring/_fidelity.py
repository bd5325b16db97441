"""Output-language fidelity: does a response come in the language that was asked for.

Every response is right, wrong or **unscored**. Unscored (too short, or in no language that the identifier knows) is
counted and reported, never folded into wrong or right: a rate without its coverage says nothing.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from lnbench.errors import LnbenchError
from lnbench.identification import DEFAULT_CANDIDATES, UNDECIDED, identifier, identify
from lnbench.languages import fold, same_language
from lnbench.scoring._clean import cleaned, without_names
from lnbench.scoring._signature import MINIMUM_LETTERS, signature
from lnbench.scoring._text import foreign_words, letter_weight, letters, script_of_language, share_in_scripts

__all__ = ["Fidelity", "Judgement", "fidelity", "judge"]

_LOG = logging.getLogger(__name__)
_SCRIPT_LETTERS = 3
_SHOWN_LETTERS = 6  # what must be left of a line once copied names are out of it

State = Literal["right", "wrong", "unscored", "empty"]


@dataclass(frozen=True)
class Judgement:
    """What was found in one response."""

    state: State
    """``right``: every scored line is in the expected language. ``empty`` is an unscored response without any text."""
    languages: tuple[str, ...] = ()
    """The code found for each scored line (``und`` lines are not scored and not listed)."""
    line: float | None = None
    """Share of scored lines in the expected language; None when unscored."""
    script: bool | None = None
    """Whether most letters are of the expected script; None with fewer than 3 letters or an unknown script."""
    word: bool | None = None
    """Whether a right response has no word in a foreign script; None for Latin-script languages and others."""

    @property
    def score(self) -> float | None:
        """1.0 right, 0.0 wrong, None unscored or empty."""
        return {"right": 1.0, "wrong": 0.0}.get(self.state)

    def as_json(self) -> dict[str, object]:
        """State and languages, for a sample log."""
        return {"state": self.state, "languages": list(self.languages)}


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
        protocol: the rule; ``lnbench`` is the only one so far.
        prompts: one per response, so that quotations from it are not held against the response.
        candidates: the languages between which to decide; the default of
            :func:`lnbench.identification.identify` when None. ``expect`` is always among them.

    Raises:
        UnknownLanguageError: ``expect`` or a candidate is no language tag.
        LnbenchError: an unknown protocol, prompts that do not pair with texts, or a missing identifier.
    """
    if protocol != "lnbench":
        raise LnbenchError(f"unknown fidelity protocol {protocol!r}; use 'lnbench'")
    responses = list(texts)
    asked = list(prompts) if prompts is not None else [""] * len(responses)
    if len(asked) != len(responses):
        raise LnbenchError(f"{len(asked)} prompts do not pair with {len(responses)} texts; give one prompt per text")
    chosen = None if candidates is None else tuple(candidates)
    judgements = [
        judge(text, expect, prompt=prompt, candidates=chosen) for text, prompt in zip(responses, asked, strict=True)
    ]
    return _summary(judgements, signature("fidelity", len(_candidates(expect, chosen))))


def judge(
    text: str, expect: str, *, prompt: str = "", candidates: tuple[str, ...] | None = None, names: bool = True
) -> Judgement:
    """Judge one response; the arguments are those of :func:`fidelity`.

    With ``names=False``, names copied from the prompt are not shown to the identifier: for one short sentence that is
    mostly names, and few candidates. A line still needs its letters before they are taken out.

    Raises:
        UnknownLanguageError: ``expect`` or a candidate is no language tag.
    """
    bare = cleaned(text, prompt)
    script = _in_script(bare, expect)
    if not text.strip():
        return Judgement("empty")
    lines = _scored_lines(bare) if _known(expect) else []
    shown = lines if names else [without_names(line, prompt) for line in lines]
    found = _languages(shown, _candidates(expect, candidates))
    if not found:
        return Judgement("unscored", script=script)
    kept = [same_language(code, expect) for code in found]
    right = all(kept)
    word = _no_foreign_word(bare, expect) if right else None
    return Judgement("right" if right else "wrong", found, sum(kept) / len(kept), script, word)


@lru_cache(maxsize=256)
def _candidates(expect: str, candidates: tuple[str, ...] | None) -> tuple[str, ...]:
    """Folded, sorted, with the expected language among them and without its doubles, which would split its votes."""
    chosen = {fold(code) for code in (DEFAULT_CANDIDATES if candidates is None else candidates)}
    return tuple(sorted({code for code in chosen if not same_language(code, expect)} | {fold(expect)}))


def _scored_lines(text: str) -> list[str]:
    """The lines that are long enough; the whole text as one line when only the whole is."""
    lines = [line.strip() for line in text.splitlines() if letter_weight(line) >= MINIMUM_LETTERS]
    whole = [" ".join(text.split())] if letter_weight(text) >= MINIMUM_LETTERS else []
    return lines or whole


def _languages(lines: Iterable[str], candidates: tuple[str, ...]) -> tuple[str, ...]:
    """The language of each line in which there is something to identify."""
    found = (identify(line, candidates) for line in lines if letters(line) >= _SHOWN_LETTERS)
    return tuple(code for code in found if code != UNDECIDED)


def _known(expect: str) -> bool:
    """Whether the identifier can answer with ``expect`` at all; if not, wrong would be a slander."""
    languages = identifier().languages
    known = not languages or fold(expect) in languages
    if not known:
        _warn_unknown(fold(expect), identifier().signature)
    return known


@lru_cache(maxsize=256)
def _warn_unknown(expect: str, name: str) -> None:
    """Once per language and identifier, thanks to the cache."""
    _LOG.warning("%s does not know the language %r: its responses are unscored for fidelity", name, expect)


def _in_script(text: str, expect: str) -> bool | None:
    scripts = script_of_language(expect)
    if not scripts or letters(text) < _SCRIPT_LETTERS:
        return None
    return share_in_scripts(text, scripts) > 0.5


def _no_foreign_word(text: str, expect: str) -> bool | None:
    scripts = script_of_language(expect)
    if not scripts or "Latin" in scripts:
        return None
    return foreign_words(text, scripts) == 0


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
