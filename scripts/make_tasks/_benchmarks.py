"""The files of the tasks on published data sets and on text of one's own: a comprehension over the language table."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lnbench.languages import LANGUAGES, Language, languages_of
from scripts.make_tasks._parts import HEADER, METADATA, group


@dataclass(frozen=True)
class Form:
    """How a data set is asked in every one of its languages."""

    name: str
    """The middle of the tasks' names: ``mgsm_direct``."""
    folder: str
    """Below ``tasks/``; holds ``_{name}.inc``, too."""
    dataset: str | None
    """The field of the language table that says which languages there are; None: every row."""
    metrics: tuple[str, ...]
    """What the group averages."""
    until: tuple[str, ...] = ()
    """Where generation ends; ``{question}`` and the like stand for labels of the language."""
    tokens: int = 0
    """Most tokens of an answer."""
    passage: int = 0
    """Most characters of a passage; half of it in languages that write no spaces, where ``dense`` is set."""
    dense: bool = False
    tagged: bool = False
    """Whether the tag of the language includes it."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """The rows of the languages that it has, in the table's order."""
        return languages_of(self.dataset) if self.dataset else tuple(LANGUAGES.values())


_FIDELITY = ("fidelity", "fidelity_line", "fidelity_script", "fidelity_coverage", "empty")

FORMS = (
    Form("mgsm", "mgsm", "mgsm", ("exact_match", "answered", *_FIDELITY), ("{question}",), 512, tagged=True),
    Form("mgsm_direct", "mgsm", "mgsm", ("exact_match", "answered"), ("\n", "{question}"), 32),
    Form(
        *("xquad", "xquad", "xquad"),
        ("exact_match", "f1", "squad_em", "squad_f1", *_FIDELITY),
        ("\n", "{question}"),
        tokens=64,
        passage=4000,
        tagged=True,
    ),
    Form("xcsqa", "xcsqa", "xcsqa", ("acc", "acc_norm", "tied"), tagged=True),
    Form("xcsqa_letters", "xcsqa", "xcsqa", ("acc", "acc_norm", "tied")),
    Form(
        *("xlsum", "xlsum", "xlsum"),
        ("rouge1", "rouge2", "rougeL", "chrf", *_FIDELITY),
        ("\n\n", "{question}", "\n{text}"),
        tokens=256,
        passage=3000,
        dense=True,
        tagged=True,
    ),
    Form("open", "open", "confusion", _FIDELITY, ("{question}",), 256),
    Form("ppl", "ppl", None, ("bits_per_byte",)),
    Form("packed", "packed", None, ("nats_per_token", "bits_per_byte")),
)


def files() -> dict[str, str]:
    """Path below ``tasks/`` -> content."""
    made: dict[str, str] = {}
    for form in FORMS:
        rows = {f"lnbench_{form.name}_{row.slug}": row for row in form.languages}
        made |= {f"{form.folder}/{name}.yaml": _task(form, name, row) for name, row in rows.items()}
        name = f"lnbench_{form.name}"
        made[f"{form.folder}/{name}.yaml"] = group(name, list(rows), form.metrics)
    return made


def _task(form: Form, name: str, row: Language) -> str:
    return (
        f"{HEADER}include: _{form.name}.inc\n"
        f"task: {name}\n"
        f"{f'tag: lnbench_{row.slug}' + chr(10) if form.tagged else ''}"
        f"dataset_kwargs: {_arguments(form, row)}\n"
        f"{_generation(form, row)}"
        f"{METADATA}"
    )


def _arguments(form: Form, row: Language) -> str:
    given: dict[str, str | int] = {"lnbench_lang": row.code}
    if form.name not in ("ppl", "packed"):
        given = {"lnbench_form": form.name, **given}
    if form.passage:
        given["lnbench_passage"] = form.passage // 2 if form.dense and not row.spaced else form.passage
    return "{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in given.items()) + "}"


def _generation(form: Form, row: Language) -> str:
    """Greedy and bounded; it ends where the next document would begin. JSON is YAML, also for quoted line breaks."""
    if not form.tokens:
        return ""
    labels = {field: (getattr(row, field) or "").strip() for field in ("question", "text")}
    until = json.dumps([one.format(**labels) for one in form.until], ensure_ascii=False)
    return f"generation_kwargs: {{until: {until}, max_gen_toks: {form.tokens}, do_sample: false}}\n"
