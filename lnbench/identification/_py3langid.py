"""py3langid: naive Bayes over byte n-grams, 140 languages, deterministic, a fraction of a millisecond a text.

It does not know Rundi (rn), Tigrinya (ti) or Serbian in Latin letters.
"""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from lnbench.identification._protocol import UNDECIDED
from lnbench.languages import fold

_NOT_A_LANGUAGE = "zxx"


class Py3langid:
    """One loaded model, and a cheap restricted view of it for every set of candidates."""

    def __init__(self) -> None:
        from py3langid.langid import MODEL_FILE, RAW_FLOOR, LanguageIdentifier

        self._full = LanguageIdentifier.from_model_file(MODEL_FILE)
        self._no_features = RAW_FLOOR  # the score of every language when a text has nothing that the model knows
        self._restricted = lru_cache(maxsize=64)(self._restrict)
        self.signature = f"py3langid-{version('py3langid')}"
        self._labels = {label: fold(label) for label in self._full.labels if label != _NOT_A_LANGUAGE}
        self.languages = frozenset(self._labels.values())

    def identify(self, text: str, candidates: tuple[str, ...]) -> str:
        """See :class:`lnbench.identification.Identifier`."""
        code, score = self._restricted(candidates).classify(text)
        return UNDECIDED if score <= self._no_features else self._labels.get(code, UNDECIDED)

    def _restrict(self, candidates: tuple[str, ...]) -> Any:
        # The library keeps one restriction for the whole process; a copy shares its tables and changes nothing there.
        view = copy(self._full)
        wanted = candidates or tuple(self.languages)
        view.set_languages([label for label, code in self._labels.items() if code in wanted])
        return view
