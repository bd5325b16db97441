"""How far a score may fall, and how sure a drop must be: defaults, and overrides for single metrics and languages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lnbench.reporting.checking._cells import Cell

__all__ = ["Amount", "Rule", "Settings"]

_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(points?|%)?")


@dataclass(frozen=True)
class Amount:
    """A number with its unit.

    ``points`` are hundredths for scores between 0 and 1 and the metric's own unit for others; ``%`` is of the value
    that is compared with; without a unit it is the metric's own.
    """

    number: float
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> Amount | None:
        """``2 points``, ``5 %``, ``0.02``; None where it is no amount."""
        match = _AMOUNT.fullmatch(text.strip())
        return cls(float(match[1]), (match[2] or "").replace("points", "point")) if match else None

    def of(self, value: float, *, share: bool) -> float:
        """The amount in the metric's unit.

        Args:
            value: what ``%`` is of.
            share: whether all scores are between 0 and 1.
        """
        if self.unit == "%":
            return self.number / 100 * abs(value)
        return self.number * (0.01 if self.unit == "point" and share else 1.0)

    def __str__(self) -> str:
        unit = {"point": "point" if self.number == 1 else "points"}.get(self.unit, self.unit)
        return f"{self.number:g} {unit}".strip()


@dataclass(frozen=True)
class Rule:
    """An override for the cells that fit all that is named; None fits everything.

    Attributes:
        metric, language, condition: as in the results.
        datasets: of tasks; empty for all.
        tolerance, significance: what holds there; None leaves it as it was.
    """

    metric: str | None = None
    language: str | None = None
    condition: str | None = None
    datasets: frozenset[str] = frozenset()
    tolerance: Amount | None = None
    significance: float | None = None

    def fits(self, cell: Cell) -> bool:
        """Whether it is for this cell."""
        place = cell.place
        named = ((self.metric, cell.metric), (self.language, place.language), (self.condition, place.condition))
        fits = all(wanted in (None, given) for wanted, given in named)
        return fits and (not self.datasets or bool({cell.dataset, place.task} & self.datasets))


@dataclass(frozen=True)
class Settings:
    """Attributes:
    tolerance: None is 2 points for scores between 0 and 1, else 2 %.
    significance: the chance of any false alarm in one check.
    metrics: which are checked; all with a direction when empty.
    rules: the last that fits a cell counts.
    """

    tolerance: Amount | None = None
    significance: float = 0.05
    metrics: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = field(default=())

    def tolerance_of(self, cell: Cell, *, share: bool) -> Amount:
        """What may be lost there."""
        found = [rule.tolerance for rule in self.rules if rule.tolerance is not None and rule.fits(cell)]
        return found[-1] if found else self.tolerance or (Amount(2, "point") if share else Amount(2, "%"))

    def significance_of(self, cell: Cell) -> float:
        """Below which corrected p a loss counts there."""
        found = [rule.significance for rule in self.rules if rule.significance is not None and rule.fits(cell)]
        return found[-1] if found else self.significance
