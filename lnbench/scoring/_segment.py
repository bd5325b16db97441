"""Words of languages that do not write spaces, by the optional packages of ``pip install 'lnbench[segment]'``.

The default token of such a language is a character or a grapheme cluster: it needs no dictionary and never changes.
``LNBENCH_SEGMENT=word`` asks for words instead. ``LNBENCH_SEGMENT=xlsum`` asks, in ROUGE, for the tokens of XL-Sum's
authors (Hasan et al. 2021), to be held beside their numbers: words, and also the spaces that punctuation leaves. The
signature says which. What happens to be installed decides nothing by itself.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, get_args

import regex

from lnbench._near import hint
from lnbench.errors import LnbenchError
from lnbench.languages import lookup
from lnbench.scoring._text import tokens

__all__ = ["SEGMENTERS", "Segment", "segment_tokens", "token_rule"]

Segment = Literal["character", "word", "xlsum"]
Words = Callable[[str], Iterable[str]]

_VARIABLE = "LNBENCH_SEGMENT"
_CHARACTERS = "uni-1"
_NO_TOKEN = regex.compile(r"[^\p{L}\p{M}\p{N}]+")


def segment_tokens(text: str, lang: str, segment: Segment | None = None, *, spaces: bool = False) -> list[str]:
    """The tokens of ``text`` (normalise before): see :mod:`lnbench.scoring._text`, or words where asked for.

    Args:
        text: what to split.
        lang: BCP 47 code; words change only languages that have a segmenter.
        segment: ``character``, ``word`` or ``xlsum``; what ``LNBENCH_SEGMENT`` says, else ``character``, when None.
        spaces: whether ``xlsum`` counts spaces, as its authors do; it is the same as ``word`` otherwise.

    Raises:
        UnknownLanguageError: ``lang`` is no language tag.
        LnbenchError: an unknown segmentation was asked for, or the language's segmenter is not installed.
    """
    chosen = _chosen(segment)
    name = None if chosen == "character" else _segmenter_of(lang)
    if name is None:
        return tokens(text)
    clean = text.encode("utf-8", "replace").decode().replace("\0", " ")  # the segmenters are C and refuse the rest
    if chosen == "xlsum" and spaces:
        return list(_load(name)(_NO_TOKEN.sub(" ", clean)))
    return ["".join(parts) for word in _load(name)(clean) if (parts := tokens(word))]


def token_rule(lang: str | None = None, segment: Segment | None = None, *, spaces: bool = False) -> str:
    """What the signature says of tokens: ``uni-1``, or the segmenter and its version.

    Args:
        lang: BCP 47 code; with None, and words, every segmenter that is installed is named.
        segment: as for :func:`segment_tokens`.
        spaces: as for :func:`segment_tokens`.

    Raises:
        UnknownLanguageError: ``lang`` is no language tag.
        LnbenchError: as for :func:`segment_tokens`.
    """
    chosen = _chosen(segment)
    named = [name for name in SEGMENTERS if lang is None or name == _segmenter_of(lang)]
    if chosen == "character" or not named:
        return _CHARACTERS
    used = [f"{name}-{_version(name)}" for name in named if lang is not None or _version(name, missing="")]
    parts = [*([_CHARACTERS] if lang is None else []), *used, *(["spaces"] if spaces and chosen == "xlsum" else [])]
    return "+".join(parts)


def _chosen(segment: str | None) -> str:
    chosen = segment or os.environ.get(_VARIABLE) or "character"
    if chosen not in get_args(Segment):
        names = get_args(Segment)
        meant = hint(chosen, names)
        raise LnbenchError(f"unknown segmentation {chosen!r}; {meant}set {_VARIABLE} to one of {', '.join(names)}")
    return chosen


@lru_cache(maxsize=512)
def _segmenter_of(lang: str) -> str | None:
    row = lookup(lang)
    return row.segmenter if row is not None else None


def _version(name: str, missing: str | None = None) -> str:
    try:
        return version(name)
    except PackageNotFoundError as error:
        if missing is not None:
            return missing
        raise _not_installed(name) from error


@lru_cache(maxsize=8)
def _load(name: str) -> Words:
    try:
        return SEGMENTERS[name]()
    except ImportError as error:
        raise _not_installed(name) from error


def _not_installed(name: str) -> LnbenchError:
    return LnbenchError(
        f"the word segmenter {name!r} is not installed; `pip install 'lnbench[segment]'` installs it, "
        f"and without {_VARIABLE} it is not needed"
    )


def _jieba() -> Words:
    jieba: Any = import_module("jieba")
    jieba.setLogLevel(logging.ERROR)
    segmenter = jieba.Tokenizer()
    # It would read its dictionary back from a file of a fixed name in the folder that all users can write to.
    with tempfile.TemporaryDirectory() as folder:
        segmenter.tmp_dir = folder
        segmenter.initialize()
    words: Words = segmenter.lcut
    return words


def _pythainlp() -> Words:
    tokenize: Any = import_module("pythainlp.tokenize")
    return lambda text: tokenize.word_tokenize(text, engine="newmm") if text else []


def _fugashi() -> Words:
    fugashi: Any = import_module("fugashi")
    tagger = fugashi.Tagger("-Owakati")
    return lambda text: [str(word) for word in tagger(text)]


#: Name, as in the language table and on PyPI -> what makes its function from a text to words.
SEGMENTERS: dict[str, Callable[[], Words]] = {"jieba": _jieba, "pythainlp": _pythainlp, "fugashi": _fugashi}
