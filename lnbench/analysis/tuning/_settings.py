"""How a model is tuned: what is the same for all conditions, sizes and seeds of one experiment."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from lnbench._near import hint
from lnbench.errors import SpecError

#: What is compared with the original model.
CONDITIONS = ("random", "specific", "full")
#: Numbers of documents of Zhao et al. 2024, section 4.4.
DOCUMENTS = (100, 200, 400, 800)
SCHEDULES = ("constant", "linear", "cosine")


@dataclass(frozen=True)
class TuningSettings:
    """Attributes:
    epochs: passes over the documents.
    learning_rate: of AdamW, the same for all conditions.
    batch_size: documents of a step.
    accumulate: parts that a step's documents are put through in, to save memory.
    max_length: tokens of a document; what is longer is cut.
    schedule: of the learning rate: ``constant``, ``linear`` or ``cosine`` (both fall to 0).
    warmup: share of the steps in which the rate rises to its full value.
    weight_decay: AdamW's.
    clip: largest norm of the gradient of what is trained; 0 for none.
    points: how often a run is measured, the end included.

    Raises:
        SpecError: a value that cannot be.
    """

    epochs: float = 3.0
    learning_rate: float = 1e-3
    batch_size: int = 16
    accumulate: int = 1
    max_length: int = 512
    schedule: str = "linear"
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip: float = 1.0
    points: int = 5

    def __post_init__(self) -> None:
        positive = ("epochs", "learning_rate", "batch_size", "accumulate", "points")
        for name in (*positive, "warmup", "weight_decay", "clip"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (name in positive and not value):
                least = "above 0" if name in positive else "0 or more"
                raise SpecError(f"{name} cannot be {value!r}; choose a number {least}")
        if self.warmup >= 1:
            raise SpecError(f"warmup is a share of the steps below 1, not {self.warmup!r}")
        if self.max_length < 2:
            raise SpecError(f"max_length must be at least 2, not {self.max_length!r}")
        if self.batch_size % self.accumulate:
            raise SpecError(f"batch_size {self.batch_size} does not divide into {self.accumulate} parts; change one")
        if self.schedule not in SCHEDULES:
            meant = hint(self.schedule, SCHEDULES)
            raise SpecError(f"unknown schedule {self.schedule!r}; {meant}choose one of {', '.join(SCHEDULES)}")

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, one key per field."""
        return asdict(self)


def steps_of(documents: int, settings: TuningSettings) -> int:
    """Optimizer steps of a run."""
    return max(1, math.ceil(settings.epochs * math.ceil(documents / settings.batch_size)))
