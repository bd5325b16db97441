"""The table of a neuron set: one row per (language, site, layer, index), kept as four parallel arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import NeuronSetError
from lnbench.neurons._architecture import MAX_LAYERS, MAX_WIDTH, short
from lnbench.neurons._sites import SITES

IntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rows:
    """Four integer arrays of equal length: the table of a neuron set.

    In a `NeuronSet` they are sorted by language, site, layer and index, and no row comes twice; ``language_id`` points
    into `NeuronSet.languages`, ``site_id`` into `NeuronSet.sites`.
    """

    language_id: IntArray
    site_id: IntArray
    layer: IntArray
    index: IntArray

    def __len__(self) -> int:
        return len(self.index)

    @property
    def columns(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """The four arrays."""
        return self.language_id, self.site_id, self.layer, self.index

    def take(self, which: npt.NDArray[Any]) -> Rows:
        """The rows that a mask or an index array names."""
        return Rows(*(column[which] for column in self.columns))

    def replace(self, **columns: IntArray) -> Rows:
        """The same rows with other columns."""
        return dataclasses.replace(self, **columns)


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only array with memory of its own, in C order."""
    copy = np.array(array, order="C", copy=True)
    copy.setflags(write=False)
    return copy


def integers(values: Any, what: str) -> npt.NDArray[np.int64]:
    """A flat int64 array from a list, set, range, array or tensor of whole numbers.

    Raises:
        NeuronSetError: something in it is not a whole number, or is negative or absurdly large.
    """
    try:
        array = np.asarray(sorted(values) if isinstance(values, (set, frozenset, range)) else values)
    except (TypeError, ValueError) as error:
        raise NeuronSetError(f"{what} must be a flat list of whole numbers, not {short(values)}") from error
    if array.size == 0 and array.ndim == 1:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise NeuronSetError(f"{what} must be a flat list of whole numbers, not {short(values)}")
    if (outside := (array < 0) | (array > MAX_WIDTH)).any():
        raise NeuronSetError(f"{what} holds {array[outside][0]}: an index counts from 0 to {MAX_WIDTH}")
    return array.astype(np.int64)


def sort_order(rows: Rows) -> IntArray:
    """The permutation that sorts the rows."""
    return np.lexsort((rows.index, rows.layer, rows.site_id, rows.language_id))


def site_order(rows: Rows, sites: Sequence[str]) -> Rows:
    """Rows whose site ids point into `SITES`, from rows whose ids point into `sites`."""
    for site in sites:
        if site not in SITES:
            raise NeuronSetError(f"unknown site {site!r}: the sites are {', '.join(SITES)}")
    if (bad := (rows.site_id < 0) | (rows.site_id >= len(sites))).any():
        raise NeuronSetError(f"a row has site_id {rows.site_id[bad][0]}, and the set lists {len(sites)} sites")
    places = np.array([SITES.index(site) for site in sites] or [0])
    return rows.replace(site_id=places[rows.site_id])


def check_ids(rows: Rows, languages: Sequence[str], sites: Sequence[str], layers: int) -> None:
    """Refuse ids that point past their lists, layers past the last one, and rows that come twice (sorted rows)."""
    limits = {"language_id": len(languages), "site_id": len(sites), "layer": layers, "index": MAX_WIDTH + 1}
    for name, limit in limits.items():
        column = getattr(rows, name)
        if (bad := (column < 0) | (column >= limit)).any():
            raise NeuronSetError(
                f"row {int(np.argmax(bad))} has {name} {column[bad][0]}, and the set counts 0 to {limit - 1}"
            )
    same = np.ones(max(len(rows) - 1, 0), bool)
    for column in rows.columns:
        same &= column[1:] == column[:-1]
    if same.any():
        raise NeuronSetError(f"{describe(rows, int(np.argmax(same)), languages, sites)} is listed twice: keep one")


def describe(rows: Rows, row: int, languages: Sequence[str], sites: Sequence[str]) -> str:
    """One row in words."""
    language, site = languages[int(rows.language_id[row])], sites[int(rows.site_id[row])]
    return f"neuron (language {language!r}, site {site!r}, layer {rows.layer[row]}, index {rows.index[row]})"


def rows_from_mapping(mapping: Mapping[str, Any]) -> tuple[Rows, tuple[str, ...], tuple[str, ...], int]:
    """Unsorted rows from ``{language: {site: [indices of layer 0, of layer 1, ...]}}``, with labels, sites, layers.

    In place of the list of layers a dict ``{layer: indices}`` will do.

    Raises:
        NeuronSetError: an unknown site, a layer or index that is no whole number from 0 on.
    """
    columns: list[tuple[int, int, int, npt.NDArray[np.int64]]] = []
    layers = 0
    for language_id, (label, by_site) in enumerate(mapping.items()):
        for site, by_layer in _items(by_site, f"the neurons of {label!r}"):
            if site not in SITES:
                raise NeuronSetError(f"{label!r} has the unknown site {site!r}: the sites are {', '.join(SITES)}")
            count, lists = _layers(by_layer, f"{label!r} at {site}")
            layers = max(layers, count)
            columns += [
                (language_id, SITES.index(site), layer, integers(values, f"{label!r} at {site}, layer {layer}"))
                for layer, values in lists
            ]
    return _stack(columns), tuple(mapping), SITES, layers


def _items(value: Any, what: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise NeuronSetError(f"{what} must be a dict from site to layers, not {short(value)}")
    return value.items()


def _layers(by_layer: Any, what: str) -> tuple[int, list[tuple[int, Any]]]:
    """How many layers are spoken of, and the (layer, values) pairs."""
    if isinstance(by_layer, Mapping):
        numbers = integers(list(by_layer), f"the layers of {what}").tolist()
        count = max(numbers, default=-1) + 1
        pairs = list(zip(numbers, by_layer.values(), strict=True))
    elif isinstance(by_layer, (str, bytes)) or not hasattr(by_layer, "__len__"):
        raise NeuronSetError(f"{what} must be a list with one list of indices per layer, not {short(by_layer)}")
    else:
        count, pairs = len(by_layer), list(enumerate(by_layer))
    if count > MAX_LAYERS:
        raise NeuronSetError(f"{what} speaks of {count} layers: no model has more than {MAX_LAYERS}")
    return count, pairs


def _stack(columns: list[tuple[int, int, int, npt.NDArray[np.int64]]]) -> Rows:
    lengths = [len(values) for *_, values in columns]
    language, site, layer = (np.repeat(np.array([c[k] for c in columns], np.int64), lengths) for k in (0, 1, 2))
    index = np.concatenate([values for *_, values in columns]) if columns else np.zeros(0, np.int64)
    return Rows(language, site, layer, index)
