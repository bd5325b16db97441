"""From any BCP 47 tag to a bare code or to a row, and which codes count as one language."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import langcodes
import langcodes.tag_parser

from lnbench._near import hint, near
from lnbench.errors import UnknownLanguageError
from lnbench.languages._row import DATASETS, Language
from lnbench.languages._table import LANGUAGES

__all__ = ["CONFUSABLE", "fold", "language", "languages_of", "lookup", "meant", "registered", "same_language"]

#: Groups that identifiers cannot tell apart on short text, or that differ by name only. Two members count as one.
CONFUSABLE: tuple[frozenset[str], ...] = (
    frozenset({"id", "ms"}),
    frozenset({"hr", "sr", "bs", "sh"}),
    frozenset({"no", "nb", "nn", "da"}),
    frozenset({"zh", "yue", "wuu", "cmn"}),
    frozenset({"rn", "rw"}),
)

#: Codes of the standard variety, as corpora write them (``arb_Arab``), and the code that everyone uses.
_STANDARD = {
    "arb": "ar",
    "azj": "az",
    "cmn": "zh",
    "gaz": "om",
    "npi": "ne",
    "pbt": "ps",
    "pes": "fa",
    "swh": "sw",
    "uzn": "uz",
    "zsm": "ms",
}
#: A script of a row -> other codes that a tag may name the same by.
_SCRIPT_NAMES = {"Hani": ("Hans",), "Kore": ("Hang",), "Jpan": ("Hrkt",)}

_REMEDY = "use a BCP 47 code such as 'zh' or 'pt-BR'"


@lru_cache(maxsize=1024)
def _parsed(code: str) -> langcodes.Language:
    try:
        tag = langcodes.Language.get(code, normalize=True)
    except (langcodes.tag_parser.LanguageTagError, AttributeError, TypeError):
        tag = None
    if tag is None or not tag.language:
        raise UnknownLanguageError(
            f"{code!r} is no language code; {meant(code)}use a BCP 47 code such as 'zh' or 'pt-BR'"
        )
    return tag


@lru_cache(maxsize=1024)
def fold(code: str) -> str:
    """Bring a BCP 47 tag to the bare language code: ``zh-CN``, ``zh_Hant`` and ``zho`` become ``zh``.

    ``und``, the code for an undetermined language, stays as it is.

    Raises:
        UnknownLanguageError: ``code`` is no language tag.
    """
    if str(code).lower() == "und":
        return "und"
    bare = str(_parsed(code).language)
    return _STANDARD.get(bare, bare)


@lru_cache(maxsize=1024)
def lookup(code: str) -> Language | None:
    """The row of ``code``, or None when the table has none.

    A tag that names or implies a script finds the row in that script: ``zh-TW`` is ``zh-Hant``, ``sr-Latn-RS`` is
    ``sr-Latn``. A script that the table does not have the language in (``hi-Latn``) has no row.

    Raises:
        UnknownLanguageError: ``code`` is no language tag.
    """
    bare = fold(code)
    if bare not in LANGUAGES:
        return None
    tag = _parsed(code)
    rows = [row for row in LANGUAGES.values() if fold(row.code) == bare]
    script = tag.script or (tag.maximize().script if len(rows) > 1 else rows[0].script)
    fitting = [row for row in rows if script in (row.script, *_SCRIPT_NAMES.get(row.script, ()))]
    return fitting[0] if fitting else None


def language(code: str) -> Language:
    """The row of ``code`` (any BCP 47 form).

    Raises:
        UnknownLanguageError: ``code`` is no language tag, or the table has no row for it.
    """
    row = lookup(code)
    if row is None:
        raise UnknownLanguageError(
            f"language {code!r} has no row in the language table; {meant(code)}known are {', '.join(sorted(LANGUAGES))}"
        )
    return row


def registered(code: str) -> str:
    """``code`` itself, if it stands in the register of languages: for codes that people type.

    Raises:
        UnknownLanguageError: it is no tag, or no language is registered under it.
    """
    if not _parsed(code).is_valid():
        raise UnknownLanguageError(
            f"no language is registered as {code!r}; {meant(code)}use a BCP 47 code such as 'zh' or 'pt-BR'"
        )
    return code


def meant(code: object, among: Iterable[str] = LANGUAGES) -> str:
    """``did you mean 'zh'? `` for a language's English name, or the code of its country; else nothing.

    Args:
        code: what was written: ``chinese``, ``swahilli``, ``cn``.
        among: the codes that can be meant.
    """
    names = {LANGUAGES[name].english: name for name in among if name in LANGUAGES}
    alike = near(code, names, close=0.75)
    found = names[alike[0]] if alike else _of_country(str(code))
    return f"did you mean {found!r}? " if found is not None and found in among else ""


def _of_country(code: str) -> str | None:
    """The language that is likeliest in the country of a two-letter code."""
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        return None
    likely = langcodes.Language.get(f"und-{code.upper()}").maximize().language
    return None if likely == "en" else likely  # also what stands for a country that does not exist


def languages_of(dataset: str) -> tuple[Language, ...]:
    """The rows of the languages of ``dataset``, in alphabetical order of their codes.

    Args:
        dataset: one of :data:`DATASETS`.

    Raises:
        UnknownLanguageError: the table knows no such dataset.
    """
    if dataset not in DATASETS:
        raise UnknownLanguageError(
            f"the language table knows no dataset {dataset!r}; {hint(dataset, DATASETS)}choose among "
            f"{', '.join(DATASETS)}"
        )
    return tuple(row for row in LANGUAGES.values() if getattr(row, dataset) is not None)


def same_language(one: str, other: str) -> bool:
    """Whether two codes count as one language, close pairs (:data:`CONFUSABLE`) included."""
    if fold(one) == fold(other):
        return True
    return any(fold(one) in group and fold(other) in group for group in CONFUSABLE)
