"""A warning for a corpus that looks like another language than its label says."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from lnbench.errors import UnknownLanguageError
from lnbench.languages import fold, same_language

_log = logging.getLogger(__name__)
_PIECES = 20
_CHARACTERS = 400  # of a piece: enough for an identifier to be sure


class Sample:
    """The beginning of a corpus, in pieces long enough to identify their language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.pieces: list[str] = [""]

    def add(self, text: str) -> None:
        """Add the start of a document until there is enough."""
        if len(self.pieces[-1]) >= _CHARACTERS and len(self.pieces) < _PIECES:
            self.pieces.append("")
        if len(self.pieces[-1]) < _CHARACTERS:
            self.pieces[-1] += text[:_CHARACTERS] + "\n"


def warn_of_wrong_languages(samples: Iterable[Sample]) -> None:
    """Log a warning for each corpus most of whose sample is in one other language; close pairs count as one.

    A label that is no language code, or a language that the identifier does not know, is left alone.
    """
    for sample in samples:
        found = _identified(sample)
        if found is None:
            continue
        other, count = found
        _log.warning(
            "the corpus of %r looks like %r (%d of %d passages); check that the file belongs to the language",
            sample.language, other, count, len(sample.pieces),
        )  # fmt: skip


def _identified(sample: Sample) -> tuple[str, int] | None:
    """The other language that most pieces are in, and how many."""
    from lnbench.identification import DEFAULT_CANDIDATES, UNDECIDED, identifier, identify

    try:
        code = fold(sample.language)
    except UnknownLanguageError:
        return None
    if code not in identifier().languages:
        return None
    votes = Counter(identify(piece, {*DEFAULT_CANDIDATES, code}) for piece in sample.pieces)
    ((other, count),) = votes.most_common(1)
    if other == UNDECIDED or same_language(other, code) or count * 2 <= len(sample.pieces):
        return None
    return other, count
