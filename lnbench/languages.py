"""One frozen row per language: what tasks and scoring need to know about it.

A row is needed by a *task* (it prints labels in the language). Scoring works for any BCP 47 code: a language without a
row gets the defaults of its script. This module knows nothing of models, of lm-eval or of identification.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import langcodes
import langcodes.tag_parser

from lnbench.errors import UnknownLanguageError

__all__ = ["CONFUSABLE", "DEMO_LANGUAGES", "LANGUAGES", "Language", "fold", "language", "lookup", "same_language"]

#: Groups that identifiers cannot tell apart on short text, or that differ by name only. Two members count as one.
CONFUSABLE: tuple[frozenset[str], ...] = (
    frozenset({"id", "ms"}),
    frozenset({"hr", "sr", "bs", "sh"}),
    frozenset({"no", "nb", "nn", "da"}),
    frozenset({"zh", "yue", "wuu", "cmn"}),
)


@dataclass(frozen=True)
class Language:
    """Facts about one language. A field that is None is unknown; :meth:`need` turns that into an error."""

    code: str
    """BCP 47 code without script or region."""
    english: str
    """Name in English."""
    native: str
    """Name in the language itself."""
    script: str
    """ISO 15924 code of the script that its texts are written in."""
    spaced: bool = True
    """Whether words are separated by spaces."""
    decimal: str = "."
    """The decimal mark of native texts."""
    space_groups: bool = False
    """Whether a plain space groups thousands (``114 200``)."""
    question: str | None = None
    """Label before a question, with the space after it where the language has one."""
    answer: str | None = None
    """Label at the end of a prompt that asks for an answer."""
    context: str | None = None
    """Label before the passage of a reading question."""
    text: str | None = None
    """Label before a text to be summarised."""
    summary: str | None = None
    """Label at the end of a prompt that asks for a summary."""
    answer_phrases: tuple[str, ...] = ()
    """What native solutions say before the final number, besides the answer label."""
    articles: tuple[str, ...] = ()
    """Words that question answering ignores."""
    article_prefixes: tuple[str, ...] = ()
    """The same, written together with the next word (``l'``)."""

    @property
    def space(self) -> str:
        """What stands between two words or sentences: a space, or nothing."""
        return " " if self.spaced else ""

    @property
    def answer_prefixes(self) -> tuple[str, ...]:
        """Everything after which a final answer may stand, the answer label first."""
        return ((self.answer,) if self.answer else ()) + self.answer_phrases

    def need(self, field: str) -> Any:
        """The value of ``field``.

        Raises:
            UnknownLanguageError: the row has no such field, or does not fill it.
        """
        if field not in {f.name for f in fields(self)}:
            raise UnknownLanguageError(f"languages have no field {field!r}; see lnbench.languages.Language")
        value = getattr(self, field)
        if value is None:
            raise UnknownLanguageError(
                f"language {self.code!r} ({self.english}) lacks the field {field!r}; fill it in lnbench/languages.py"
            )
        return value


_ROWS = (
    Language(
        code="en",
        english="English",
        native="English",
        script="Latn",
        question="Question: ",
        answer="Answer:",
        context="Context: ",
        text="Text: ",
        summary="Summary:",
        answer_phrases=("The answer is", "the final answer is"),
        articles=("a", "an", "the"),
    ),
    Language(
        code="zh",
        english="Chinese",
        native="中文",
        script="Hani",
        spaced=False,
        question="问题：",
        answer="答案：",
        context="文章：",
        text="原文：",
        summary="摘要：",
        answer_phrases=("答案是", "答案为"),
    ),
    Language(
        code="fr",
        english="French",
        native="français",
        script="Latn",
        decimal=",",
        space_groups=True,
        question="Question : ",
        answer="Réponse :",
        context="Contexte : ",
        text="Texte : ",
        summary="Résumé :",
        answer_phrases=("La réponse est",),
        articles=("un", "une", "des", "le", "la", "les", "du"),
        article_prefixes=("l'",),
    ),
    Language(
        code="es",
        english="Spanish",
        native="español",
        script="Latn",
        decimal=",",
        space_groups=True,
        question="Pregunta: ",
        answer="Respuesta:",
        context="Contexto: ",
        text="Texto: ",
        summary="Resumen:",
        answer_phrases=("La respuesta es",),
        articles=("un", "una", "unos", "unas", "el", "la", "los", "las", "lo"),
    ),
    Language(
        code="de",
        english="German",
        native="Deutsch",
        script="Latn",
        decimal=",",
        space_groups=True,
        question="Frage: ",
        answer="Antwort:",
        context="Kontext: ",
        text="Text: ",
        summary="Zusammenfassung:",
        answer_phrases=("Die Antwort lautet", "Die Antwort ist"),
        articles=(
            *("der", "die", "das", "den", "dem", "des"),
            *("ein", "eine", "einen", "einem", "einer", "eines"),
        ),
    ),
    Language(
        code="ru",
        english="Russian",
        native="русский",
        script="Cyrl",
        decimal=",",
        space_groups=True,
        question="Вопрос: ",
        answer="Ответ:",
        context="Контекст: ",
        text="Текст: ",
        summary="Итог:",
        answer_phrases=("Ответ —", "Ответ -"),
    ),
    Language(
        code="sw",
        english="Swahili",
        native="Kiswahili",
        script="Latn",
        question="Swali: ",
        answer="Jibu:",
        context="Muktadha: ",
        text="Habari: ",
        summary="Muhtasari:",
        answer_phrases=("Jibu ni",),
    ),
)

#: Every row, by code.
LANGUAGES: dict[str, Language] = {row.code: row for row in _ROWS}

#: The languages of the embedded model (a planted positive control), in the order of its tables.
DEMO_LANGUAGES: tuple[str, ...] = ("en", "zh", "fr", "es", "de", "ru", "sw")


@lru_cache(maxsize=1024)
def fold(code: str) -> str:
    """Bring a BCP 47 tag to the bare language code: ``zh-CN``, ``zh_Hant`` and ``zho`` become ``zh``.

    ``und``, the code for an undetermined language, stays as it is.

    Raises:
        UnknownLanguageError: ``code`` is no language tag.
    """
    try:
        folded = langcodes.Language.get(code, normalize=True).language
    except (langcodes.tag_parser.LanguageTagError, AttributeError, TypeError):
        folded = None
    if not folded and str(code).lower() == "und":
        return "und"
    if not folded:
        raise UnknownLanguageError(f"{code!r} is no language code; use a BCP 47 code such as 'zh' or 'pt-BR'")
    return "zh" if folded == "cmn" else folded


def lookup(code: str) -> Language | None:
    """The row of ``code``, or None when the table has none.

    Raises:
        UnknownLanguageError: ``code`` is no language tag.
    """
    return LANGUAGES.get(fold(code))


def language(code: str) -> Language:
    """The row of ``code`` (any BCP 47 form).

    Raises:
        UnknownLanguageError: ``code`` is no language tag, or the table has no row for it.
    """
    row = lookup(code)
    if row is None:
        raise UnknownLanguageError(
            f"language {code!r} has no row in the language table; known are {', '.join(sorted(LANGUAGES))}"
        )
    return row


def same_language(one: str, other: str) -> bool:
    """Whether two codes count as one language, close pairs (:data:`CONFUSABLE`) included."""
    if fold(one) == fold(other):
        return True
    return any(fold(one) in group and fold(other) in group for group in CONFUSABLE)
