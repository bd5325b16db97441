"""lingua (optional): slower and heavier than py3langid, strong on single words."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

from lnbench.errors import LnbenchError
from lnbench.identification._protocol import UNDECIDED
from lnbench.languages import fold


class Lingua:
    """75 languages; one detector per set of candidates."""

    def __init__(self) -> None:
        try:
            lingua: Any = import_module("lingua")
        except ImportError as error:
            raise LnbenchError(
                "the language identifier 'lingua' is not installed; `pip install 'lnbench[lid]'` installs it"
            ) from error
        self._library = lingua
        self._rows = {fold(row.iso_code_639_1.name.lower()): row for row in lingua.Language.all()}
        self._detector = lru_cache(maxsize=16)(self._build)
        self.signature = f"lingua-{version('lingua-language-detector')}"
        self.languages = frozenset(self._rows)

    def identify(self, text: str, candidates: tuple[str, ...]) -> str:
        """See :class:`lnbench.identification.Identifier`."""
        wanted = candidates or tuple(sorted(self._rows))
        if len(wanted) == 1:  # lingua refuses a choice of one
            return wanted[0]
        found = self._detector(wanted).detect_language_of(text)
        return UNDECIDED if found is None else fold(found.iso_code_639_1.name.lower())

    def _build(self, candidates: tuple[str, ...]) -> Any:
        rows = [self._rows[code] for code in candidates]
        return self._library.LanguageDetectorBuilder.from_languages(*rows).build()
