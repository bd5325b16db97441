"""Neuron-specific tuning as an experiment of a report: which model, on which text, measured on which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lnbench._write import make_folder
from lnbench.analysis._section import Section, ShownTable
from lnbench.analysis.paper import _published
from lnbench.analysis.paper._markdown import plain
from lnbench.analysis.paper._neurons import loaded, neurons_of
from lnbench.analysis.paper._setting import Setting
from lnbench.analysis.paper._study import results_of
from lnbench.analysis.paper._tuned import tasks_table
from lnbench.detection import Corpus
from lnbench.errors import DataError, LnbenchError
from lnbench.neurons import NeuronSet

if TYPE_CHECKING:
    from lnbench.analysis.tuning import TuningResult

#: Documents of each language that is measured, where no limit is set.
_MEASURED = 100


def tuning(setting: Setting) -> Section:
    """Section 4.4 of PLND: only a language's neurons are trained."""
    from lnbench.analysis.tuning import tuning_section

    code, own = setting.tune or list(setting.corpora)[-1], _on_one_device(_tuned_setting(setting))
    neurons, file = neurons_of(own, "plnd")
    out = own.work / f"tuning-{own.key(code, own.tuned_on, own.tuning_seeds, neurons.content_hash, own.held_out_key())}"
    make_folder(out)
    section = tuning_section(_tuned(own, code, neurons, out), note=_note(own, setting))
    after, told = _tasks_after(own, code, out, file)
    tables = [*section.tables, *after, _published.tuning_gains()]
    return replace(section, text="\n\n".join(filter(None, [section.text, told])), tables=tables)


def _tuned(setting: Setting, code: str, neurons: NeuronSet, out: Path) -> TuningResult:
    from lnbench.analysis.tuning import Experiment, held_out, tune

    model, tokenizer = loaded(setting)
    text, measured = _texts(setting, code)
    texts = held_out(tokenizer, measured, documents=setting.limit or _MEASURED, max_length=512)
    sizes, seeds = tuple(setting.tuned_on), setting.tuning_seeds
    return tune(model, tokenizer, Experiment(neurons, code, text, texts, out, sizes, seeds=seeds, model=setting.model))


def _tasks_after(setting: Setting, code: str, deltas: Path, neurons: str) -> tuple[list[ShownTable], str]:
    """The tasks under the deltas of the largest number of documents, or why they could not be run."""
    preset = {
        "name": "plnd-tuning",
        "deltas": str(deltas.resolve()),
        "tuned": [code],
        "documents": [max(setting.tuned_on)],
        "seeds": len(setting.tuning_seeds),
    }
    try:
        return [tasks_table(results_of(setting, "tuned", neurons, tasks=list(setting.tasks), preset=preset), code)], ""
    except LnbenchError as error:
        return [], f"The tasks after tuning were not run: {plain(str(error))}."


def _tuned_setting(setting: Setting) -> Setting:
    if setting.tune_model is None:
        return setting
    return replace(setting, model=setting.tune_model, mask=None)


def _on_one_device(setting: Setting) -> Setting:
    """Training does not spread a model over devices."""
    import torch

    if setting.load.get("device", "auto") != "auto":
        return setting
    return replace(setting, load={**setting.load, "device": "cuda" if torch.cuda.is_available() else "cpu"})


def _texts(setting: Setting, code: str) -> tuple[Corpus, list[Corpus]]:
    """What is trained on, and what is measured on: where none is named, the end of the same text and the others' texts.

    Raises:
        DataError: there is not enough text for both.
    """
    from lnbench.analysis.tuning import split

    corpora = {
        one: Corpus.parse(f"{one}={source}", setting.document, setting.text_field)
        for one, source in setting.corpora.items()
    }
    if setting.held_out:
        return corpora[code], [Corpus.parse(f"{one}={source}") for one, source in setting.held_out.items()]
    if corpora[code].source.startswith("datasets:"):
        raise DataError(f"{corpora[code].source!r} may have no end to measure on; name other text with --held-out")
    text, end = split(corpora[code], max(setting.tuned_on))
    others = [corpus for one, corpus in corpora.items() if one != code and not corpus.source.startswith("datasets:")]
    return text, [end, *others]


def _note(own: Setting, setting: Setting) -> str:
    if own.model == setting.model:
        return ""
    told = f"Tuned is `{own.model}`, and not `{setting.model}`."
    planted = "A checkpoint of the embedded model's recipe is a planted positive control as well, and no evidence."
    return f"{told} {planted}" if setting.is_demo else told
