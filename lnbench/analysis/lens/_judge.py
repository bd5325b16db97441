"""In which language is one token: by its script, and only a whole word by the identifier.

Most tokens have no language that anybody could tell: a full stop, a digit, a syllable that many languages write. They
are not dropped and not guessed; they are a class of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lnbench.analysis.lens._pieces import Pieces, continues, could_become, unfinished
from lnbench.analysis.lens._scripts import Scripts, letters_of
from lnbench.analysis.lens._settings import WORD_LETTERS
from lnbench.identification import UNDECIDED, identifier, identify
from lnbench.languages import fold, lookup
from lnbench.scoring import letter_weight

#: What is no candidate: letters that could be several languages', letters that are no candidate's, no letters.
UNDECIDABLE, OTHER_SCRIPT, NO_LANGUAGE = "undecided", "other script", "no language"


@dataclass(frozen=True)
class Verdict:
    """What was found about one token."""

    language: str
    """A candidate, or one of :data:`UNDECIDABLE`, :data:`OTHER_SCRIPT`, :data:`NO_LANGUAGE`."""
    by: Literal["script", "identifier", "nothing"]


_NONE, _UNDECIDED = Verdict(NO_LANGUAGE, "nothing"), Verdict(UNDECIDABLE, "nothing")


class Judge:
    """Judges tokens between candidate languages.

    Args:
        tokenizer: of transformers.
        candidates: BCP 47 codes, folded; at least one.
        word_letters: letters that a word needs before the identifier is asked.

    Raises:
        UnknownLanguageError: a candidate is no language tag.
        LnbenchError: the selected identifier is unknown or not installed.
    """

    def __init__(self, tokenizer: Any, candidates: Sequence[str], word_letters: int = WORD_LETTERS) -> None:
        self.candidates = tuple(dict.fromkeys(map(fold, candidates)))
        self.pieces, self._scripts, self._word_letters = Pieces(tokenizer), Scripts(self.candidates), word_letters
        self._identified, self._identifier = identifier().languages, identifier().signature
        self._known: dict[tuple[bytes, int], Verdict] = {}

    @property
    def labels(self) -> tuple[str, ...]:
        """Every language that a verdict can have."""
        return (*self.candidates, OTHER_SCRIPT, UNDECIDABLE, NO_LANGUAGE)

    def as_json(self) -> dict[str, Any]:
        """What the verdicts depend on."""
        return {
            "candidates": list(self.candidates),
            "identifier": self._identifier,
            "word_letters": self._word_letters,
        }

    def begun(self, before: bytes, token: int) -> bytes:
        """The character that is begun and not ended after ``before`` (such a one itself) and ``token``."""
        piece = self.pieces.of(token)
        return unfinished(before + piece if continues(piece) else piece)

    def verdict(self, token: int, before: bytes = b"") -> Verdict:
        """Judge a token.

        Args:
            token: its id.
            before: the begun character that the text really ends in where the token would stand; a piece that goes on
                with it is judged as the character that both make.
        """
        if (before, token) not in self._known:
            piece = self.pieces.of(token)
            self._known[before, token] = self._judge(before + piece if before and continues(piece) else piece)
        return self._known[before, token]

    def _judge(self, piece: bytes) -> Verdict:
        text, tail = piece.decode("utf-8", "ignore"), unfinished(piece)
        letters = letters_of(text)
        if letters:
            return self._by_script(text, letters, whole=len(text.encode()) == len(piece))
        if tail:
            writers = self._scripts.writers_of_all(could_become(tail))
            return _UNDECIDED if writers is None else _found(writers)
        return _UNDECIDED if len(text.encode()) != len(piece) or "\ufffd" in text else _NONE

    def _by_script(self, text: str, letters: str, whole: bool) -> Verdict:
        writers = self._scripts.writers(letters)
        if len(writers) > 1 and whole and self._is_word(text, letters, writers):
            return self._by_identifier(text.strip(), writers)
        if not writers and not self._scripts.foreign(letters):
            return _UNDECIDED  # letters of several scripts, each of them some candidate's
        return _found(writers)

    def _is_word(self, text: str, letters: str, writers: tuple[str, ...]) -> bool:
        """A word from its beginning, of enough letters, and none that is written like a name or an abbreviation."""
        rows = [lookup(code) for code in writers]
        spaced = any(row is None or row.spaced for row in rows)
        begins = text[0].isspace() or not spaced
        return begins and text == text.lower() and letters_of(text.strip()) == text.strip() and self._long(letters)

    def _long(self, letters: str) -> bool:
        return letter_weight(letters) >= self._word_letters

    def _by_identifier(self, word: str, writers: tuple[str, ...]) -> Verdict:
        """The identifier's answer where it is the same for the bare word and for the word between spaces."""
        if self._identified and not set(writers) <= self._identified:
            return _UNDECIDED  # it would have to call the unknown one's words another's
        answers = {identify(shown, writers) for shown in (word, f" {word} ")}
        return _UNDECIDED if len(answers) > 1 or UNDECIDED in answers else Verdict(answers.pop(), "identifier")


def _found(writers: tuple[str, ...]) -> Verdict:
    if not writers:
        return Verdict(OTHER_SCRIPT, "script")
    return Verdict(writers[0], "script") if len(writers) == 1 else _UNDECIDED
