"""``lnbench neurons stats``: activation statistics for a set that has none, so that it can steer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnbench._write import check_writable
from lnbench.cli import _detect_options as options
from lnbench.cli import _neurons_options as neurons_options
from lnbench.errors import OutputError, SpecError

if TYPE_CHECKING:
    from lnbench.detection import CorpusStatistics
    from lnbench.neurons import NeuronSet

_Model = Annotated[str | None, typer.Option("--model", help="lnbench/demo, a folder or a name on the hub.")]
_Corpora = Annotated[
    list[str] | None,
    typer.Option(
        "--corpus",
        help="LANG=SOURCE, once a language: a text file, .jsonl, a folder, or datasets:NAME:CONFIG:SPLIT:FIELD.",
    ),
]
_Stats = Annotated[Path | None, typer.Option(help="Instead of a model and text: what --stats-out has written.")]
_StatsOut = Annotated[Path | None, typer.Option(help="Keep the statistics of all neurons in this .safetensors file.")]


@dataclass(frozen=True)
class _Pass:
    """How a pass over the text is made."""

    model: str
    revision: str | None
    dtype: str
    device: str
    batch_size: int
    sample: int
    resume_dir: Path | None


def stats(
    file: neurons_options.File,
    out: options.Out,
    model: _Model = None,
    corpus: _Corpora = None,
    stats: _Stats = None,
    stats_out: _StatsOut = None,
    replace: Annotated[bool, typer.Option("--replace", help="Measure anew what the set has.")] = False,
    languages: neurons_options.Languages = None,
    site: neurons_options.Site = None,
    tokens: options.Tokens = None,
    documents: options.DocumentCount = None,
    document: options.Document = "line",
    field: options.Field = "text",
    max_length: options.MaxLength = 512,
    order: options.Order = "sequential",
    seed: options.Seed = 0,
    unequal: options.Unequal = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Longest documents of a batch; short ones go more.")] = 8,
    sample: Annotated[int, typer.Option(min=0, help="Tokens of a language that are sampled for medians.")] = 1024,
    revision: options.Revision = None,
    dtype: options.Dtype = "auto",
    device: options.Device = "auto",
    resume_dir: options.ResumeDir = None,
) -> None:
    """Measure a set's neurons on text (mean, median, difference, frequency), for steering and matched controls.

    The neurons stay as they are. Which languages are measured is up to --corpus: set:mean:fr needs fr among them.
    """
    _check_source(model, corpus, stats)
    options.check_set_path(out, stats, stats_out, resume_dir)
    _check_stats_out(stats_out, stats)
    text = options.Text(corpus or [], document, field, tokens, documents, max_length, order, seed, unequal)
    text.parsed()
    neurons = neurons_options.Told(languages, site, model, revision).load(file)
    for each in text.parsed():
        each.check()
    _check_set(file, neurons, replace)
    if stats is not None:
        _finish(neurons, _read(stats), out)
        return
    assert model is not None
    _measure(neurons, text, _Pass(model, revision, dtype, device, batch_size, sample, resume_dir), out, stats_out)


def _check_source(model: str | None, corpus: list[str] | None, stats: Path | None) -> None:
    if stats is None and (model is None or not corpus):
        raise SpecError("there is nothing to measure with: give --model and --corpus LANG=SOURCE, or --stats FILE")
    if stats is not None and (model is not None or corpus):
        raise SpecError("--stats is measured already; leave --model and --corpus out, or --stats")


def _check_stats_out(stats_out: Path | None, stats: Path | None) -> None:
    if stats_out is None:
        return
    if stats is not None:
        raise SpecError("--stats-out keeps what a pass measures, and with --stats there is none; leave it out")
    check_writable(stats_out)
    if stats_out.suffix != ".safetensors":
        raise OutputError(f"statistics are a .safetensors file, not {str(stats_out)!r}; rename it")


def _check_set(file: str, neurons: NeuronSet, replace: bool) -> None:
    if not len(neurons):
        raise SpecError(f"the set {file!r} has no neurons to measure; name one that has")
    if neurons.statistic_languages and not replace:
        raise SpecError(
            f"the set {file!r} has statistics of {', '.join(neurons.statistic_languages)}; "
            "add --replace to measure them anew"
        )


def _read(stats: Path) -> CorpusStatistics:
    from lnbench.detection import CorpusStatistics

    return CorpusStatistics.load(stats)


def _measure(neurons: NeuronSet, text: options.Text, how: _Pass, out: Path, stats_out: Path | None) -> None:
    from lnbench.detection import collect_sites
    from lnbench.models import architecture_of, check_placement, load_tokenizer

    check_placement(how.dtype, how.device)
    loaded = options.Loaded.load(how.model, how.revision, how.dtype, how.device, text.max_length)
    neurons.check(architecture_of(loaded.model))
    read = text.read(load_tokenizer(how.model, revision=how.revision))
    settings: dict[str, Any] = {"batch_size": how.batch_size, "sample": how.sample, "seed": text.seed}
    key = {"what": "statistics", "sites": list(neurons.sites), **settings}
    store = options.store_beside(stats_out or out, how.resume_dir, loaded, read, **key)
    with options.bar("measuring", sum(read.tokens.values())) as done, options.memory_in_one_sentence(how.batch_size):
        measured = collect_sites(loaded.model, read, sites=neurons.sites, store=store, done=done, **settings).of_model(
            loaded.name, loaded.revision
        )
    if stats_out is not None:
        measured.save(stats_out)
    _finish(neurons, measured, out)
    store.clear()


def _finish(neurons: NeuronSet, measured: CorpusStatistics, out: Path) -> None:
    from lnbench.cli._neurons_show import show
    from lnbench.detection import with_statistics

    with_statistics(neurons, measured).save(out)
    show(str(out), as_json=False)
