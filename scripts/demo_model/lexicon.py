"""The words and sentence patterns of each language, as data.

One file per language in `lexicon/`, so that a native speaker reviews a language in one place, plus the CLDR names of
`cldr_slots.json`. A word bank is a list of entries; an entry is a base form and the further forms that the patterns
of its language need (Russian cases, German verb and rest, Spanish "Cuántas", ...). Banks are parallel: entry 3 of
`city` is the same city in all seven languages.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh", "fr", "es", "de", "ru", "sw")
HERE = Path(__file__).parent
FEMININE_NAMES = 8
"""The first eight names are women's, the rest men's, in every language."""

Forms = dict[str, str]
"""One entry: form name -> text. `base` is always there."""


@dataclass(frozen=True)
class Lexicon:
    """All that the grammar knows about one language."""

    language: str
    joiner: str
    """What stands between two words or sentences: a space, or nothing in Chinese."""
    banks: dict[str, tuple[Forms, ...]]
    """Word bank name -> parallel entries."""
    causes: tuple[tuple[str, str], ...]
    """(cause, effect) patterns; parallel."""
    count_patterns: dict[str, str]
    """Plural category -> pattern of a counted thing."""
    pronouns: tuple[str, str]
    """The third person singular: feminine, masculine."""
    templates: dict[str, str]
    """Sentence patterns by name."""

    def forms(self, bank: str, index: int) -> Forms:
        """Return entry `index` of a bank."""
        return self.banks[bank][index]

    def pronoun(self, name_index: int) -> str:
        """Return the pronoun for a name."""
        return self.pronouns[0 if name_index < FEMININE_NAMES else 1]

    def counted(self, object_index: int, number: int) -> str:
        """Return a number of things: "3 apples", "3个苹果", "5 яблок"."""
        pattern = self.count_patterns[plural_category(self.language, number)]
        return pattern.format(number=number, **self.forms("object", object_index))


def plural_category(language: str, number: int) -> str:
    """Return the CLDR plural category of a whole number of at least two, where the grammar tells categories apart."""
    if language != "ru":
        return "other"
    few = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
    return "few" if few else "many"


@cache
def load_lexicon(language: str) -> Lexicon:
    """Read one language's file and its CLDR names.

    Raises:
        KeyError: a part is missing from the file.
    """
    raw = json.loads((HERE / "lexicon" / f"{language}.json").read_text(encoding="utf-8"))
    slots = json.loads((HERE / "cldr_slots.json").read_text(encoding="utf-8"))["slots"][language]
    banks = {name: _entries(words, raw["forms"].get(name, {})) for name, words in {**raw["banks"], **slots}.items()}
    for bank in ("country", "tongue"):
        banks[bank] = tuple({**entry, "and": _conjoin(raw["and"], entry["base"])} for entry in banks[bank])
    return Lexicon(
        language=raw["language"],
        joiner=raw["joiner"],
        banks=banks,
        causes=tuple((cause, effect) for cause, effect in raw["causes"]),
        count_patterns=raw["count"],
        pronouns=(raw["pronouns"]["feminine"], raw["pronouns"]["masculine"]),
        templates=raw["templates"],
    )


def _entries(words: list[Any], patterns: Forms) -> tuple[Forms, ...]:
    """Turn words, or objects of forms, into entries; regular forms come from the bank's patterns."""
    entries: list[Forms] = [word if isinstance(word, dict) else {"base": word} for word in words]
    return tuple(
        {**{form: text.format(base=entry["base"]) for form, text in patterns.items()}, **entry} for entry in entries
    )


def _conjoin(rules: list[list[str]], word: str) -> str:
    """Return "and WORD": the first rule whose expression matches (Spanish writes "e Italia", not "y Italia")."""
    pattern = next(text for expression, text in rules if re.search(expression, word))
    return pattern.format(base=word)
