"""What a report is made with: the model, its text, its tasks, and how much of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lnbench._data import DEMO_MODEL, packaged
from lnbench._near import hint
from lnbench._paths import at_home
from lnbench.errors import DataError
from lnbench.languages import DEMO_LANGUAGES

#: The two papers.
PAPERS = ("plnd", "lape")
#: The keys of each paper's experiments, in its order; known before any of them is loaded.
KEYS = {
    "plnd": ("lens", "ablation", "counts", "overlap", "sweep", "workflow", "tuning", "without-english", "corpus"),
    "lape": ("counts", "matrix", "dose", "overlap", "steering", "corpus"),
}


def check_keys(paper: str, only: Sequence[str]) -> None:
    """Refuse an experiment that a paper has not.

    Raises:
        DataError: a key is unknown.
    """
    strange = [key for key in only if key not in KEYS[paper]]
    if strange:
        meant = hint(strange[0], KEYS[paper])
        raise DataError(f"{paper} has no experiment {strange[0]!r}; {meant}choose among {', '.join(KEYS[paper])}")


@dataclass(frozen=True)
class Setting:
    """Everything that decides a report.

    Attributes:
        model: a name on the hub, a folder, or the embedded model.
        out: the folder of the report; what is unfinished goes on from its ``work/``.
        languages: evaluated, ablated and compared.
        corpora: language -> text to detect neurons on, as ``--corpus`` takes it.
        held_out: language -> text to measure tuning on.
        prompts: language -> what the lens reads; the corpora when empty.
        document, text_field: how corpora, held-out text and prompts are cut.
        prompt_field: the field of prompts that are JSON lines.
        tasks: datasets of the ablation tables.
        packed, asked: datasets of the perplexity matrix and of steering.
        mask: a neuron set; None to detect one.
        detect: options of the method that detects it.
        documents: of each language, that neurons are detected on.
        limit: documents of each task, prompts of each language for the lens and documents that tuning is measured on;
            None for all of a task, 50 prompts and 100 documents.
        seeds: draws of every random control; tuning is done with :attr:`tuning_seeds` of them.
        n1, n2: layers of the first and the last block; None to choose by the sweep.
        tune: the language that is tuned; None for the last that has text.
        tuned_on: numbers of documents to tune on.
        tune_model: a model with something left to learn, where the model itself has not.
        load: ``dtype``, ``device``, ``revision``.
        batch_size, threads: of evaluation.
        data_dir: folder of task data.
    """

    model: str
    out: Path
    languages: Sequence[str]
    corpora: Mapping[str, str]
    held_out: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    document: str = "line"
    text_field: str = "text"
    prompt_field: str = "text"
    tasks: Sequence[str] = ("mgsm", "xquad", "xcsqa", "xlsum")
    packed: str = "packed"
    asked: str = "open"
    mask: str | None = None
    detect: Mapping[str, Any] = field(default_factory=dict)
    documents: int | None = None
    limit: int | None = None
    seeds: int = 5
    n1: int | None = None
    n2: int | None = None
    tune: str | None = None
    tune_model: str | None = None
    tuned_on: Sequence[int] = (100, 200, 400, 800)
    load: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 8
    threads: int | None = None
    data_dir: str | None = None

    @property
    def tuning_seeds(self) -> tuple[int, ...]:
        """Seeds of tuning: three, as a model is trained for each; two where no more are asked for."""
        return tuple(range(min(self.seeds, 3)))

    @property
    def work(self) -> Path:
        """The folder of neuron sets, stores and deltas."""
        return self.out / "work"

    @property
    def is_demo(self) -> bool:
        """Whether the model is the embedded one."""
        return self.model == DEMO_MODEL

    def place(self) -> dict[str, Any]:
        """The keyword arguments of :func:`lnbench.models.load_model`."""
        return {name: value for name, value in self.load.items() if value is not None}

    def key(self, *parts: Any) -> str:
        """A short name for work that depends on the model, its text and ``parts``: other files have other names."""
        known = [
            self.model,
            _state(self.model),
            dict(self.load),
            {code: (source, _state(source)) for code, source in self.corpora.items()},
            self.documents,
            self.document,
            self.text_field,
            *parts,
        ]
        return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()[:10]

    def held_out_key(self) -> list[Any]:
        """What else decides the numbers of tuning."""
        return [self.limit, {code: (source, _state(source)) for code, source in self.held_out.items()}]

    def as_json(self) -> dict[str, Any]:
        """What a report's numbers were made with, plain JSON."""
        left_out = ("out", "corpora", "held_out", "prompts", "load", "detect")
        plain = {name.name: getattr(self, name.name) for name in fields(self) if name.name not in left_out}
        files = {name: dict(getattr(self, name)) for name in ("corpora", "held_out", "prompts")}
        if self.is_demo:  # they come with the package, wherever that is
            files = {name: {code: Path(source).name for code, source in files[name].items()} for name in files}
        return {**plain, **files, "load": self.place(), "detect": dict(self.detect)}


def _state(source: str) -> list[Any]:
    """Sizes and times of a file, or of those in a folder; nothing for what is no path."""
    path = at_home(source)
    files = [path] if path.is_file() else sorted(path.rglob("*")) if path.is_dir() else []
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]


#: What detects the embedded model's neurons, planted or not, in all structures.
_DEMO_DETECT: dict[str, dict[str, Any]] = {
    "plnd": {"sites": ["ffn.hidden", "attn.q", "attn.k", "attn.v", "attn.o"], "top_k": 20},
    "lape": {"top_rate": 0.05},
}
#: What is the same for every report on it.
_DEMO: dict[str, Any] = {
    "document": "blank-line",
    "prompt_field": "prompt",
    "tasks": ("demo_summ", "demo_mc", "demo_qa", "demo_arith"),
    "packed": "demo_packed",
    "asked": "demo_summ",
    "n1": 1,
    "n2": 1,
    "batch_size": 64,
    "threads": 1,
}


def demo_setting(
    paper: str, out: Path, *, limit: int | None = None, seeds: int = 5, languages: Sequence[str] | None = None
) -> Setting:
    """The embedded model with the text and the tasks that come with it.

    Args:
        paper: whose neurons are detected.
        out: the folder of the report.
        limit: documents a task; under 10 everything else is cut down too, for a trial.
        seeds: draws of every random control.
        languages: some of the model's; all when left out, two of them for a trial.
    """
    text = packaged("neuron_sets") / "demo" / "text"
    prompts = packaged("tasks") / "demo" / "data"
    small = limit is not None and limit < 10
    languages = languages or (DEMO_LANGUAGES[:2] if small else DEMO_LANGUAGES)
    return Setting(
        model=DEMO_MODEL,
        out=out,
        languages=languages,
        corpora={code: str(text / "detection" / f"{code}.txt") for code in languages},
        held_out={code: str(text / "validation" / f"{code}.jsonl") for code in languages},
        prompts={code: str(prompts / f"summ_{code}.jsonl") for code in languages},
        detect=_DEMO_DETECT[paper],
        documents=10 * (limit or 10) if small else 150,
        limit=limit,
        seeds=seeds,
        tuned_on=(20,) if small else (100, 400),
        load={"device": "cpu", "dtype": "float32"},
        **_DEMO,
    )
