"""Write `cldr_slots.json`: the names of countries, languages, weekdays and months, taken once from CLDR with Babel.

The file is committed, so neither training nor tests need Babel. CLDR data is under the Unicode licence; the notice is
in `cldr_slots.LICENSE.txt` beside it.

Run: `python -m scripts.demo_model.make_slots`
"""

import json
from pathlib import Path

import babel
from babel import Locale
from babel.core import get_cldr_version
from babel.dates import get_day_names, get_month_names

from .lexicon import LANGUAGES

OUTPUT = Path(__file__).with_name("cldr_slots.json")
COUNTRIES = ["FR", "DE", "ES", "CN", "RU", "KE", "JP", "BR", "IN", "EG", "IT", "MX"]
COUNTRIES += ["CA", "TR", "GR", "PE", "SE", "PT", "PL", "CU", "NG", "VN", "TH", "AR"]
TONGUES = [*LANGUAGES, "ja", "ar", "hi", "it", "pt", "ko", "tr", "pl", "el"]


def month_names(locale: Locale, context: str) -> list[str]:
    """Return the twelve wide month names of `locale` in a CLDR context (`format` or `stand-alone`)."""
    names = get_month_names("wide", context=context, locale=locale)
    return [names[month] for month in range(1, 13)]


def slots(language: str) -> dict[str, list[str]]:
    """Return the CLDR words of one language, by word bank."""
    locale = Locale.parse("zh_Hans" if language == "zh" else language)
    days = get_day_names("wide", context="format", locale=locale)
    # Russian alone declines the month in a date ("5 января"). Elsewhere the two contexts should be equal, but Babel
    # 2.18 answers stand-alone months of some languages in another one, so the stand-alone form is asked for only here.
    standalone = "stand-alone" if language == "ru" else "format"
    return {
        "country": [locale.territories[code] for code in COUNTRIES],
        "tongue": [locale.languages[code] for code in TONGUES],
        "weekday": [days[day] for day in range(7)],
        "month": month_names(locale, standalone),
        "date_month": month_names(locale, "format"),
    }


def main() -> None:
    """Write the file."""
    source = {"babel": babel.__version__, "cldr": get_cldr_version(), "licence": "Unicode-3.0"}
    content = {"source": source, "slots": {language: slots(language) for language in LANGUAGES}}
    OUTPUT.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
