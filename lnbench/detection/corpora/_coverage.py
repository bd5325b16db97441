"""What text a language was detected on: documents, tokens, distinct words, and how much of its vocabulary that covers.

The table of PLND's appendix (Zhao et al. 2024). Everything is of the tokens that are used, after every cut, and memory
stays bounded for a corpus of any size.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import regex

from lnbench.detection.corpora._sources import documents_of
from lnbench.detection.corpora._tokens import TokenDocuments
from lnbench.errors import DataError, SpecError, UnknownLanguageError
from lnbench.languages import lookup

__all__ = ["Coverage", "Distinct", "coverage_of", "read_words", "with_coverage", "words_of"]

#: ISO 15924 codes whose texts are written in several scripts; every other code is one script of Unicode.
_SCRIPTS = {"Jpan": ("Hani", "Hira", "Kana"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
#: Scripts that write no spaces between words: a character of the first, a grapheme cluster of the second is a word.
_SINGLE, _CLUSTER = r"\p{Han}\p{Hiragana}\p{Katakana}", r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_RUN = regex.compile(r"\p{L}[\p{L}\p{M}]*")
_WORD = regex.compile(
    rf"(?=[{_SINGLE}])\p{{L}}\p{{M}}*|(?=[{_CLUSTER}])\X|(?:(?![{_SINGLE}{_CLUSTER}])[\p{{L}}\p{{M}}])+"
)
_DENSE = regex.compile(rf"[{_SINGLE}{_CLUSTER}]")
_AT_ONCE = 64
#: Distinct words that are held as their hashes; above, a known share of them is held and the number is an estimate.
_MOST_WORDS = 200_000


class Distinct:
    """Counts distinct texts in bounded memory: exactly up to a limit, above it by adaptive sampling.

    Of the 64-bit hashes only those below a threshold are held, and the threshold is halved whenever there are too many
    (Flajolet, "On adaptive sampling", Computing 43 (1990) 391-400). The estimate's standard error is about
    1.2 / sqrt(limit): 0.3 % with 200,000.
    """

    def __init__(self, limit: int = _MOST_WORDS) -> None:
        self._limit, self._halved = limit, 0
        self._held: set[int] = set()

    def add(self, texts: Iterable[str]) -> None:
        """See some texts."""
        threshold = 1 << (64 - self._halved)
        hashes = (int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") for text in texts)
        self._held.update(value for value in hashes if value < threshold)
        while len(self._held) > self._limit:
            self._halved += 1
            self._held = {value for value in self._held if value < 1 << (64 - self._halved)}

    def __len__(self) -> int:
        return len(self._held) << self._halved

    @property
    def exact(self) -> bool:
        """Whether the number is counted and not estimated."""
        return self._halved == 0


@dataclass(frozen=True)
class Coverage:
    """One row of the corpus table.

    Attributes:
        language: the label.
        documents, tokens: as in the header of a set: the first position of a document is no token.
        words: distinct words (see :func:`words_of`).
        words_exact: whether that is counted; an estimate with a standard error of 0.3 % otherwise.
        distinct_tokens: distinct token ids.
        script: ISO 15924 code of the language's script; None where the label is no language of the table.
        script_tokens: tokens of the vocabulary that decode to letters of that script and of no other.
        script_tokens_seen: of these, how many occur.
        listed: words of the word list; None without one.
        listed_seen: of these, how many occur.
    """

    language: str
    documents: int
    tokens: int
    words: int
    words_exact: bool
    distinct_tokens: int
    script: str | None
    script_tokens: int | None
    script_tokens_seen: int | None
    listed: int | None = None
    listed_seen: int | None = None

    @property
    def of_script(self) -> float:
        """Share of the script's tokens that occur; NaN where it is not known."""
        return (self.script_tokens_seen or 0) / self.script_tokens if self.script_tokens else math.nan

    @property
    def of_list(self) -> float:
        """Share of the word list that occurs; NaN without one."""
        return (self.listed_seen or 0) / self.listed if self.listed else math.nan

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is not known is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None and key != "language"}


def coverage_of(
    tokenizer: Any,
    documents: TokenDocuments,
    words: Mapping[str, Iterable[str]] | None = None,
    *,
    done: Callable[[str, int], None] = lambda language, tokens: None,
) -> tuple[Coverage, ...]:
    """The corpus table, one row for each language.

    Token ids are decoded again, so words are of exactly the text that is used.

    Args:
        tokenizer: the one that the documents were made with.
        documents: what detection reads.
        words: label -> word list (see :func:`read_words`).
        done: called with language and new tokens, for a progress bar.

    Raises:
        SpecError: a word list of a language without a corpus.
    """
    lists = dict(words or {})
    strange = [label for label in lists if label not in documents.languages]
    if strange:
        raise SpecError(
            f"there is a word list of {strange[0]!r} and no corpus of it; corpora are of {', '.join(documents)}"
        )
    vocabulary = _Vocabulary(tokenizer)
    return tuple(_row(tokenizer, documents, label, vocabulary, lists.get(label), done) for label in documents)


def with_coverage(
    tokenizer: Any, documents: TokenDocuments, done: Callable[[str, int], None] = lambda language, tokens: None
) -> TokenDocuments:
    """The same documents, with the corpus table in their report, under ``coverage``, and so in the header of a set."""
    rows = coverage_of(tokenizer, documents, done=done)
    documents.report["coverage"] = {row.language: row.as_json() for row in rows}
    return documents


def _row(
    tokenizer: Any,
    documents: TokenDocuments,
    label: str,
    vocabulary: _Vocabulary,
    listed: Iterable[str] | None,
    done: Callable[[str, int], None],
) -> Coverage:
    seen = _Seen(vocabulary.size, None if listed is None else _Wanted(listed))
    rest = iter(documents[label])
    while ids := list(islice(rest, _AT_ONCE)):
        seen.look(ids, tokenizer.batch_decode(ids, skip_special_tokens=True))
        done(label, sum(map(len, ids)) - len(ids))
    return _counted(label, documents, vocabulary, seen)


def _counted(label: str, documents: TokenDocuments, vocabulary: _Vocabulary, seen: _Seen) -> Coverage:
    wanted = seen.wanted
    script = _script_of(label)
    mine = None if script is None else vocabulary.of(script)
    return Coverage(
        language=label,
        documents=len(documents[label]),
        tokens=documents.tokens[label],
        words=len(seen.words),
        words_exact=seen.words.exact,
        distinct_tokens=int(seen.tokens.sum()),
        script=script,
        script_tokens=None if mine is None else int(mine.sum()),
        script_tokens_seen=None if mine is None else int((mine & seen.tokens).sum()),
        listed=None if wanted is None else wanted.number,
        listed_seen=None if wanted is None else wanted.number - len(wanted.left),
    )


def words_of(text: str) -> Iterator[str]:
    """The words of a text, case folded: runs of letters and marks; of scripts without spaces single characters.

    Han, hiragana and katakana give a character each, Thai, Lao, Khmer and Burmese a grapheme cluster.
    """
    return (match[0] for match in _WORD.finditer(_folded(text)))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


class _Wanted:
    """A word list, and which of its words have not been seen yet."""

    def __init__(self, listed: Iterable[str]) -> None:
        self.left = {_folded(word).strip() for word in listed} - {""}
        self.number = len(self.left)
        self._longest = max((len(word) for word in self.left), default=0)

    def look(self, text: str) -> None:
        """See a text: whole runs of letters, and within scripts without spaces every piece of a run."""
        for match in _RUN.finditer(_folded(text)):
            run = match[0]
            self.left.discard(run)
            if _DENSE.search(run):
                ends = ((at, at + size) for at in range(len(run)) for size in range(1, self._longest + 1))
                self.left.difference_update({run[begin:end] for begin, end in ends if end <= len(run)})


class _Seen:
    """What the text of one language holds: distinct words and token ids, and words of a list."""

    def __init__(self, tokens: int, wanted: _Wanted | None) -> None:
        self.words, self.tokens, self.wanted = Distinct(), np.zeros(tokens, dtype=bool), wanted

    def look(self, ids: Iterable[Sequence[int]], texts: Iterable[str]) -> None:
        """See some documents, and the same documents decoded."""
        for one in ids:
            self.tokens[one] = True
        for text in texts:
            self.words.add(set(words_of(text)))
            if self.wanted is not None:
                self.wanted.look(text)


def read_words(path: Path) -> list[str]:
    """A word list: UTF-8 text, a word a line; only words of letters and marks, each once, can be found in a text.

    Raises:
        DataError: the file is missing, no UTF-8, or holds no such word.
    """
    lines = (line.strip() for line in documents_of(str(path), "line", "text"))
    found = [word for word in lines if _RUN.fullmatch(_folded(word))]
    if not found:
        raise DataError(f"the word list {str(path)!r} holds no word of letters; write one word a line")
    return found


def _script_of(label: str) -> str | None:
    try:
        row = lookup(label)
    except UnknownLanguageError:
        return None
    return None if row is None else row.script


class _Vocabulary:
    """The tokens of a tokenizer, each decoded alone, and which of them are of a script."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer, self._known = tokenizer, dict[str, Any]()
        self._texts: list[str] = []
        self.size = max(len(tokenizer), 1)

    def of(self, script: str) -> Any:
        """bool ``[tokens]``: those with a letter of the script and none of another."""
        if script not in self._known:
            names = "".join(rf"\p{{{name}}}" for name in _SCRIPTS.get(script, (script,)))
            inside, outside = regex.compile(rf"(?=\p{{L}})[{names}]"), regex.compile(rf"(?=\p{{L}})[^{names}]")
            if not self._texts:
                special = set(self._tokenizer.all_special_ids)
                self._texts = ["" if at in special else self._tokenizer.decode([at]) for at in range(self.size)]
            found = (bool(inside.search(text)) and not outside.search(text) for text in self._texts)
            self._known[script] = np.fromiter(found, dtype=bool, count=self.size)
        return self._known[script]
