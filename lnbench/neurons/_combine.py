"""What several sets share, and what is one's own: by row, or by neuron. Each result says how it was made.

A *row* is (language, site, layer, index), a *neuron* (site, layer, index). Intersection and differences compare rows;
`exclusive` and `shared` ask of each neuron in which languages it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lnbench._near import hint
from lnbench.errors import NeuronSetError, SpecError
from lnbench.neurons._algebra import named_rows, places, same_model, short, subset, union
from lnbench.neurons._header import check_labels
from lnbench.neurons._rows import Rows

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet

#: What `top` can count by, beside the whole set.
GROUPS = ("language", "site", "layer")

Mask = npt.NDArray[np.bool_]


def intersection(a: NeuronSet, b: NeuronSet) -> NeuronSet:
    """The rows of `a` that `b` has too, under the languages that both name; what is measured is what `a` has of it.

    Raises:
        NeuronSetError: the sets were made for different models, or have no language in common.
    """
    same_model(a, b)
    common = [label for label in a.languages if label in b.languages]
    if not common and a.languages and b.languages:
        raise NeuronSetError(
            f"{short(a)} and {short(b)} have no language in common: give their languages the same labels, or ask which "
            "neurons they share with `lnbench detect compare`"
        )
    return subset(a, _in(a, b), common, f"intersection of {short(a)} and {short(b)}")


def difference(a: NeuronSet, b: NeuronSet) -> NeuronSet:
    """The rows of `a` that `b` lacks; every language of `a` keeps its place (`NeuronSet.without` compares neurons).

    Raises:
        NeuronSetError: the sets were made for different models.
    """
    same_model(a, b)
    return subset(a, ~_in(a, b), a.languages, f"{short(a)} less the rows of {short(b)}")


def symmetric_difference(a: NeuronSet, b: NeuronSet) -> NeuronSet:
    """The rows that only one of the two has; languages and what is measured as in `NeuronSet.union`.

    Raises:
        NeuronSetError: the sets were made for different models.
    """
    return union(difference(a, b), difference(b, a))


def exclusive(neurons: NeuronSet, languages: str | Iterable[str] | None = None) -> NeuronSet:
    """The neurons that belong to one language only, for some of the languages (None: for each).

    A neuron is taken out where any other language of the set has it, named here or not.

    Raises:
        UnknownLanguageError: the set has no such language.
    """
    wanted = _labels(neurons, languages)
    _, which, counts = np.unique(places(neurons), return_inverse=True, return_counts=True)
    keep = (counts == 1)[which.ravel()] & _of(neurons, wanted)
    return subset(neurons, keep, wanted, f"neurons of {'+'.join(wanted)} alone, of {short(neurons)}")


def shared(neurons: NeuronSet, languages: str | Iterable[str] | None = None, label: str | None = None) -> NeuronSet:
    """The neurons that all of some languages (None: of all) have.

    Args:
        neurons: the set.
        languages: two or more of its languages.
        label: left out, the neurons stay under each of the languages, with what is measured on them; else they come
            once, under this label alone, without scores, which differ between the languages.

    Raises:
        UnknownLanguageError: the set has no such language.
        SpecError: fewer than two languages.
    """
    wanted = _labels(neurons, languages)
    if len(wanted) < 2:
        raise SpecError(f"what languages share takes two or more of them, not {'+'.join(wanted) or 'none'}: name more")
    of_them = _of(neurons, wanted)
    found, counts = np.unique(places(neurons)[of_them], return_counts=True)
    keep = of_them & np.isin(places(neurons), found[counts == len(wanted)])
    note = f"neurons that {'+'.join(wanted)} share, of {short(neurons)}"
    made = subset(neurons, keep, wanted, note)
    return made if label is None else _under(made, label)


def _under(neurons: NeuronSet, label: str) -> NeuronSet:
    """The neurons of the first language under another label: a set in which every language has the same ones."""
    first = subset(neurons, neurons.rows().language_id == 0, neurons.languages[:1], f"called {label}")
    rows = first.rows()
    return type(neurons)(
        rows,
        check_labels([label]),
        first.sites,
        layers=first.layers,
        header=first.header if neurons.scores is None else first.header.noted("scores dropped: one per language"),
        statistic_languages=first.statistic_languages,
        statistics=first.statistics,
        frequency=first.frequency,
    )


def top(neurons: NeuronSet, k: int, per: str | Sequence[str] = "language") -> NeuronSet:
    """The `k` rows with the highest scores in each group; of equal scores the first by layer, site and index.

    Args:
        neurons: a set with scores.
        k: how many; a group that has fewer keeps all.
        per: what makes a group: ``language``, ``site``, ``layer``, several of them, or none (the whole set).

    Raises:
        SpecError: the set has no scores, `k` is no whole number from 1 on, or `per` is something else.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise SpecError(f"the number of neurons to keep is {k!r}: give a whole number from 1 on")
    names = [per] if isinstance(per, str) else list(per)
    if unknown := [name for name in names if name not in GROUPS]:
        raise SpecError(
            f"neurons cannot be counted per {unknown[0]!r}: {hint(unknown[0], GROUPS)}choose among {', '.join(GROUPS)}"
        )
    if neurons.scores is None:
        raise SpecError(f"{short(neurons)} has no scores to choose by: detect the set, or restrict it in another way")
    keep = _rank_in_group(neurons, names) < k
    of = f" of each {' and '.join(names)}" if names else ""
    return subset(neurons, keep, neurons.languages, f"{k} highest scores{of} in {short(neurons)}")


def _rank_in_group(neurons: NeuronSet, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """int [rows]: the place of each row in its group, from the highest score on."""
    rows = neurons.rows()
    assert neurons.scores is not None
    columns = {"language": rows.language_id, "site": rows.site_id, "layer": rows.layer}
    keys = [columns[name].astype(np.int64) for name in names] or [np.zeros(len(rows), np.int64)]
    _, group = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)
    group = group.ravel()
    order = np.lexsort((rows.language_id, rows.index, rows.site_id, rows.layer, -neurons.scores, group))
    starts = np.searchsorted(group[order], np.arange(int(group.max(initial=-1)) + 1))
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - starts[group[order]]
    return rank


def _labels(neurons: NeuronSet, languages: str | Iterable[str] | None) -> list[str]:
    given = [languages] if isinstance(languages, str) else neurons.languages if languages is None else list(languages)
    wanted = {neurons.language_id(label) for label in given}
    return [neurons.languages[i] for i in sorted(wanted)]


def _of(neurons: NeuronSet, languages: Sequence[str]) -> Mask:
    """bool [rows]: whether a row is of one of the languages."""
    kept: Mask = np.isin(neurons.rows().language_id, [neurons.language_id(label) for label in languages])
    return kept


def _in(a: NeuronSet, b: NeuronSet) -> Mask:
    """bool [rows of a]: whether `b` has the row."""
    languages = [*a.languages, *(label for label in b.languages if label not in a.languages)]
    mine, theirs = (_keys(named_rows(each, languages)) for each in (a, b))
    found: Mask = np.isin(mine, theirs)
    return found


def difference_of_rows(a: NeuronSet, b: NeuronSet) -> Mask:
    """bool [rows of a]: whether `b` lacks the row."""
    return ~_in(a, b)


def _keys(rows: Rows) -> npt.NDArray[np.void]:
    """One comparable value per row."""
    table = np.stack([column.astype(np.int64) for column in rows.columns], axis=1)
    return np.ascontiguousarray(table).view(np.dtype((np.void, table.itemsize * 4))).ravel()
