"""``lnbench detect``: find the neurons of languages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lnbench._write import check_writable
from lnbench.cli import _detect_executor as place
from lnbench.cli import _detect_options as options
from lnbench.cli._detect_ap import ap
from lnbench.cli._detect_compare import compare
from lnbench.cli._detect_corpus import corpus
from lnbench.cli._detect_plnd import plnd
from lnbench.cli._detect_score import score
from lnbench.errors import OutputError, SpecError

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

_TopRate = Annotated[float, typer.Option(help="Share of all neurons that is kept.")]
_FilterRate = Annotated[float, typer.Option(help="Only neurons with a probability above this quantile may be kept.")]
_BarRate = Annotated[float, typer.Option(help="A kept neuron is a language's when above this quantile on its text.")]


@app.callback()
def detect() -> None:
    """Find the neurons of languages, compare what was found, and hold it against planted truth."""


def lape(
    model: options.Model,
    corpus: options.Corpora,
    out: options.Out,
    stats_out: Annotated[Path | None, typer.Option(help="Keep the statistics in this .safetensors file.")] = None,
    sites: Annotated[str, typer.Option(help="Sites to measure, ffn.act among them, joined by comma.")] = "ffn.act",
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
    top_rate: _TopRate = 0.01,
    filter_rate: _FilterRate = 0.95,
    bar_rate: _BarRate = 0.95,
    resume_dir: options.ResumeDir = None,
    executor: place.Executor = "local",
    address: place.Address = None,
    workers: place.Workers = None,
    threads: place.Threads = None,
    gpus: place.Gpus = None,
) -> None:
    """Measure how often neurons are active on each language's text, and select by the entropy of that (LAPE)."""
    from lnbench.detection import collect_sites, lape_from_statistics
    from lnbench.neurons import expand_sites

    text = options.Text(corpus, document, field, tokens, documents, max_length, order, seed, unequal)
    names, rates = expand_sites(sites.replace("+", ",").split(",")), _rates(top_rate, filter_rate, bar_rate)
    _check_lape(names, [each.language for each in text.parsed()], out, stats_out)
    options.check_set_path(out, resume_dir)
    where = place.Where(executor, address, workers, threads, gpus)
    where.check(dtype, device)
    settings: dict[str, Any] = {"sites": list(names), "batch_size": batch_size, "sample": sample, "seed": seed}
    with where.begun(text, model, revision, dtype, device) as (runner, read, loaded):
        store = options.store_beside(stats_out or out, resume_dir, loaded, read, what="statistics", **settings)
        with options.bar("measuring", sum(read.tokens.values())) as done, options.memory_in_one_sentence(batch_size):
            measured = collect_sites(loaded.model, read, **settings, store=store, runner=runner, done=done)
    measured = measured.of_model(loaded.name, loaded.revision)
    if stats_out is not None:
        measured.save(stats_out)
    options.save_set(out, lape_from_statistics(measured, **rates))
    store.clear()


def select(
    context: typer.Context,
    stats: Annotated[Path, typer.Option(help="What --stats-out has written.")],
    out: options.Out,
    method: Annotated[str, typer.Option(help="lape, ap, plnd, or a method that another package offers.")] = "lape",
) -> None:
    """Select again from what a pass has measured: seconds, and no model.

    The method's parameters follow as options: --top-rate 0.02 (lape: top-rate, filter-rate, bar-rate;
    ap: top-k, top-rate, which; plnd: top-k, top-rate, epsilon, consistency, remove).
    """
    from lnbench.detection import check_parameters, select_by

    parameters = options.parameters(context.args)
    check_parameters(method, parameters)
    options.check_set_path(out, stats)
    options.save_set(out, select_by(method, stats, parameters))


def _rates(top_rate: float, filter_rate: float, bar_rate: float) -> dict[str, float]:
    from lnbench.detection import check_rates

    rates = {"top_rate": top_rate, "filter_rate": filter_rate, "bar_rate": bar_rate}
    check_rates(rates)
    return rates


def _check_lape(sites: tuple[str, ...], languages: list[str], out: Path, stats_out: Path | None) -> None:
    """Refuse what could only fail after the pass."""
    if "ffn.act" not in sites:
        raise SpecError(f"LAPE is defined on ffn.act and --sites has {', '.join(sites)}; add ffn.act")
    if len(languages) < 2:
        raise SpecError(f"LAPE compares languages, and --corpus names only {', '.join(languages)}; give two or more")
    if stats_out is not None:
        check_writable(stats_out)
        if stats_out.suffix != ".safetensors" or stats_out == out:
            raise OutputError(f"statistics are a .safetensors file of their own, not {str(stats_out)!r}; rename it")


#: In the order of the help page: what finds neurons first.
app.command()(lape)
app.command()(plnd)
app.command()(ap)
app.command(context_settings=options.FREE)(select)
app.command()(compare)
app.command()(score)
app.command()(corpus)
