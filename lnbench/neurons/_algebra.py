"""Sets from sets. Each result says in its header's history how it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import NeuronSetError, SpecError
from lnbench.neurons._header import Header
from lnbench.neurons._rows import Rows
from lnbench.neurons._sites import SITES, expand_sites

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet


def select(
    neurons: NeuronSet,
    languages: str | Iterable[str] | None = None,
    sites: str | Iterable[str] | None = None,
    layers: int | Iterable[int] | None = None,
) -> NeuronSet:
    """The rows of some languages, sites (short names too) and layers; None keeps all.

    Languages keep their order. Scores, statistics and frequencies go along.

    Raises:
        UnknownLanguageError: the set has no such language.
        SpecError: there is no such site or layer, or the set has rows but none at these sites.
    """
    chosen = neurons.languages if languages is None else _names(languages)
    wanted = sorted({neurons.language_id(label) for label in chosen})
    keep = np.isin(neurons.rows().language_id, wanted)
    notes = [] if languages is None else [f"languages {'+'.join(neurons.languages[i] for i in wanted)}"]
    if sites is not None:
        keep &= np.isin(neurons.rows().site_id, _site_ids(neurons, expand_sites(sites)))
        notes.append(f"sites {'+'.join(expand_sites(sites))}")
    if layers is not None:
        numbers = sorted({layers} if isinstance(layers, int) else set(layers))
        keep &= np.any([neurons.mask(layer=layer) for layer in numbers] or [np.zeros(len(neurons), bool)], axis=0)
        notes.append(f"layers {'+'.join(map(str, numbers))}")
    kept = [neurons.languages[i] for i in wanted]
    return subset(neurons, keep, kept, f"selected {', '.join(notes) or 'everything'} from {short(neurons)}")


def subset(neurons: NeuronSet, keep: npt.NDArray[Any], languages: Sequence[str], note: str) -> NeuronSet:
    """Some rows of a set, under some of its languages, with what is measured on them and a line of history."""
    rows = neurons.rows().take(keep)
    places = np.array([languages.index(label) if label in languages else -1 for label in neurons.languages] or [0])
    return type(neurons)(
        rows.replace(language_id=places[rows.language_id]),
        languages,
        neurons.sites,
        layers=neurons.layers,
        header=neurons.header.noted(note),
        scores=None if neurons.scores is None else neurons.scores[keep],
        statistic_languages=neurons.statistic_languages,
        statistics={kind: table[keep] for kind, table in neurons.statistics.items()},
        frequency=neurons.frequency,
    )


def with_header(neurons: NeuronSet, header: Header) -> NeuronSet:
    """The same set under another header.

    Raises:
        NeuronSetError: the header's architecture lacks some of the neurons.
    """
    return type(neurons)(
        neurons.rows(),
        neurons.languages,
        neurons.sites,
        layers=neurons.layers,
        header=header,
        scores=neurons.scores,
        statistic_languages=neurons.statistic_languages,
        statistics=neurons.statistics,
        frequency=neurons.frequency,
    )


def without(neurons: NeuronSet, other: NeuronSet | str | Iterable[str]) -> NeuronSet:
    """The rows whose (site, layer, index) belongs to none of some languages, or to no row of another set.

    Every label keeps its place, also the languages taken out, which have no neurons left.

    Raises:
        UnknownLanguageError: the set has no such language.
    """
    if isinstance(other, (str, Iterable)) and not isinstance(other, type(neurons)):
        labels = _names(other)
        other, note = neurons.select(languages=labels), f"without the neurons of {'+'.join(labels)}"
    else:
        note = f"without the neurons of {short(other)}"
    keep = ~np.isin(places(neurons), places(other))
    return subset(neurons, keep, neurons.languages, f"{short(neurons)} {note}")


def union(a: NeuronSet, b: NeuronSet) -> NeuronSet:
    """The rows of both sets; the languages of `a` come first, then the new ones of `b`.

    Scores are kept where both sets have them, made by the same method (a row in both keeps the score of `a`).
    Statistics and frequencies are kept where both sets measured them on the same languages. What is lost is said
    in the history.

    Raises:
        NeuronSetError: the sets were made for different models, revisions or architectures.
    """
    same_model(a, b)
    languages = (*a.languages, *(label for label in b.languages if label not in a.languages))
    ours, theirs = named_rows(a, languages), named_rows(b, languages)
    both = Rows(*(np.concatenate(pair) for pair in zip(ours.columns, theirs.columns, strict=True)))
    first = _first_of_each(both)
    merged, lost = _merge_measures(a, b, first)
    notes = [f"union of {short(a)} and {short(b)}", *lost]
    return type(a)(
        both.take(first), languages, SITES, layers=max(a.layers, b.layers), header=_merge_headers(a, b, notes), **merged
    )


def _first_of_each(rows: Rows) -> npt.NDArray[Any]:
    """Positions of the distinct rows, the first of equal ones."""
    table = np.stack([column.astype(np.int64) for column in rows.columns], axis=1)
    return np.unique(table, axis=0, return_index=True)[1]


def _global(rows: Rows, sites: Sequence[str]) -> Rows:
    """Rows whose site ids point into `SITES`."""
    return rows.replace(site_id=np.array([SITES.index(site) for site in sites] or [0])[rows.site_id])


def named_rows(neurons: NeuronSet, languages: Sequence[str]) -> Rows:
    """Rows whose language ids point into `languages` and whose site ids point into `SITES`."""
    ids = np.array([languages.index(label) for label in neurons.languages] or [0])
    rows = _global(neurons.rows(), neurons.sites)
    return rows.replace(language_id=ids[rows.language_id])


def places(neurons: NeuronSet) -> npt.NDArray[np.int64]:
    """One number per row that stands for its (site, layer, index)."""
    rows = _global(neurons.rows(), neurons.sites)
    return (rows.site_id.astype(np.int64) << 48) | (rows.layer.astype(np.int64) << 31) | rows.index


def _merge_measures(a: NeuronSet, b: NeuronSet, first: npt.NDArray[Any]) -> tuple[dict[str, Any], list[str]]:
    scores, lost = _merge_scores(a, b, first)
    if not (a.statistic_languages or b.statistic_languages):
        return scores, lost
    if a.statistic_languages != b.statistic_languages:
        seen = [f"({', '.join(s.statistic_languages) or 'none'})" for s in (a, b)]
        return scores, [*lost, f"statistics dropped: measured on different languages, {seen[0]} and {seen[1]}"]
    kinds = [kind for kind in a.statistics if kind in b.statistics]
    differ = [s for s in a.frequency if s in b.frequency and not np.array_equal(a.frequency[s], b.frequency[s])]
    gone = sorted((set(a.statistics) | set(b.statistics)) - set(kinds)) + [f"frequency of {site}" for site in differ]
    merged = {
        "statistic_languages": a.statistic_languages,
        "statistics": {k: np.concatenate([a.statistics[k], b.statistics[k]])[first] for k in kinds},
        "frequency": {site: table for site, table in {**b.frequency, **a.frequency}.items() if site not in differ},
    }
    return scores | merged, [*lost, *([f"dropped, not the same in both: {', '.join(gone)}"] if gone else [])]


def _merge_scores(a: NeuronSet, b: NeuronSet, first: npt.NDArray[Any]) -> tuple[dict[str, Any], list[str]]:
    if a.scores is not None and b.scores is not None and _same_method(a.header, b.header):
        return {"scores": np.concatenate([a.scores, b.scores])[first]}, []
    if a.scores is not None or b.scores is not None:
        return {}, ["scores dropped: they are not comparable"]
    return {}, []


def _same_method(a: Header, b: Header) -> bool:
    return (a.method, _of_method(a)) == (b.method, _of_method(b))


def _joined_parameters(ours: Header, theirs: Header) -> Mapping[str, Any]:
    return ours.parameters if ours.parameters == theirs.parameters else _of_method(ours)


def _of_method(header: Header) -> dict[str, Any]:
    """The parameters, but for where added statistics come from, which chose no neuron."""
    return {name: value for name, value in header.parameters.items() if name != "statistics"}


def _merge_headers(a: NeuronSet, b: NeuronSet, notes: list[str]) -> Header:
    """What both headers agree on; what only one knows about the model; both histories, then the notes."""
    ours, theirs = a.header, b.header
    same = _same_method(ours, theirs)
    return Header(
        model=ours.model or theirs.model,
        revision=ours.revision or theirs.revision,
        architecture=ours.architecture or theirs.architecture,
        method=ours.method if same else "union",
        parameters=_joined_parameters(ours, theirs) if same else {},
        corpus=ours.corpus if ours.corpus == theirs.corpus else None,
        history=(*dict.fromkeys([*ours.history, *theirs.history]), *notes),
    )


def same_model(a: NeuronSet, b: NeuronSet) -> None:
    for what in ("model", "revision", "architecture"):
        ours, theirs = getattr(a.header, what), getattr(b.header, what)
        if ours is not None and theirs is not None and ours != theirs:
            named = [x.fingerprint if what == "architecture" else x for x in (ours, theirs)]
            raise NeuronSetError(
                f"{short(a)} and {short(b)} cannot be joined: {what} {named[0]} is not {named[1]}; "
                "join sets of one model"
            )
    known = [(x.header.architecture.layers if x.header.architecture else 0, x.layers) for x in (a, b)]
    if any(most and least > most for (most, _), (_, least) in (known, known[::-1])):
        raise NeuronSetError(
            f"{short(a)} and {short(b)} cannot be joined: one is of a model of {max(most for most, _ in known)} "
            f"layers, and the other counts {max(least for _, least in known)}; join sets of one model"
        )


def _names(labels: NeuronSet | str | Iterable[str]) -> list[str]:
    return [labels] if isinstance(labels, str) else list(labels)  # type: ignore[arg-type]


def short(neurons: NeuronSet) -> str:
    labels = "+".join(neurons.languages[:7]) + ("..." if len(neurons.languages) > 7 else "")
    return f"{labels}@{neurons.content_hash[:12]}"


def _site_ids(neurons: NeuronSet, sites: Sequence[str]) -> list[int]:
    found = [neurons.sites.index(site) for site in sites if site in neurons.sites]
    if not found and len(neurons):
        raise SpecError(f"this neuron set has no neurons at {', '.join(sites)}: it has {', '.join(neurons.sites)}")
    return found
