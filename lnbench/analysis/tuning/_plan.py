"""What a tuning experiment is to do, before a model is loaded: which runs, and the neurons of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lnbench.analysis.tuning._settings import CONDITIONS, DOCUMENTS, TuningSettings, steps_of
from lnbench.models import Plan, Spec, compile_plan
from lnbench.neurons import NeuronSet

if TYPE_CHECKING:
    from lnbench.analysis.tuning._text import HeldOut
    from lnbench.detection import Corpus


@dataclass(frozen=True)
class Which:
    """One run before it is run."""

    condition: str
    documents: int
    seed: int


@dataclass(frozen=True)
class Experiment:
    """What is tuned on what.

    Attributes:
        neurons: a set of this model.
        language: label of the neurons that are tuned, and of the text.
        corpus: the text to train on.
        held_out: language -> text to measure on.
        out: the folder of the deltas; it exists.
        documents, conditions, seeds: a run for each combination.
        scope: keys of a spec that choose among the language's neurons: ``sites``, ``layers``, ``exclude`` ...
        settings: common to all runs.
        model, revision: for the deltas' headers.
        checkpoints: also write an ordinary checkpoint of every tuned model.
    """

    neurons: NeuronSet
    language: str
    corpus: Corpus
    held_out: Mapping[str, HeldOut]
    out: Path
    documents: Sequence[int] = DOCUMENTS
    conditions: Sequence[str] = CONDITIONS
    seeds: Sequence[int] = (0, 1, 2)
    scope: Mapping[str, Any] = field(default_factory=dict)
    settings: TuningSettings = field(default_factory=TuningSettings)
    model: str = ""
    revision: str | None = None
    checkpoints: bool = False

    def runs(self) -> Iterator[Which]:
        """Every run, small numbers of documents first."""
        for documents in sorted(set(self.documents)):
            for seed in self.seeds:
                yield from (Which(condition, documents, seed) for condition in self.conditions)

    def steps(self) -> int:
        """Optimizer steps of all runs."""
        return sum(steps_of(which.documents, self.settings) for which in self.runs())

    def plan(self, which: Which, architecture: Any) -> Plan | None:
        """The neurons of a run, as a plan on them; None where all parameters are trained.

        Raises:
            LnbenchError: the set does not fit the model, or has no such neurons.
        """
        if which.condition == "full":
            return None
        drawn = {"control": "random", "seed": which.seed} if which.condition == "random" else {}
        return compile_plan(Spec.parse("zero", lang=self.language, **self.scope, **drawn), self.neurons, architecture)
