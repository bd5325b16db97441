"""From documents of several languages to a neuron set, in one pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lnbench._faults import is_out_of_memory
from lnbench.detection._shards import Done, Here, Measured, Runner, Shard, Tensors, every, fill, places_of, shard_at
from lnbench.detection.plnd._impacts import REASONS, SHARD, StoredImpacts, forget_failed, shapes_of, shard_of
from lnbench.detection.plnd._meter import Ids, Meter, metered
from lnbench.detection.plnd._rule import Amount, Rule
from lnbench.detection.plnd._select import Tally, as_set, check_removal
from lnbench.detection.plnd._settings import Settings, plnd_sites
from lnbench.errors import DataError
from lnbench.models import architecture_of
from lnbench.neurons import NeuronSet

if TYPE_CHECKING:
    from lnbench.detection._store import ShardStore
    from lnbench.detection.corpora import TokenDocuments

_log = logging.getLogger(__name__)
#: Tokens of a forward pass, padding included; a longer document goes alone.
BATCH_TOKENS = 2048
Outcome = dict[str, torch.Tensor] | int


def _quiet(language: str, tokens: int, resumed: bool) -> None:
    pass


def detect_plnd(
    model: nn.Module,
    documents: TokenDocuments | Mapping[str, Iterable[Ids]],
    *,
    sites: str | Iterable[str] = ("ffn.hidden",),
    form: str = "output",
    top_k: Amount | None = None,
    top_rate: Amount | None = None,
    epsilon: Amount | None = None,
    consistency: float = 1.0,
    remove: str = "none",
    chunk: int | None = None,
    model_id: str | None = None,
    revision: str | None = None,
    corpus: Mapping[str, Any] | None = None,
    done: Done = _quiet,
) -> NeuronSet:
    """Score every document of every language and select; nothing is kept of a document but what selection needs.

    Documents that fail (too short, out of memory, scores that are not finite) are logged as a warning and counted in
    the header. To keep all scores and select from them again, see :func:`collect_impacts`.

    Args:
        model: a transformers causal language model.
        documents: for each language, documents of token ids (without padding).
        sites, form, chunk: see :func:`plnd_impact`. One form for all.
        top_k, top_rate, epsilon, consistency, remove: see :func:`plnd_select`.
        model_id, revision, corpus: for the header.
        done: called with language, tokens and False after each document, for a progress bar.

    Raises:
        SpecError: an impossible setting or rule.
        DataError: a language has no document with scores.
        UnsupportedArchitectureError: see :func:`plnd_impact`.
    """
    settings, languages = Settings(plnd_sites(sites), form, chunk), tuple(documents)
    keys: dict[str, Any] = {"top_k": top_k, "top_rate": top_rate, "epsilon": epsilon}
    rule = Rule.of(shapes_of(model, settings.sites), form, **keys, consistency=consistency, remove=remove)
    check_removal(remove, languages)
    with metered(model, settings) as meter:
        tallies = {language: _tally(meter, language, documents[language], rule, done) for language in languages}
    about = {"model": model_id, "revision": revision, "architecture": architecture_of(model)}
    report = getattr(documents, "report", None) if corpus is None else dict(corpus)
    return as_set(tallies, rule, form, about | {"corpus": report})


def collect_impacts(
    model: nn.Module,
    documents: TokenDocuments,
    store: ShardStore,
    *,
    chunk: int | None = None,
    runner: Runner | None = None,
    done: Done = _quiet,
) -> StoredImpacts:
    """Score every document and keep the scores, in shards of 16 documents; those that are there are not made again.

    Except where memory ran out or scores were not finite: that may have passed.

    Disk: 4 bytes for each document and neuron of the sites (a 7B model's ``ffn.hidden``: 1.4 MB a document).

    Args:
        model: a transformers causal language model.
        documents: token ids by language.
        store: where the scores go; its key has what :func:`impacts_key` gives.
        chunk: see :func:`plnd_impact`.
        runner: where shards are scored, as a :class:`RayRunner`; this process when left out.
        done: called with language, tokens and whether they were there already, after each document, or each shard that
            was there or that another process has scored.

    Raises:
        OutputError: a shard cannot be written.
        UnsupportedArchitectureError: see :func:`plnd_impact`.
    """
    shapes = store.key["shapes"]
    settings = Settings(plnd_sites(shapes), store.key["form"], chunk)
    measure = ImpactMeasure(settings, tuple((site, tuple(shape)) for site, shape in shapes.items()))
    places = list(places_of(documents, every(SHARD)))
    forget_failed(store, places)
    fill(store, places, runner or Here(model), measure, partial(shard_at, documents), done)
    found = StoredImpacts(store)
    for language in found.languages:
        _warn(language, len(documents[language]), found.failed(language))
    return found


@dataclass(frozen=True)
class ImpactMeasure:
    """Each document's scores, with shapes by site as a store's key has them."""

    settings: Settings
    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[Measured]:
        """Meter the model for the length of a block."""
        with metered(model, self.settings) as meter:
            yield partial(self._measured, meter)

    def _measured(self, meter: Meter, shard: Shard, told: Callable[[int], None]) -> Tensors:
        outcomes = _outcomes(meter, shard.language, shard.documents[:], lambda _, tokens, __: told(tokens))
        return shard_of(outcomes, dict(self.shapes))


def _tally(meter: Meter, language: str, documents: Iterable[Ids], rule: Rule, done: Done) -> Tally:
    tally, rest = Tally(), iter(documents)
    while shard := list(islice(rest, SHARD)):
        outcomes = _outcomes(meter, language, shard, done)
        good = [outcome for outcome in outcomes if not isinstance(outcome, int)]
        for code in (outcome for outcome in outcomes if isinstance(outcome, int)):
            tally.failed[REASONS[code]] = tally.failed.get(REASONS[code], 0) + 1
        if good:
            tally.add({site: torch.stack([scores[site] for scores in good]) for site in good[0]}, rule)
    _warn(language, tally.documents + sum(tally.failed.values()), tally.failed)
    return tally


def _outcomes(meter: Meter, language: str, shard: Sequence[Ids], done: Done) -> list[Outcome]:
    """Each document's scores, or the number of the reason why it has none."""
    outcomes: list[Outcome] = [REASONS.index("too short")] * len(shard)
    for batch in _batches([len(ids) for ids in shard]):
        found = _measured(meter, [shard[at] for at in batch])
        for at, outcome in zip(batch, found, strict=True):
            outcomes[at] = outcome
            done(language, len(shard[at]) - 1, False)
    return outcomes


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Documents of two tokens or more, by length, as many at a time as fit :data:`BATCH_TOKENS` with padding."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lengths.__getitem__):
        if lengths[at] < 2:
            continue
        if batch and lengths[at] * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def _measured(meter: Meter, batch: Sequence[Ids]) -> list[Outcome]:
    """The outcomes of a batch; when it fails, of each document alone."""
    try:
        return list(meter.measure_all(batch))
    except (DataError, RuntimeError, MemoryError) as error:  # running out of memory is a RuntimeError of PyTorch
        reason = _reason(error)
    if len(batch) == 1:
        return [REASONS.index(reason)]
    return [outcome for ids in batch for outcome in _measured(meter, [ids])]


def _reason(error: Exception) -> str:
    """Why a document has no scores; an error that is none of the known ones goes on."""
    if isinstance(error, DataError):
        return "not finite"
    if is_out_of_memory(error):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return "out of memory"
    raise error


def _warn(language: str, documents: int, failed: Mapping[str, int]) -> None:
    if failed:
        why = ", ".join(f"{count} {reason}" for reason, count in failed.items())
        _log.warning("%d of %d documents of %r have no scores: %s", sum(failed.values()), documents, language, why)
