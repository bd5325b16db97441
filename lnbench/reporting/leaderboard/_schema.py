"""What a result bundle is: a checked JSON file with the score of every document, and no model output unless asked.

One bundle is one model. It knows the shape of the file; :mod:`_pack` makes it from results and back.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lnbench.reporting.leaderboard._names import FILE, usable

__all__ = [
    "SCHEMA",
    "Bundle",
    "BundleCondition",
    "BundleDocuments",
    "BundleMetric",
    "BundleModel",
    "BundleNeurons",
    "BundleSample",
    "BundleTask",
    "Output",
    "Vector",
]

#: Version of the file; a reader refuses another major version.
SCHEMA = "1.0"

Name = Annotated[str, AfterValidator(usable)]
#: The first 16 hex digits of lm-eval's hashes: enough to pair the documents of one task.
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")]
_Text = Annotated[str, Field(max_length=20_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, populate_by_name=True)


class BundleModel(_Part):
    """The model, as its results recorded it."""

    name: Name
    revision: Name | None = None
    sha: Name | None = None
    dtype: Name | None = None
    parameters: int | None = None


class BundleNeurons(_Part):
    """The neuron set that was ablated."""

    hash: Hash | None = None
    """Of the neurons (``content_hash``), not of the file."""
    method: Name | None = None
    corpus: Hash | None = None
    """Of the text that the method read."""
    count: dict[Name, Annotated[int, Field(ge=0)]] = {}
    """Language -> number of neurons."""
    by_layer: dict[Name, list[Annotated[int, Field(ge=0)]]] = {}
    """Language -> neurons in each layer; empty where the set was not at hand."""


class BundleCondition(_Part):
    """See :class:`lnbench.reporting.reading.Role`."""

    condition: Name
    ablated: Name | None = None
    seed: int | None = None
    repeat: Annotated[int, Field(ge=0)] = 0
    control: bool = False
    what: Name | None = None


class BundleDocuments(_Part):
    """The documents of one task, in the order of the dataset."""

    doc: list[Hash]
    prompt: list[Hash]
    target: list[Hash]
    position: list[int]

    @model_validator(mode="after")
    def _same_number(self) -> BundleDocuments:
        if len({len(self.doc), len(self.prompt), len(self.target), len(self.position)}) != 1:
            raise ValueError("doc, prompt, target and position differ in length")
        return self


class Vector(_Part):
    """The scores of all documents in one or more conditions, and lm-eval's aggregate of them.

    ``scores`` is text, one character of :attr:`BundleMetric.symbols` for each document, or plain numbers.
    """

    value: float | None
    scores: str | list[float | None]


class BundleMetric(_Part):
    """One metric of one task in all conditions."""

    higher_is_better: bool | None
    symbols: dict[Annotated[str, StringConstraints(min_length=1, max_length=1)], float | None] = {}
    """What a character of ``scores`` stands for; null is an unscored document."""
    vectors: list[Vector]
    of: list[int | None]
    """For each condition of the bundle the vector that it has; null where it was not run."""

    @property
    def measured(self) -> bool:
        """Whether any condition has it."""
        return any(at is not None for at in self.of)


class BundleTask(_Part):
    """One lm-eval task."""

    task: Name
    dataset: Name
    language: Name
    documents: BundleDocuments
    metrics: dict[Name, BundleMetric]


class Output(_Part):
    """What the model wrote in one condition: never trusted, never shown as anything but text."""

    condition: Annotated[int, Field(ge=0)]
    text: _Text
    lines: list[str | None] | None = None
    """The language found for each line that is not blank; null where none could be told."""


class BundleSample(_Part):
    """One document with the outputs of several conditions."""

    task: Name
    prompt: _Text
    target: _Text
    outputs: list[Output]


class Bundle(_Part):
    """A submitted result: see :func:`lnbench.reporting.leaderboard.add`."""

    schema_version: str = Field(alias="schema", default=SCHEMA)
    name: Name
    contributor: Name | None = None
    note: Name | None = None
    model: BundleModel
    neurons: BundleNeurons = BundleNeurons()
    versions: dict[Name, Name] = {}
    signatures: dict[Name, dict[Name, Name]] = {}
    conditions: list[BundleCondition]
    tasks: list[BundleTask]
    samples: list[BundleSample] = []

    @model_validator(mode="after")
    def _fits_together(self) -> Bundle:
        if not FILE.fullmatch(self.name):
            raise ValueError(f"the name {self.name!r} cannot be a file name; use letters, digits, - _ and .")
        if not self.model.name or not any(metric.measured for task in self.tasks for metric in task.metrics.values()):
            raise ValueError(f"it holds {'no result' if self.model.name else 'a model without a name'}")
        for task in self.tasks:
            for name, metric in task.metrics.items():
                _check_metric(f"{task.task} {name}", metric, len(self.conditions), len(task.documents.doc))
        if any(output.condition >= len(self.conditions) for one in self.samples for output in one.outputs):
            raise ValueError("a sample names a condition that the bundle has not")
        return self

    def as_json(self) -> dict[str, Any]:
        """Plain JSON with the keys in the order of this class."""
        made: dict[str, Any] = self.model_dump(by_alias=True, mode="json")
        return made


def _check_metric(where: str, metric: BundleMetric, conditions: int, documents: int) -> None:
    if len(metric.of) != conditions:
        raise ValueError(f"{where} has {len(metric.of)} conditions and the bundle {conditions}")
    if any(at is not None and not 0 <= at < len(metric.vectors) for at in metric.of):
        raise ValueError(f"{where} names a vector that it has not")
    for vector in metric.vectors:
        if len(vector.scores) != documents:
            raise ValueError(f"{where} has {len(vector.scores)} scores for {documents} documents")
        if isinstance(vector.scores, str) and not set(vector.scores) <= set(metric.symbols):
            raise ValueError(f"{where} uses a symbol that it does not explain")
