"""Does a short answer match one of the references: exact match and token F1.

Two rules side by side. ``exact_match`` and ``f1`` know the language: Unicode punctuation, native articles, tokens in
scripts without spaces. ``squad_em`` and ``squad_f1`` are the English rules of SQuAD v1.1 (Rajpurkar et al. 2016,
evaluate-v1.1.py), which papers report for every language.
"""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

import regex

from lnbench.languages import Language, lookup
from lnbench.scoring._text import tokens

__all__ = ["normalize_answer", "qa"]

_ASCII_PUNCTUATION = regex.compile(f"[{regex.escape(string.punctuation)}]")
_PUNCTUATION = regex.compile(rf"[\p{{P}}{regex.escape(string.punctuation)}]")
_ENGLISH_ARTICLES = regex.compile(r"\b(a|an|the)\b")


def qa(prediction: str, references: str | Sequence[str], lang: str) -> dict[str, float]:
    """Score an answer, best over ``references``.

    Args:
        prediction: the answer given.
        references: one right answer or several.
        lang: BCP 47 code of the answers. Any code works; articles are known for languages with a row.

    Returns:
        ``exact_match``, ``f1``, ``squad_em``, ``squad_f1``, each in 0..1; all 0 without references.

    Raises:
        UnknownLanguageError: ``lang`` is no language tag.
    """
    row = lookup(lang)
    golds = [references] if isinstance(references, str) else list(references)
    given, squad_given = normalize_answer(prediction, row), _squad(prediction)
    scores = {"exact_match": 0.0, "f1": 0.0, "squad_em": 0.0, "squad_f1": 0.0}
    for gold in golds:
        right, squad_right = normalize_answer(gold, row), _squad(gold)
        one = {
            "exact_match": float(given == right),
            "f1": 1.0 if given == right else _f1(tokens(given), tokens(right)),
            "squad_em": float(squad_given == squad_right),
            "squad_f1": _f1(squad_given.split(), squad_right.split()),
        }
        scores = {name: max(score, one[name]) for name, score in scores.items()}
    return scores


def normalize_answer(text: str, row: Language | None) -> str:
    """NFC, lower case, without punctuation and articles, single spaces; an answer of nothing else stays as it is."""
    lowered = unicodedata.normalize("NFC", text).lower().strip().replace("’", "'")
    bare = " ".join(_PUNCTUATION.sub("", _without_articles(lowered, row)).split())
    return bare or " ".join(_PUNCTUATION.sub("", lowered).split()) or lowered


def _without_articles(text: str, row: Language | None) -> str:
    """Articles out before punctuation: once its apostrophe is gone, ``l'`` is no word any more."""
    if row is None:
        return text
    for prefix in row.article_prefixes:
        text = regex.sub(rf"(?<!\w){regex.escape(prefix)}(?=\w)", "", text)
    if row.articles:
        text = regex.sub(rf"\b(?:{'|'.join(map(regex.escape, row.articles))})\b", " ", text)
    return text


def _squad(text: str) -> str:
    return " ".join(_ENGLISH_ARTICLES.sub(" ", _ASCII_PUNCTUATION.sub("", text.lower())).split())


def _f1(given: Sequence[str], right: Sequence[str]) -> float:
    """Harmonic mean of token precision and recall; 0 when nothing is shared, as SQuAD v1.1 has it."""
    shared = (Counter(given) & Counter(right)).total()
    return 2.0 * shared / (len(given) + len(right)) if shared else 0.0
