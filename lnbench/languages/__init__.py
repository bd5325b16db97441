"""One frozen row per language: what tasks and scoring need to know about it.

A row is needed by a *task* (it prints labels and an instruction in the language). Scoring works for any BCP 47 code: a
language without a row gets the defaults of its script. This room knows nothing of models, of lm-eval or of
identification.
"""

from lnbench.languages._codes import CONFUSABLE, fold, language, languages_of, lookup, meant, registered, same_language
from lnbench.languages._row import DATASETS, Language
from lnbench.languages._table import DEMO_LANGUAGES, LANGUAGES

__all__ = [
    "CONFUSABLE",
    "DATASETS",
    "DEMO_LANGUAGES",
    "LANGUAGES",
    "Language",
    "fold",
    "language",
    "languages_of",
    "lookup",
    "meant",
    "registered",
    "same_language",
]
