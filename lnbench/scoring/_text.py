"""Letters, scripts and tokens: what every scorer needs and no library does for all scripts.

The token rule is sacrebleu's idea of a mixed tokenizer: scripts without word spacing give one token per character
(Han, kana) or per grapheme cluster (Thai, Lao, Khmer, Burmese), all others one per run of letters, marks and digits.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

import regex

from lnbench.languages import LANGUAGES, fold

__all__ = [
    "foreign_words",
    "letter_weight",
    "letters",
    "script_of_language",
    "scripts_of",
    "share_in_scripts",
    "tokens",
]

_SINGLE = r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}"
_CLUSTER = r"\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}"
_TOKEN = regex.compile(
    rf"[{_SINGLE}]\p{{M}}*"
    rf"|(?=[{_CLUSTER}])\X"
    rf"|(?:(?![{_SINGLE}{_CLUSTER}])[\p{{L}}\p{{M}}\p{{N}}])+"
)
_LETTER = regex.compile(r"\p{L}")
#: Scripts whose characters say as much as two letters of an alphabet.
_DENSE = regex.compile(rf"[{_SINGLE}\p{{Script=Hangul}}{_CLUSTER}]")

#: ISO 15924 code -> the Unicode scripts that texts in it may use.
_SCRIPTS: dict[str, tuple[str, ...]] = {
    "Latn": ("Latin",),
    "Cyrl": ("Cyrillic",),
    "Grek": ("Greek",),
    "Arab": ("Arabic",),
    "Hebr": ("Hebrew",),
    "Deva": ("Devanagari",),
    "Beng": ("Bengali",),
    "Telu": ("Telugu",),
    "Taml": ("Tamil",),
    "Gujr": ("Gujarati",),
    "Guru": ("Gurmukhi",),
    "Sinh": ("Sinhala",),
    "Thai": ("Thai",),
    "Laoo": ("Lao",),
    "Khmr": ("Khmer",),
    "Mymr": ("Myanmar",),
    "Ethi": ("Ethiopic",),
    "Armn": ("Armenian",),
    "Geor": ("Georgian",),
    "Hani": ("Han",),
    "Hans": ("Han",),
    "Hant": ("Han",),
    "Jpan": ("Han", "Hiragana", "Katakana"),
    "Kore": ("Hangul", "Han"),
}
_PATTERNS = {
    name: regex.compile(rf"\p{{Script={name}}}") for name in sorted({n for names in _SCRIPTS.values() for n in names})
}


def tokens(text: str) -> list[str]:
    """The tokens of ``text`` as it stands (normalise before): see the module's rule."""
    found: list[str] = _TOKEN.findall(text)
    return found


def letters(text: str) -> int:
    """How many letters (Unicode category L) ``text`` has."""
    return len(_LETTER.findall(text))


def letter_weight(text: str) -> int:
    """Letters, where one of a dense script (Han, kana, Hangul, Thai and its like) counts as two."""
    return letters(text) + sum(1 for character in _DENSE.findall(text) if _LETTER.match(character))


@lru_cache(maxsize=4096)
def _script_of(character: str) -> str | None:
    if not _LETTER.match(character):
        return None
    for name, pattern in _PATTERNS.items():
        if pattern.match(character):
            return name
    return "Other" if unicodedata.category(character) != "Lm" else None


def scripts_of(text: str) -> Counter[str]:
    """Letters per Unicode script (``Latin``, ``Han``, ...; ``Other`` for scripts outside the table)."""
    return Counter(name for name in map(_script_of, text) if name is not None)


def share_in_scripts(text: str, scripts: tuple[str, ...]) -> float:
    """Share of the letters that belong to one of ``scripts``; 0 without letters."""
    counts = scripts_of(text)
    return sum(counts[name] for name in scripts) / counts.total() if counts else 0.0


@lru_cache(maxsize=256)
def script_of_language(code: str) -> tuple[str, ...]:
    """The Unicode scripts that texts in ``code`` use: from its row, else what CLDR says, else none.

    Raises:
        UnknownLanguageError: ``code`` is no language tag.
    """
    import langcodes

    row = LANGUAGES.get(fold(code))
    named = row.script if row is not None else langcodes.Language.get(fold(code)).maximize().script
    return _SCRIPTS.get(named or "", ())


def foreign_words(text: str, expected: tuple[str, ...], minimum: int = 3) -> int:
    """How many runs of at least ``minimum`` letters of ``text`` lie wholly outside the ``expected`` scripts."""
    runs = regex.findall(r"[\p{L}\p{M}]+", text)
    return sum(1 for run in runs if letters(run) >= minimum and not any(scripts_of(run)[name] for name in expected))
