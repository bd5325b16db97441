"""``lnbench detect ap``: neurons that tell documents of a language from all others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lnbench.cli import _detect_executor as place
from lnbench.cli import _detect_options as options
from lnbench.errors import SpecError


def ap(
    model: options.Model,
    corpus: options.Corpora,
    out: options.Out,
    stats_out: Annotated[Path | None, typer.Option(help="Keep the responses in this folder.")] = None,
    sites: Annotated[str, typer.Option(help="Sites to select from, joined by comma.")] = "ffn.act",
    tokens: options.Tokens = None,
    documents: options.DocumentCount = None,
    document: options.Document = "line",
    field: options.Field = "text",
    max_length: options.MaxLength = 512,
    order: options.Order = "sequential",
    seed: options.Seed = 0,
    unequal: options.Unequal = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Longest documents of a batch; short ones go more.")] = 8,
    revision: options.Revision = None,
    dtype: options.Dtype = "auto",
    device: options.Device = "auto",
    top_k: Annotated[int | None, typer.Option(help="Neurons of each language and end of the ranking.")] = None,
    top_rate: Annotated[float | None, typer.Option(help="The same as a share of all neurons (0.01).")] = None,
    which: Annotated[str, typer.Option(help="top (respond to the language), bottom (to all others) or both.")] = "both",
    resume_dir: options.ResumeDir = None,
    executor: place.Executor = "local",
    address: place.Address = None,
    workers: place.Workers = None,
    threads: place.Threads = None,
    gpus: place.Gpus = None,
) -> None:
    """Measure each neuron's mean response to every document, and select by average precision (AP, expert units)."""
    from lnbench.detection import ap_select, collect_responses, responses_key
    from lnbench.neurons import expand_sites

    text = options.Text(corpus, document, field, tokens, documents, max_length, order, seed, unequal)
    chosen = {"top_k": top_k, "top_rate": top_rate, "which": which}
    _check([each.language for each in text.parsed()], chosen)
    options.check_set_path(out, stats_out, resume_dir)
    where = place.Where(executor, address, workers, threads, gpus)
    where.check(dtype, device)
    names, most = expand_sites(sites.replace("+", ",").split(",")), batch_size * max_length
    with where.begun(text, model, revision, dtype, device) as (runner, read, loaded):
        _check_number(top_k, loaded.model, names)
        key = responses_key(loaded.model, read, names)
        store = options.store_beside(out, stats_out or resume_dir, loaded, read, **key, name=loaded.name)
        with options.bar("measuring", sum(read.tokens.values())) as done, options.memory_in_one_sentence(batch_size):
            found = collect_responses(loaded.model, read, store, batch_tokens=most, runner=runner, done=done)
    options.save_set(out, ap_select(found, **chosen))  # type: ignore[arg-type]
    if stats_out is None:
        store.clear()


def _check(languages: list[str], chosen: dict[str, int | float | str | None]) -> None:
    """Refuse what could only fail after the pass."""
    from lnbench.detection import check_ap

    if len(languages) < 2:
        raise SpecError(f"AP tells languages apart, and --corpus names only {', '.join(languages)}; give two or more")
    check_ap(**chosen)  # type: ignore[arg-type]


def _check_number(top_k: int | None, model: Any, sites: Sequence[str]) -> None:
    from lnbench.detection import check_ap_number
    from lnbench.models import architecture_of

    found = architecture_of(model)
    check_ap_number(top_k, sum(found.layers * found.widest(site) for site in sites))
