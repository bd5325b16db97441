"""How a lens looks; it knows neither torch nor models, so that a wrong setting is refused before either is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lnbench._near import hint
from lnbench.errors import SpecError
from lnbench.languages import fold

WEIGHTS = ("equal", "probability")
#: Letters that a word needs before the identifier is asked; one of a dense script counts as two.
WORD_LETTERS = 4


@dataclass(frozen=True)
class LensSettings:
    """How to look.

    Attributes:
        candidates: languages between which tokens are judged; None for those of the prompts and English.
        top_k: tokens of each position.
        weight: ``equal``, or ``probability``: tokens count by their probabilities among the ``top_k``.
        new_tokens: tokens that each prompt is continued by, greedily; 0 for the prompts alone.
        max_length: tokens of a prompt; a longer one loses its beginning. None for 512, or fewer where the model has
            no room for more.
        batch_size: prompts that run together.
        word_letters: letters of a word that the identifier is asked about.

    Raises:
        SpecError: a number is out of range, or the weight unknown.
    """

    candidates: tuple[str, ...] | None = None
    top_k: int = 1
    weight: str = "equal"
    new_tokens: int = 32
    max_length: int | None = None
    batch_size: int = 8
    word_letters: int = WORD_LETTERS

    def __post_init__(self) -> None:
        lowest = {"top_k": 1, "new_tokens": 0, "max_length": 1, "batch_size": 1, "word_letters": 1}
        for name, low in lowest.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise SpecError(f"--{name.replace('_', '-')} {value} cannot be; give {low} or more")
        if self.weight not in WEIGHTS:
            raise SpecError(
                f"unknown weight {self.weight!r}; {hint(self.weight, WEIGHTS)}choose one of {', '.join(WEIGHTS)}"
            )

    def judged_between(self, languages: Sequence[str]) -> tuple[str, ...]:
        """The candidates for prompts in ``languages``, folded: always these and English among them."""
        given = self.candidates if self.candidates is not None else ()
        return tuple(dict.fromkeys(map(fold, ("en", *languages, *given))))
