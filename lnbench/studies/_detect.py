"""``detect:`` of a study: neurons that the study finds itself, on its own model, before anything is evaluated."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from lnbench.errors import StudyError
from lnbench.neurons import NeuronSet, expand_sites
from lnbench.studies._sections import Section, refused, unknown

if TYPE_CHECKING:
    from lnbench.detection import PoolRunner, TokenDocuments
    from lnbench.studies._plan import StudyPlan
    from lnbench.studies._store import Store

#: method -> the keys of ``options``; they mean what the options of ``lnbench detect METHOD`` mean.
OPTIONS = {
    "lape": ("top_rate", "filter_rate", "bar_rate", "batch_size"),
    "plnd": ("sites", "form", "top_k", "top_rate", "epsilon", "consistency", "remove", "chunk"),
}


class DetectSection(Section):
    """``detect:``; the keys mean what the options of ``lnbench detect`` mean."""

    method: Literal["lape", "plnd"]
    corpora: dict[str, str] = Field(min_length=2)
    """Language -> source, as after ``--corpus LANG=``."""
    tokens: int | str | None = None
    documents: int | None = Field(default=None, gt=0)
    document: str = "line"
    field: str = "text"
    max_length: int = Field(default=512, gt=0)
    order: str = "sequential"
    seed: int = 0
    options: dict[str, Any] = Field(default={})
    """Parameters of the method."""

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites at which neurons may be found."""
        asked = self.options.get("sites", "ffn.hidden") if self.method == "plnd" else "ffn.act"
        return expand_sites(asked)

    @model_validator(mode="after")
    def _known_options(self) -> DetectSection:
        for key in self.options:
            if key not in OPTIONS[self.method]:
                raise refused(unknown("option", key, OPTIONS[self.method]), "options", key)
        return self


@dataclass(frozen=True)
class Subject:
    """A model that neurons are found on.

    Attributes:
        model: with weights, or without them where a runner has them.
        tokenizer: as transformers has it.
        name, revision: for the header.
        runner: where documents are measured; this process when left out.
    """

    model: Any
    tokenizer: Any
    name: str
    revision: str | None
    runner: PoolRunner | None = None

    @classmethod
    def of(cls, lm: Any) -> Subject:
        """A model that is loaded here."""
        return cls(lm.model, lm.tokenizer, lm.model_name, revision_of(lm))


def neurons_of(plan: StudyPlan, lm: Any, store: Store) -> NeuronSet | None:
    """The neuron set of a study: its files', or what is detected now (or was, by an earlier run of this store).

    Raises:
        LnbenchError: detection refuses the corpora or the options.
    """
    section = plan.study.detect
    if section is None:
        return plan.neurons
    file = store.folder / neuron_file(section, lm)
    if not file.is_file():
        keep(plan, store, file, Subject.of(lm))
    found = NeuronSet.load(file)
    lm.neurons = found
    return found


def neuron_file(section: DetectSection, lm: Any) -> str:
    """The name of the file that a store keeps the neurons in that are found on this model."""
    text = json.dumps([section.model_dump(mode="json"), lm.output_key()], sort_keys=True)
    return f"neurons-{hashlib.sha256(text.encode()).hexdigest()[:12]}.safetensors"


def keep(plan: StudyPlan, store: Store, file: Path, subject: Subject) -> None:
    """Find the neurons and keep them in the store, unless another process has meanwhile.

    Raises:
        LnbenchError: detection refuses the corpora or the options.
    """
    section = plan.study.detect
    assert section is not None
    text = _read(plan, section, subject.tokenizer)
    store.open({"name": plan.study.name})
    with store.lock(file.stem, wait=True):
        if not file.is_file():
            _found(section, text, subject).save(file)


def _read(plan: StudyPlan, section: DetectSection, tokenizer: Any) -> TokenDocuments:
    from lnbench.detection import Corpus, parse_amount, token_documents, with_coverage

    sources = {language: plan.study.path(source) for language, source in section.corpora.items()}
    found = token_documents(
        tokenizer,
        [Corpus.parse(f"{each}={source}", section.document, section.field) for each, source in sources.items()],
        tokens=None if section.tokens is None else parse_amount(section.tokens),
        documents=section.documents,
        max_length=section.max_length,
        order=section.order,
        seed=section.seed,
    )
    return with_coverage(tokenizer, found)


def _found(section: DetectSection, text: TokenDocuments, subject: Subject) -> NeuronSet:
    ways: dict[str, Callable[..., NeuronSet]] = {"lape": _lape, "plnd": _plnd}
    found = ways[section.method](subject, text, seed=section.seed, **section.options)
    if not len(found):
        raise StudyError("detection found no neurons at all; give more text under corpora, or looser options")
    return found


def _lape(subject: Subject, text: TokenDocuments, *, seed: int, batch_size: int = 8, **rates: float) -> NeuronSet:
    from lnbench.detection import collect_sites, lape_from_statistics

    how = {"batch_size": batch_size, "seed": seed, "runner": subject.runner}
    measured = collect_sites(subject.model, text, sites=["ffn.act"], **how)  # type: ignore[arg-type]
    return lape_from_statistics(measured.of_model(subject.name, subject.revision), **rates)


def _plnd(subject: Subject, text: TokenDocuments, *, seed: int, **rule: Any) -> NeuronSet:
    from lnbench.detection import detect_plnd

    if subject.runner is not None:
        return _plnd_elsewhere(subject, text, **rule)
    return detect_plnd(subject.model, text, model_id=subject.name, revision=subject.revision, **rule)


def _plnd_elsewhere(
    subject: Subject, text: TokenDocuments, *, sites: Any = ("ffn.hidden",), form: str = "output",
    chunk: int | None = None, **rule: Any,
) -> NeuronSet:  # fmt: skip
    """The same from scores that workers send, which are kept on disk meanwhile."""
    from lnbench.detection import ShardStore, collect_impacts, impacts_key, plnd_select
    from lnbench.detection.plnd import Settings, plnd_sites

    settings = Settings(plnd_sites(sites), form, chunk)
    key = impacts_key(subject.model, text, settings)
    with tempfile.TemporaryDirectory(prefix="lnbench-detect-") as folder:
        store = ShardStore(Path(folder), {**key, "name": subject.name, "revision": subject.revision})
        return plnd_select(collect_impacts(subject.model, text, store, chunk=chunk, runner=subject.runner), **rule)


def revision_of(lm: Any) -> str | None:
    """The commit of a model on the hub; None for a local one."""
    from lnbench.models import commit_of

    return commit_of(str(lm.pretrained), lm.revision, lm.config) if isinstance(lm.pretrained, str) else None
