"""What a tuning experiment found: one run for each condition, number of documents and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Point:
    """A run, measured.

    Attributes:
        step: optimizer steps done.
        loss: nats per token of the training text, over the steps since the last point; NaN at the start.
        bits_per_byte: language -> of the held-out text.
    """

    step: int
    loss: float
    bits_per_byte: dict[str, float]


@dataclass(frozen=True)
class Run:
    """One tuned model.

    Attributes:
        condition: ``specific``, ``random`` or ``full``.
        documents: how many were trained on.
        seed: of the choice and order of the documents, and of the random neurons.
        parameters: numbers that were trained.
        optimizer_bytes: of the optimizer's state, measured.
        steps: optimizer steps.
        points: the learning curve; the last point is the tuned model.
        file: of the delta.
    """

    condition: str
    documents: int
    seed: int
    parameters: int
    optimizer_bytes: int
    steps: int
    points: tuple[Point, ...]
    file: str

    @property
    def end(self) -> Mapping[str, float]:
        """Language -> bits per byte of the tuned model."""
        return self.points[-1].bits_per_byte


@dataclass(frozen=True)
class TuningResult:
    """All runs of an experiment.

    Attributes:
        model: its name.
        language: which was tuned.
        original: language -> bits per byte of the model as it was.
        runs: in the order in which they were run.
        about: how: settings, neurons, text; plain JSON.
    """

    model: str
    language: str
    original: Mapping[str, float]
    runs: Sequence[Run]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def others(self) -> tuple[str, ...]:
        """The other languages that were measured."""
        return tuple(language for language in self.original if language != self.language)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of documents, ascending."""
        return tuple(sorted({run.documents for run in self.runs}))

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that were run, in the order of the first run of each."""
        return tuple(dict.fromkeys(run.condition for run in self.runs))

    def of(self, condition: str, documents: int) -> list[Run]:
        """The runs of one place, by seed."""
        found = [run for run in self.runs if (run.condition, run.documents) == (condition, documents)]
        return sorted(found, key=lambda run: run.seed)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        runs = [asdict(run) for run in self.runs]
        return {
            "model": self.model,
            "language": self.language,
            "original": dict(self.original),
            "runs": runs,
            **self.about,
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> TuningResult:
        """The result that :meth:`as_json` wrote.

        Raises:
            KeyError, TypeError: it is something else.
        """
        runs = [Run(**{**run, "points": tuple(Point(**point) for point in run["points"])}) for run in given["runs"]]
        known = ("model", "language", "original", "runs")
        about = {key: value for key, value in given.items() if key not in known}
        return cls(given["model"], given["language"], given["original"], tuple(runs), about)
