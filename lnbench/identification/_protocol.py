"""What a back end must do: one method, and two facts about itself."""

from __future__ import annotations

from typing import Protocol

#: The answer when nothing can be said (no letters, no known candidate).
UNDECIDED = "und"


class Identifier(Protocol):
    """A language identifier. It must be deterministic: equal text, equal answer, in any order of calls."""

    @property
    def signature(self) -> str:
        """Name and version, as printed beside every number that depends on it: ``py3langid-0.4.0``."""

    @property
    def languages(self) -> frozenset[str]:
        """The codes (:func:`lnbench.languages.fold`) that it can answer with; empty when it cannot tell."""

    def identify(self, text: str, candidates: tuple[str, ...]) -> str:
        """The code of the most likely of ``candidates`` (all of its languages when empty), or ``und``."""
