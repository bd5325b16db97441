"""``lnbench detect plnd``: the neurons whose removal changes most on the documents of a language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnbench._near import hint
from lnbench.cli import _detect_executor as place
from lnbench.cli import _detect_options as options
from lnbench.errors import SpecError

if TYPE_CHECKING:
    from lnbench.detection.plnd import Settings

#: What `--form` calls the forms of `lnbench.detection.plnd_impact`.
_FORMS = {"exact-output": "output", "exact-weights": "weights", "fast": "fast", "reference": "reference"}
_AMOUNT = "a number, or one for each site as in ffn=20,attn=10"
#: Wider than any layer: for checks before the model is known.
_ANY_WIDTH = (1, 2**31 - 1)

_Form = Annotated[str, typer.Option(help=f"Form of the scores: {', '.join(_FORMS)}.")]
_TopK = Annotated[str | None, typer.Option(help=f"Neurons of each layer and document: {_AMOUNT}.")]
_TopRate = Annotated[str | None, typer.Option(help=f"The same as a share of the layer: {_AMOUNT}.")]
_Epsilon = Annotated[str | None, typer.Option(help=f"Instead, neurons with at least this score (exact): {_AMOUNT}.")]


def plnd(
    model: options.Model,
    corpus: options.Corpora,
    out: options.Out,
    stats_out: Annotated[Path | None, typer.Option(help="Keep the scores of all documents in this folder.")] = None,
    sites: Annotated[str, typer.Option(help="ffn.hidden, attn.q, attn.k, attn.v, attn.o, by comma.")] = "ffn.hidden",
    form: _Form = "exact-output",
    top_k: _TopK = None,
    top_rate: _TopRate = None,
    epsilon: _Epsilon = None,
    consistency: Annotated[float, typer.Option(help="Share of documents in which a neuron must count.")] = 1.0,
    remove: Annotated[str, typer.Option(help="Take away what is unspecific: none, english or shared.")] = "none",
    tokens: options.Tokens = None,
    documents: options.DocumentCount = None,
    document: options.Document = "line",
    field: options.Field = "text",
    max_length: options.MaxLength = 256,
    order: options.Order = "sequential",
    seed: options.Seed = 0,
    unequal: options.Unequal = False,
    chunk: Annotated[int | None, typer.Option(min=1, help="Values of one intermediate tensor, for q and k.")] = None,
    revision: options.Revision = None,
    dtype: options.Dtype = "auto",
    device: options.Device = "auto",
    resume_dir: options.ResumeDir = None,
    executor: place.Executor = "local",
    address: place.Address = None,
    workers: place.Workers = None,
    threads: place.Threads = None,
    gpus: place.Gpus = None,
) -> None:
    """Score every neuron by what removing it changes in each document, and select what stays strong (PLND)."""
    from lnbench.detection import collect_impacts, impacts_key, plnd_select

    text = options.Text(corpus, document, field, tokens, documents, max_length, order, seed, unequal)
    settings = _settings(sites, form, chunk)
    rule = _amounts(top_k=top_k, top_rate=top_rate, epsilon=epsilon) | {"consistency": consistency, "remove": remove}
    _check(settings, rule, dict.fromkeys(settings.sites, _ANY_WIDTH), tuple(each.language for each in text.parsed()))
    options.check_set_path(out, stats_out, resume_dir)
    where = place.Where(executor, address, workers, threads, gpus)
    where.check(dtype, device)
    with where.begun(text, model, revision, dtype, device) as (runner, read, loaded):
        key = impacts_key(loaded.model, read, settings)
        _check(settings, rule, key["shapes"], read.languages)
        store = options.store_beside(out, stats_out or resume_dir, loaded, read, **key, name=loaded.name)
        with options.bar("measuring", sum(read.tokens.values())) as advance:
            done = _counted(advance, {language: len(read[language]) for language in read}, shards=runner is not None)
            found = collect_impacts(loaded.model, read, store, chunk=chunk, runner=runner, done=done)
    options.save_set(out, plnd_select(found, **rule))
    if stats_out is None:
        store.clear()


def _settings(sites: str, form: str, chunk: int | None) -> Settings:
    from lnbench.detection.plnd import Settings, plnd_sites

    if form not in _FORMS:
        meant = hint(form, _FORMS)
        raise SpecError(f"unknown form {form!r} of PLND scores; {meant}choose one of {', '.join(_FORMS)}")
    return Settings(plnd_sites(sites.replace("+", ",").split(",")), _FORMS[form], chunk)


def _amounts(**given: str | None) -> dict[str, Any]:
    from lnbench.detection import parameter

    return {name: None if value is None else parameter(value) for name, value in given.items()}


def _check(
    settings: Settings, rule: Mapping[str, Any], shapes: Mapping[str, tuple[int, int]], languages: tuple[str, ...]
) -> None:
    """Refuse what could only fail after the pass."""
    from lnbench.detection.plnd import Rule, check_removal

    Rule.of(shapes, settings.form, **rule)
    check_removal(rule["remove"], languages)


def _counted(
    advance: Callable[[str, int, bool], None], documents: Mapping[str, int], *, shards: bool
) -> Callable[[str, int, bool], None]:
    """Show beside the language how many of its documents are done; an old shard counts as many as it holds.

    Args:
        advance: the bar.
        documents: of each language.
        shards: whether new ones too are told shard by shard.
    """
    from lnbench.detection.plnd import SHARD

    seen: Counter[str] = Counter()

    def done(language: str, tokens: int, resumed: bool) -> None:
        seen[language] = min(documents[language], seen[language] + (SHARD if resumed or shards else 1))
        advance(f"{language} {seen[language]}/{documents[language]} documents", tokens, resumed)

    return done
