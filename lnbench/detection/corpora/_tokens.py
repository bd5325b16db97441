"""Corpora as documents of token ids: so many tokens or documents a language, the same text at every run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from lnbench._near import hint
from lnbench.detection.corpora._corpus import Corpus
from lnbench.detection.corpora._order import ORDERS, ordered
from lnbench.detection.corpora._spool import Documents, Spool
from lnbench.detection.corpora._wrong_language import Sample, warn_of_wrong_languages
from lnbench.errors import DataError, SpecError

_log = logging.getLogger(__name__)
_AT_ONCE = 64  # documents that are tokenized together


class TokenDocuments:
    """Documents of token ids for each language, to be read as often as one likes.

    The first position of a document does not count as a token anywhere here: it holds the begin-of-text token or,
    without one, a token that no context precedes.

    Attributes:
        languages: labels in the order of the corpora.
        tokens: language -> tokens that count.
        hash: sha256 (hex) of the languages and token ids as they are used.
        report: plain JSON for a header: sources, settings, hash, tokens and documents by language.
    """

    def __init__(self, documents: dict[str, Documents], report: dict[str, Any]) -> None:
        self._documents = documents
        self.languages = tuple(documents)
        self.tokens = {language: int(d.lengths().sum()) - len(d) for language, d in documents.items()}
        self.hash = _hash(documents)
        counts = {language: len(listed) for language, listed in documents.items()}
        self.report: dict[str, Any] = {"sha256": self.hash, "tokens": self.tokens, "documents": counts, **report}

    def __getitem__(self, language: str) -> Documents:
        """The documents of a language: a sequence of lists of token ids, read from disk at each access."""
        return self._documents[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self.languages)

    def __len__(self) -> int:
        return len(self.languages)


def token_documents(
    tokenizer: Any,
    corpora: Sequence[Corpus],
    *,
    tokens: int | None = None,
    documents: int | None = None,
    max_length: int = 512,
    order: str = "sequential",
    seed: int = 0,
    equal: bool = True,
    done: Callable[[str, int], None] = lambda language, tokens: None,
) -> TokenDocuments:
    """Read and tokenize so much of each corpus.

    Each document starts with what the tokenizer puts before a text and is cut at ``max_length`` tokens; one of fewer
    than two tokens is left out and counted in the report. Every corpus is read once, as far as needed, and its token
    ids kept in a temporary file.

    Args:
        tokenizer: a transformers tokenizer.
        corpora: one for each language.
        tokens: for each language; the last document is cut so that the number is met exactly.
        documents: for each language.
        max_length: tokens of a document, its first position included.
        order: ``sequential`` or ``shuffled`` (see :func:`lnbench.detection.corpora._order.ordered`).
        seed: of the shuffling.
        equal: cut every language to as many tokens as the smallest has. Not done where ``documents`` alone bounds.
        done: called with language and new tokens while reading, for a progress bar.

    Raises:
        DataError: a corpus is missing, empty, yields no tokens or has fewer documents than asked for.
        SpecError: no corpus, a language twice, or a setting that cannot be.
    """
    _check(corpora, tokens, documents, max_length, order)
    read = {c.language: _Reading(c, ordered(c, order, seed), documents) for c in corpora}
    for reading in read.values():
        reading.run(tokenizer, max_length, tokens, done)
    warn_of_wrong_languages([reading.sample for reading in read.values()])
    budget = _budget({language: reading.tokens for language, reading in read.items()}, tokens, documents, equal)
    kept = {language: reading.first(budget) for language, reading in read.items()}
    report = _settings(corpora, max_length, order, seed, equal)
    skipped = {language: reading.skipped for language, reading in read.items() if reading.skipped}
    return TokenDocuments(kept, report | ({"without_tokens": skipped} if skipped else {}))


class _Reading:
    """One corpus on its way from text to a spool of token ids."""

    def __init__(self, corpus: Corpus, texts: Iterator[str], documents: int | None) -> None:
        self._corpus, self._texts, self._wanted = corpus, texts, documents
        self._spool = Spool()
        self.sample = Sample(corpus.language)
        self.tokens = self.skipped = 0

    def run(self, tokenizer: Any, max_length: int, tokens: int | None, done: Callable[[str, int], None]) -> None:
        """Read until there are enough tokens or documents, or no more text."""
        while not self._enough(tokens) and (texts := list(islice(self._texts, _AT_ONCE))):
            before = self.tokens
            for text, ids in zip(texts, _ids(tokenizer, texts, max_length), strict=True):
                if not self._enough(tokens):
                    self._take(text, ids)
            done(self._corpus.language, self.tokens - before)
        self._refuse_too_little(complete=self._enough(tokens))

    def _enough(self, tokens: int | None) -> bool:
        by_tokens = tokens is not None and self.tokens >= tokens
        return by_tokens or (self._wanted is not None and len(self._spool) >= self._wanted)

    def _take(self, text: str, ids: Sequence[int]) -> None:
        if len(ids) < 2:
            self.skipped += 1
            return
        self._spool.append(ids)
        self.tokens += len(ids) - 1
        self.sample.add(text)

    def _refuse_too_little(self, complete: bool) -> None:
        what = f"the corpus of {self._corpus.language!r} ({self._corpus.source})"
        if not len(self._spool) and self.skipped:
            raise DataError(f"the tokenizer yields no tokens for {what}; check that it belongs to the model")
        if not len(self._spool):
            raise DataError(f"{what} holds no text; name a source with at least one document")
        if self._wanted is not None and not complete:
            raise DataError(
                f"{what} has {len(self._spool)} documents and {self._wanted} were asked for; ask for fewer or add text"
            )

    def first(self, tokens: int | None) -> Documents:
        """The documents up to so many tokens, the last one cut."""
        lengths = self._spool.lengths()
        if tokens is None or tokens >= self.tokens:
            return Documents(self._spool, len(lengths), int(lengths[-1]))
        ends = np.cumsum(lengths - 1)
        last = int(np.searchsorted(ends, tokens))
        before = int(ends[last - 1]) if last else 0
        return Documents(self._spool, last + 1, tokens - before + 1)


def _ids(tokenizer: Any, texts: list[str], max_length: int) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
    return ids


def _budget(have: dict[str, int], tokens: int | None, documents: int | None, equal: bool) -> int | None:
    """Tokens for each language; None: all that was read. Says so when a language is short of text."""
    least = min(have, key=lambda language: have[language])
    if tokens is not None and have[least] < tokens and documents is None:
        cut = f"; every language is cut to {have[least]}" if equal and len(have) > 1 else ""
        _log.warning("the corpus of %r has %d tokens of the %d asked for%s", least, have[least], tokens, cut)
    elif equal and tokens is None and documents is None and have[least] < max(have.values()):
        _log.warning("every language is cut to the %d tokens that the corpus of %r has", have[least], least)
    if not equal or (documents is not None and tokens is None):
        return tokens
    return have[least] if tokens is None else min(tokens, have[least])


def _hash(documents: dict[str, Documents]) -> str:
    """sha256 over, by language in alphabetical order: the label as JSON, its documents' lengths, their ids (int32)."""
    digest = hashlib.sha256()
    for language in sorted(documents):
        digest.update(json.dumps(language).encode())
        digest.update(documents[language].lengths().astype("<i8").tobytes())
        for ids in documents[language]:
            digest.update(np.asarray(ids, dtype="<i4").tobytes())
    return digest.hexdigest()


def _settings(corpora: Sequence[Corpus], max_length: int, order: str, seed: int, equal: bool) -> dict[str, Any]:
    shuffled = {"seed": seed} if order == "shuffled" else {}
    sources = {corpus.language: corpus.source for corpus in corpora}
    return {"sources": sources, "max_length": max_length, "order": order, **shuffled, "equal": equal}


def _check(corpora: Sequence[Corpus], tokens: Any, documents: Any, max_length: int, order: str) -> None:
    languages = [corpus.language for corpus in corpora]
    if not languages:
        raise SpecError("there is no corpus; give one for each language, as in zh=zh.txt")
    if twice := [language for language in languages if languages.count(language) > 1]:
        raise SpecError(f"the language {twice[0]!r} has two corpora; put their files in one folder and name that")
    for name, value, least in (("tokens", tokens, 1), ("documents", documents, 1), ("max_length", max_length, 2)):
        if value is not None and value < least:
            raise SpecError(f"{name} must be at least {least}, not {value}; choose a larger number")
    if order not in ORDERS:
        raise SpecError(f"unknown order {order!r}; {hint(order, ORDERS)}choose one of {', '.join(ORDERS)}")
