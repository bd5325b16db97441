"""Which of the candidate languages can write a piece of text: its letters decide, by their Unicode script."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import regex

from lnbench.scoring import script_of_language

_LETTERS = regex.compile(r"[\p{L}\p{M}]")
#: Letters and marks of no script of their own, such as the micro sign and accents that stand alone.
_ANYWHERE = regex.compile(r"[\p{Script_Extensions=Common}\p{Script=Inherited}]")
#: More code points than these are not looked through: the first byte of four says nothing.
_MOST = 4096


def letters_of(text: str) -> str:
    """The letters and marks of ``text`` that belong to a script."""
    return "".join(c for c in _LETTERS.findall(text) if not _ANYWHERE.match(c))


class Scripts:
    """The scripts of candidate languages."""

    def __init__(self, candidates: Sequence[str]) -> None:
        self._patterns = {code: _pattern(script_of_language(code)) for code in candidates}

    def writers(self, letters: str) -> tuple[str, ...]:
        """The candidates in whose scripts all of ``letters`` are."""
        return tuple(code for code, own in self._patterns.items() if own is not None and own.fullmatch(letters))

    def foreign(self, letters: str) -> bool:
        """Whether there is a letter among ``letters`` that no candidate writes."""
        return any(not self.writers(letter) for letter in set(letters))

    def writers_of_all(self, code_points: range) -> tuple[str, ...] | None:
        """As :meth:`writers`, of every character that a begun one can become; None where that is not one answer.

        It is not where some of the characters are no letters, or are not all the same candidates'.
        """
        if len(code_points) > _MOST:
            return None
        known = [chr(n) for n in code_points if unicodedata.category(chr(n)) not in ("Cn", "Cs", "Co")]
        letters = letters_of("".join(known))
        if not letters or len(letters) != len(known):
            return None
        answers = {self.writers(letter) for letter in letters}
        return answers.pop() if len(answers) == 1 else None


@lru_cache(maxsize=256)
def _pattern(scripts: tuple[str, ...]) -> regex.Pattern[str] | None:
    names = "".join(rf"\p{{Script_Extensions={name}}}" for name in scripts)
    return regex.compile(f"[{names}]+") if names else None
