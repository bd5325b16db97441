"""Each paper's experiments, in the paper's order: what each is called, and how a setting becomes its section."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from lnbench.analysis._section import Section
from lnbench.analysis.paper import _published
from lnbench.analysis.paper._ablation import ablation_section
from lnbench.analysis.paper._neurons import loaded, neurons_of
from lnbench.analysis.paper._setting import Setting, check_keys
from lnbench.analysis.paper._study import results_of
from lnbench.analysis.paper._tuning import tuning
from lnbench.detection import Corpus
from lnbench.reporting.reading import Results

#: Steps of ablation by the number of neurons, as shares of a language's own.
_DOSES = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Experiment:
    """One section of a report.

    Attributes:
        key: names it on the command line.
        title: of its section where it could not be run.
        make: makes its section.
    """

    key: str
    title: str
    make: Callable[[Setting], Section]


def lens(setting: Setting) -> Section:
    """Figure 1 of PLND: the languages of the states, layer by layer."""
    from lnbench.analysis.lens import LensSettings, layer_lens, lens_section

    sources = setting.prompts or setting.corpora
    document = "line" if setting.prompts else setting.document
    corpora = [Corpus.parse(f"{code}={sources[code]}", document, setting.prompt_field) for code in sources]
    prompts = {one.language: list(islice(one.documents(), setting.limit or 50)) for one in corpora}
    model, tokenizer = loaded(setting)
    found = layer_lens(model, tokenizer, prompts, LensSettings(batch_size=setting.batch_size), name=setting.model)
    return lens_section([found])


def ablation(setting: Setting) -> Section:
    """Table 1 of PLND."""
    return ablation_section(_ablated(setting, "plnd"), [_published.table_1()])


def _ablated(setting: Setting, method: str) -> Results:
    conditions = {"original": {}, "random": {"control": "random", "seeds": setting.seeds}, "specific": {"op": "zero"}}
    file = neurons_of(setting, method)[1]
    return results_of(setting, "ablation", file, tasks=list(setting.tasks), conditions=conditions)


def counts(setting: Setting) -> Section:
    """How many neurons, where."""
    from lnbench.analysis.counts import counts_section

    neurons, _ = neurons_of(setting, "plnd")
    return counts_section(neurons, setting.model)


def lape_counts(setting: Setting) -> Section:
    """The same, with what the authors of LAPE released beside it."""
    from lnbench.analysis.counts import counts_section

    neurons, _ = neurons_of(setting, "lape")
    ours = {label: int(neurons.mask(language=label).sum()) for label in neurons.languages}
    found = counts_section(neurons, setting.model)
    published = [_published.lape_counts(setting.model, ours), _published.lape_layers()]
    return replace(found, tables=[*found.tables, *published])


def overlap(method: str) -> Callable[[Setting], Section]:
    """Neurons that languages share."""

    def make(setting: Setting) -> Section:
        from lnbench.analysis.counts import overlap_section

        return overlap_section((setting.model, neurons_of(setting, method)[0]))

    return make


def corpus(method: str) -> Callable[[Setting], Section]:
    """The text that the neurons were found on."""

    def make(setting: Setting) -> Section:
        from lnbench.analysis.counts import corpus_section

        return corpus_section(neurons_of(setting, method)[0])

    return make


def sweep(setting: Setting) -> Section:
    """Block sizes."""
    from lnbench.analysis.workflow import sweep_section

    return sweep_section(_swept(setting))


def _swept(setting: Setting) -> Results:
    neurons, file = neurons_of(setting, "plnd")
    first, last = _sizes(neurons.layers)
    preset = {"name": "plnd-sweep", "seeds": setting.seeds, "n1": first, "n2": last, "evaluate": ["ablated"]}
    return results_of(setting, "sweep", file, tasks=list(setting.tasks), preset=preset)


def _sizes(layers: int) -> tuple[list[int], list[int]]:
    """Sizes of the first and the last block to try: an eighth to three eighths of the layers, with some between."""
    tried = sorted({max(1, round(layers * part / 8)) for part in (1, 2, 3)} | ({1, 2} if layers < 16 else set()))
    first = [size for size in tried if size + tried[0] < layers]
    return first, [size for size in tried if size + first[-1] < layers][:2]


def blocks(setting: Setting) -> Section:
    """Tables 2 to 5 of PLND: understanding, solving and generation, structure by structure."""
    from lnbench.analysis.workflow import sweeps, workflow_section

    n1, n2 = setting.n1, setting.n2
    if n1 is None or n2 is None:
        pick = sweeps(_swept(setting))[0].pick
        n1, n2 = n1 or pick.n1, n2 or pick.n2
    file = neurons_of(setting, "plnd")[1]
    preset = {"name": "plnd-blocks", "n1": n1, "n2": n2, "seeds": setting.seeds, "evaluate": ["ablated"]}
    return workflow_section(results_of(setting, "blocks", file, tasks=list(setting.tasks), preset=preset))


def without_english(setting: Setting) -> Section:
    """All of a language's neurons, against those that are not English ones too."""
    from lnbench.analysis.workflow import without_english_section

    file = neurons_of(setting, "plnd")[1]
    asked = ["ablated", "en"]  # English keeps its neurons here, and is asked without those of each other language
    preset = {"name": "plnd-without-english", "seeds": setting.seeds, "evaluate": asked}
    return without_english_section(
        results_of(setting, "without-english", file, tasks=list(setting.tasks), preset=preset)
    )


def matrix(setting: Setting) -> Section:
    """LAPE's perplexity matrix."""
    from lnbench.analysis.text import matrix_section

    file = neurons_of(setting, "lape")[1]
    preset = {"name": "lape-matrix", "seeds": setting.seeds}
    return matrix_section(results_of(setting, "matrix", file, tasks=[setting.packed], preset=preset))


def dose(setting: Setting) -> Section:
    """More and more of a language's neurons off."""
    from lnbench.analysis.text import dose_section

    neurons, file = neurons_of(setting, "lape")
    most = min(int(neurons.mask(language=label).sum()) for label in setting.languages)
    top = sorted({round(most * share) for share in _DOSES} - {0})
    preset = {"name": "dose-response", "seeds": setting.seeds, "top": top}
    return dose_section(results_of(setting, "dose", file, tasks=[setting.packed], preset=preset))


def steering(setting: Setting) -> Section:
    """Asked in one language, answered in another."""
    from lnbench.analysis.text import steering_section

    file = neurons_of(setting, "lape")[1]
    preset = {"name": "lape-steering", "seeds": setting.seeds}
    tasks = [setting.asked, setting.packed]
    return steering_section(results_of(setting, "steering", file, tasks=tasks, preset=preset))


_PLND = (
    Experiment("lens", "Languages by layer", lens),
    Experiment("ablation", "Deactivating a language's neurons", ablation),
    Experiment("counts", "Neurons by layer and structure", counts),
    Experiment("overlap", "Neurons that languages share", overlap("plnd")),
    Experiment("sweep", "Block sizes", sweep),
    Experiment("workflow", "Layer blocks", blocks),
    Experiment("tuning", "Neuron-specific tuning", tuning),
    Experiment("without-english", "Without the neurons shared with English", without_english),
    Experiment("corpus", "Detection text", corpus("plnd")),
)
_LAPE = (
    Experiment("counts", "Neurons by layer", lape_counts),
    Experiment("matrix", "Perplexity matrix", matrix),
    Experiment("dose", "Dose and response", dose),
    Experiment("overlap", "Neurons that languages share", overlap("lape")),
    Experiment("steering", "Steering", steering),
    Experiment("corpus", "Detection text", corpus("lape")),
)


def experiments_of(paper: str, only: Any = None) -> Iterator[Experiment]:
    """A paper's experiments in its order.

    Args:
        paper: ``plnd`` or ``lape``.
        only: keys to choose; None for all.

    Raises:
        DataError: a key is unknown.
    """
    known = {"plnd": _PLND, "lape": _LAPE}[paper]
    wanted = [one.key for one in known] if only is None else list(only)
    check_keys(paper, wanted)
    return (one for one in known if one.key in wanted)
