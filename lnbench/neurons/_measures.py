"""What is measured on the neurons of a set: scores, activation statistics, activation frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import NeuronSetError, SpecError
from lnbench.neurons._frozen import FrozenDict
from lnbench.neurons._rows import FloatArray, IntArray, frozen
from lnbench.neurons._sites import SITES

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet


def scores(values: Any, order: IntArray) -> FloatArray:
    """float32 [rows] in the order of the rows.

    Raises:
        NeuronSetError: the shape is wrong, or a value is not a finite number.
    """
    return frozen(_numbers(values, (len(order),), "scores")[order])


def statistics(tables: Mapping[str, Any], order: IntArray, languages: int) -> Mapping[str, FloatArray]:
    """Kind to float32 [rows, statistic languages] in the order of the rows; errors as in `scores`."""
    if tables and not languages:
        raise NeuronSetError(f"{', '.join(map(str, tables))}: name the languages of the text in statistic_languages")
    if bad := [kind for kind in tables if not isinstance(kind, str) or not kind.isidentifier()]:
        raise NeuronSetError(f"a statistic is called {bad[0]!r}: use letters, digits and _, as in `mean`")
    shape = (len(order), languages)
    return FrozenDict({kind: frozen(_numbers(tables[kind], shape, kind)[order]) for kind in sorted(tables)})


def frequency(tables: Mapping[str, Any], neurons: NeuronSet) -> Mapping[str, FloatArray]:
    """Site to float32 [statistic languages, layers, width], shares in 0..1; errors as in `scores`."""
    if tables and not neurons.statistic_languages:
        raise NeuronSetError("frequency: name the languages of the text in statistic_languages")
    if unknown := [site for site in tables if site not in SITES]:
        raise NeuronSetError(f"frequency has the unknown site {unknown[0]!r}: the sites are {', '.join(SITES)}")
    made = {site: frozen(_shares(tables[site], site, neurons)) for site in SITES if site in tables}
    return FrozenDict(made)


def _shares(values: Any, site: str, neurons: NeuronSet) -> FloatArray:
    architecture = neurons.header.architecture
    width = architecture.widest(site) if architecture else (np.shape(values) or (0,))[-1]
    table = _numbers(values, (len(neurons.statistic_languages), neurons.layers, width), f"frequency of {site}")
    if table.size and (table.min() < 0 or table.max() > 1):
        raise NeuronSetError(f"frequency of {site} must lie in 0..1, and it runs from {table.min()} to {table.max()}")
    used = neurons.rows().index[neurons.mask(site=site)].max(initial=-1)
    if used >= width:
        raise NeuronSetError(f"frequency of {site} covers {width} neurons, and the set names neuron {used}")
    return table


def _numbers(values: Any, shape: tuple[int, ...], what: str) -> FloatArray:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.shape != shape:
        raise NeuronSetError(f"{what} must be numbers of shape {shape}, not {array.dtype} of shape {array.shape}")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if (bad := ~np.isfinite(array)).any():
        raise NeuronSetError(f"{what} holds {array[bad][0]} at {_place(bad)}: every value must be a finite float32")
    return array


def _place(bad: npt.NDArray[np.bool_]) -> str:
    return str(tuple(int(i) for i in np.argwhere(bad)[0]))


def column(neurons: NeuronSet, kind: str, of: str) -> FloatArray:
    """float32 [rows]: one statistic on text of one language.

    Raises:
        SpecError: the set does not have it.
    """
    if kind in neurons.statistics and of in neurons.statistic_languages:
        values: FloatArray = neurons.statistics[kind][:, neurons.statistic_languages.index(of)]
        return values
    kinds = f"{', '.join(neurons.statistics) or 'none'} on {', '.join(neurons.statistic_languages) or 'no language'}"
    raise SpecError(
        f"this neuron set has no statistic '{kind}:{of}' (it has {kinds}): "
        f"measure it with `lnbench neurons stats SET --model M --corpus {of}=TEXT ...`"
    )


def same(a: NeuronSet, b: NeuronSet) -> bool:
    """Whether two sets agree in everything, bit for bit."""
    facts = ("languages", "sites", "layers", "header", "statistic_languages")
    if any(getattr(a, name) != getattr(b, name) for name in facts):
        return False
    return _arrays(a).keys() == _arrays(b).keys() and all(
        np.array_equal(array, _arrays(b)[name]) for name, array in _arrays(a).items()
    )


def _arrays(neurons: NeuronSet) -> dict[str, npt.NDArray[Any]]:
    from lnbench.neurons._payload import arrays

    return arrays(neurons)
