"""Expectations in words: ``zh summaries: specific drop > random drop``.

    expectation = [words] [":"] claim           words: languages or "non-english", tasks, metrics, in any order
    claim       = condition "drop" (">" | "<") condition "drop"
                | condition "drop" compare amount
                | condition "gap" (">" | "<") condition "gap"
                | condition "gap" compare amount
                | "unchanged" ["under" condition] "within" amount
                | [condition] compare amount
    condition   = label [language]              a label of the results; the language whose neurons are edited
    compare     = ">=" | ">" | "<=" | "<"
    amount      = number ["points" | "%"]

What a sentence leaves open is wide: no language is every language, no task every task. It knows the words, not the
numbers; :mod:`_effects` holds results to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lnbench.reporting.checking._settings import Amount
from lnbench.reporting.checking._words import Words

__all__ = ["NON_ENGLISH", "Condition", "Expectation", "GrammarError", "parse"]

_TOKEN = re.compile(r'"[^"]*"|[<>]=?|[≥≤]|:(?=\s|$)|(?:[^\s:<>≥≤"]|:(?!\s|$))+')
_COMPARES = {">", ">=", "<", "<="}
_SAME = {"≥": ">=", "≤": "<="}
#: What a condition has, against the original: harm, and how much less of it English has.
_EFFECTS = ("drop", "gap")
#: The mean over all languages but English.
NON_ENGLISH = "non-english"
_FILLERS = {":", "and", "in", "on", "the"}


class GrammarError(Exception):
    """What is wrong with a sentence; the reader of the file adds file and line."""


@dataclass(frozen=True)
class Condition:
    """A row of a table: a label and, where one is named, the ablated language."""

    label: str
    ablated: str | None = None


@dataclass(frozen=True)
class Expectation:
    """One sentence, understood.

    Attributes:
        text: the sentence.
        claim: ``drops`` (two drops compared), ``drop``, ``gaps``, ``gap`` (non-English less English drop),
            ``unchanged`` or ``level``.
        languages, tasks, metrics: where it is held; empty for everywhere.
        condition: whose drop or level; for ``unchanged`` under which, None for all but random controls.
        compare: ``>``, ``>=``, ``<`` or ``<=``.
        amount: what is compared with, unless it is the drop of ``other``.
        other: the condition whose drop is compared with.
    """

    text: str
    claim: str
    languages: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    condition: Condition | None = None
    compare: str = ""
    amount: Amount | None = None
    other: Condition | None = None
    mean: bool = False
    """Whether it speaks of the mean over all languages but English, each with its own neurons off."""


def parse(text: str, words: Words) -> Expectation:
    """Understand one sentence.

    Args:
        text: the sentence.
        words: what it may speak of.

    Raises:
        GrammarError: a word that is unknown, or a sentence that is none of ours.
    """
    return _Parser(text, words).expectation()


class _Parser:
    def __init__(self, text: str, words: Words) -> None:
        self.text, self.words = text, words
        tokens = (token.rstrip(",") for token in _TOKEN.findall(text))
        self.tokens: list[str] = [_SAME.get(token, token) for token in tokens if token]
        self.languages: set[str] = set()
        self.tasks: set[str] = set()
        self.metrics: set[str] = set()
        self.condition: Condition | None = None
        self.mean = False

    def expectation(self) -> Expectation:
        while self.tokens and self.tokens[0] not in {"unchanged", *_EFFECTS, *_COMPARES}:
            self._word()
        claims: dict[str, Callable[[], Expectation]] = {"unchanged": self._unchanged}
        claims |= dict.fromkeys(_EFFECTS, self._effect)
        if not self.tokens:
            raise GrammarError(
                f"{self.text!r} claims nothing; add a claim such as '>= 0.9' or 'unchanged within 2 points'"
            )
        found = claims.get(self.tokens[0], self._level)()
        if self.tokens:
            raise GrammarError(f"{' '.join(self.tokens)!r} follows what is understood of {self.text!r}; take it away")
        self._check_mean(found)
        return found

    def _check_mean(self, found: Expectation) -> None:
        """What speaks of all languages at once names none."""
        whole = NON_ENGLISH if self.mean else "a gap" if found.claim in ("gap", "gaps") else None
        if whole is None:
            return
        if self.mean and found.claim not in ("drop", "drops"):
            raise GrammarError(
                f"{NON_ENGLISH} goes with a drop, and {self.text!r} claims another thing; name languages"
            )
        named = next((c for c in (found.condition, found.other) if c is not None and c.ablated is not None), None)
        if self.languages or named is not None:
            which = sorted(self.languages) or [str(named and named.ablated)]
            raise GrammarError(f"{whole} is of all languages, and {self.text!r} names {', '.join(which)}; take it away")

    def _word(self) -> None:
        """One word before the claim."""
        written, words = self.tokens.pop(0), self.words
        name = written.strip('"')
        if written in _FILLERS:
            return
        if name == NON_ENGLISH:
            self.mean = True
            return
        if name in words.languages:
            self.languages.add(name)
        elif name in words.tasks:
            self.tasks |= words.tasks[name]
        elif name in words.metrics:
            self.metrics.add(words.metrics[name])
        elif name in words.conditions:
            self._refuse_second(name)
            self.condition = self._condition(name)
        else:
            known = words.nearest(name, words.all | {"unchanged", NON_ENGLISH, *_EFFECTS})
            raise GrammarError(f"{name!r} is no language, task, metric or condition of these results; {known}")

    def _refuse_second(self, name: str) -> None:
        if self.condition is not None:
            raise GrammarError(f"{self.text!r} names two conditions, {self.condition.label!r} and {name!r}; name one")

    def _condition(self, label: str) -> Condition:
        """The label with the language that follows it, if one does."""
        ablated = None
        if label != "original" and self.tokens and self.tokens[0] in self.words.ablated:
            ablated = self.tokens.pop(0)
        return Condition(label, ablated)

    def _unchanged(self) -> Expectation:
        self._take("unchanged")
        if self.condition is not None:
            raise GrammarError(f"write 'unchanged under {self.condition.label} within ...' in {self.text!r}")
        if self.tokens and self.tokens[0] == "under":
            self.tokens.pop(0)
            self.condition = self._named()
        self._take("within")
        return self._made("unchanged", compare="<=", amount=self._amount())

    def _effect(self) -> Expectation:
        effect = self.tokens.pop(0)
        if self.condition is None:
            known = ", ".join(sorted(self.words.conditions - {"original"})) or "none"
            raise GrammarError(f"{self.text!r} does not say whose {effect}; name a condition of the results ({known})")
        compare = self._compare()
        if not self.tokens or self.tokens[-1] != effect:
            return self._made(effect, compare=compare, amount=self._amount())
        other = self._named()
        self._take(effect)
        if len(compare) == 2:
            raise GrammarError(f"two {effect}s are compared with > or <, not {compare!r}, in {self.text!r}")
        return self._made(f"{effect}s", compare=compare, other=other)

    def _level(self) -> Expectation:
        compare = self._compare()
        return self._made("level", compare=compare, amount=self._amount())

    def _made(
        self, claim: str, *, compare: str, amount: Amount | None = None, other: Condition | None = None
    ) -> Expectation:
        languages, tasks, metrics = frozenset(self.languages), frozenset(self.tasks), frozenset(self.metrics)
        return Expectation(
            self.text, claim, languages, tasks, metrics, self.condition, compare, amount, other, self.mean
        )

    def _named(self) -> Condition:
        label = self.tokens.pop(0).strip('"') if self.tokens else ""
        if label not in self.words.conditions:
            raise GrammarError(
                f"{label!r} is no condition of these results; {self.words.nearest(label, self.words.conditions)}"
            )
        return self._condition(label)

    def _compare(self) -> str:
        if not self.tokens or self.tokens[0] not in _COMPARES:
            raise GrammarError(f"{self.text!r} lacks one of > >= < <= after {self._before()!r}; add it")
        return self.tokens.pop(0)

    def _amount(self) -> Amount:
        text = " ".join(self.tokens)
        found = Amount.parse(text)
        if found is None:
            raise GrammarError(f"{text!r} is no amount in {self.text!r}; write 2 points, 5 % or 0.9")
        self.tokens.clear()
        return found

    def _take(self, word: str) -> None:
        if not self.tokens or self.tokens[0] != word:
            raise GrammarError(f"{self.text!r} lacks {word!r} after {self._before()!r}; add it")
        self.tokens.pop(0)

    def _before(self) -> str:
        rest = " ".join(self.tokens)
        return self.text[: len(self.text) - len(rest)].strip() if self.text.endswith(rest) else self.text
