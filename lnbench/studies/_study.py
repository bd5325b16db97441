"""A study: which model, which neurons, which languages, tasks and conditions; read from one YAML file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr, ValidationError, ValidationInfo, field_validator, model_validator

from lnbench.errors import SpecError, UnknownLanguageError
from lnbench.languages import language
from lnbench.studies._conditions import ORIGINAL, Condition
from lnbench.studies._detect import DetectSection
from lnbench.studies._expand import absent, base_of, expand
from lnbench.studies._neuron_files import NeuronFile
from lnbench.studies._neuron_files import checked as checked_files
from lnbench.studies._sections import ConditionEntry, ModelSection, Section, Seeds, TaskEntry, refused, unknown
from lnbench.studies._text import StudyText
from lnbench.studies.presets import Preset, with_preset

if TYPE_CHECKING:
    from lnbench.studies._plan import StudyPlan

#: What a study without ``conditions:`` runs.
USUAL: dict[str, Any] = {ORIGINAL: {}, "random": {"control": "random"}, "specific": {"op": "zero"}}


class Study(Section):
    """A study file, checked. Make one with :meth:`load`, or from the same keys with ``Study.model_validate``."""

    name: str
    """Names the store: letters, digits, ``-``, ``_`` and ``.``."""
    model: ModelSection = ModelSection()
    neurons: dict[str, str] | list[str | NeuronFile] | None = None
    """Language -> file, or files with any languages."""
    detect: DetectSection | None = None
    """How the neurons are found, where there are none yet."""
    preset: Preset | None = None
    """What fills in the keys that the file leaves out."""
    languages: list[str] = Field(min_length=1)
    """BCP 47 codes; each is evaluated, and each that has neurons is ablated."""
    ablate: list[str] | None = None
    """The labels of the neuron set that are ablated, where these are not all of ``languages``."""
    tasks: list[TaskEntry] = Field(min_length=1)
    conditions: dict[str, ConditionEntry] = Field(default=USUAL, validate_default=True)
    repeat_original: bool = True
    """Whether the original is run a second time, at the end, to measure the noise floor."""
    limit: int | None = Field(default=None, gt=0)
    """Documents per task; all when left out."""
    num_fewshot: int | None = Field(default=None, ge=0)
    apply_chat_template: bool | str = False
    fewshot_as_multiturn: bool = True
    system_instruction: str | None = None
    gen_kwargs: dict[str, Any] = Field(default={})
    seeds: Seeds = Seeds()
    data_dir: str | None = None
    """The folder of task data, where ``LNBENCH_DATA`` does not name it."""
    include_path: str | None = None
    """A folder with lm-eval tasks of the user's own."""

    _folder: Path = PrivateAttr(default_factory=Path)

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read a study file. Relative paths in it are looked for beside it first.

        Raises:
            StudyError: anything that is wrong with it, in one sentence with file and line.
        """
        text = StudyText.read(path)
        try:
            return cls.model_validate(text.values, context=text.path.parent)
        except ValidationError as error:
            raise text.refusal(error) from None

    def plan(self) -> StudyPlan:
        """The cells of this study, in the order in which they are run.

        Raises:
            LnbenchError: a task, a language or a neuron file does not exist.
        """
        from lnbench.studies._plan import plan_study

        return plan_study(self)

    def expand(self, ablated: list[str], *, without: Collection[str] = ()) -> list[Condition]:
        """The conditions but those ``without``, for these languages that are ablated."""
        return expand(self.conditions, ablated, folder=self._folder, repeat=self.repeat_original, without=without)

    def absent(self, sites: Sequence[str]) -> dict[str, list[str]]:
        """The optional conditions that ask for sites which are not among these, where the neurons are."""
        return absent(self.conditions, sites, self._folder)

    def path(self, name: str) -> str:
        """A file or folder of the study: beside the study file where it is there, else as written."""
        beside = self._folder / name
        return str(beside) if beside.exists() else name

    def model_post_init(self, context: Any) -> None:
        """Take the folder of the study file, by which relative paths are resolved."""
        if isinstance(context, Path):
            self._folder = context

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Any) -> Any:
        return with_preset(given) if isinstance(given, Mapping) and "preset" in given else given

    @field_validator("name")
    @classmethod
    def _safe_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
            raise refused(f"name: {name!r} cannot name a folder; use letters, digits, - and _")
        return name

    @field_validator("neurons", mode="before")
    @classmethod
    def _one_file(cls, given: Any) -> Any:
        return None if given is None else checked_files(given)

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, codes: list[str]) -> list[str]:
        for at, code in enumerate(codes):
            try:
                language(code)
            except UnknownLanguageError as error:
                raise refused(str(error), at) from None
        return list(dict.fromkeys(codes))

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Study:
        if self.neurons is not None and self.detect is not None:
            raise refused("neurons and detect are both given; drop one of them", "detect")
        edited = [label for label, entry in self.conditions.items() if label != ORIGINAL and not entry.only_tuned]
        if edited and self.neurons is None and self.detect is None:
            raise refused(f"condition {edited[0]!r} needs neurons; add neurons: FILE", "conditions", edited[0])
        for label in self.conditions:
            self._check_condition(label)
        return self

    def _check_condition(self, label: str) -> None:
        entry = self.conditions[label]
        if label == ORIGINAL:
            if entry.model_fields_set:
                raise refused("original is the untouched model and takes no keys; drop them", "conditions", label)
            return
        if base_of(self.conditions, label) not in (None, *(set(self.conditions) - {ORIGINAL, label})):
            others = [other for other in self.conditions if other not in (ORIGINAL, label)]
            raise refused(unknown("condition", entry.of, others), "conditions", label, "of")
        try:
            expand(self.conditions, ["xx"], folder=self._folder, without=set(self.conditions) - {label})
        except SpecError as error:
            raise refused(f"condition {label!r}: {error}", "conditions", label) from None
