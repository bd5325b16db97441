"""Random controls: as many neurons as a target has, drawn so that every machine draws the same.

A draw ranks the candidates by the sha256 of the ASCII text::

    target hash : seed : site : layer : index          (joined by colons, no blanks, numbers in decimal)

The smallest digests are taken. So a draw depends on no random generator and no library version, and for another
seed, or another target, it is another draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench._near import hint
from lnbench.errors import ModelMismatchError, SpecError
from lnbench.neurons import _hash
from lnbench.neurons._architecture import Architecture
from lnbench.neurons._rows import integers

#: The ways to keep a control like its target.
MATCHES = ("layer-site", "site", "activation")

Place = tuple[str, int]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RandomControl:
    """The neurons of a control: ``{(site, layer): sorted int64 indices}``, and how many are the target's own.

    `reused` is 0 unless there were too few other neurons to choose from.
    """

    indices: Mapping[Place, Indices]
    reused: int


@dataclass(frozen=True, eq=False)
class _Pool:
    """Candidates that may stand in for each other, and how many of them to draw."""

    site: str
    layer: Indices
    index: Indices
    own: npt.NDArray[np.bool_]  # the target's neurons among them: as many are drawn


def random_control(
    target: Mapping[Place, Any],
    architecture: Architecture,
    *,
    seed: int,
    match: str = "layer-site",
    target_hash: str | None = None,
    frequency: Mapping[str, Any] | None = None,
) -> RandomControl:
    """A random set of the target's size without the target's neurons (those of other languages may be drawn).

    Args:
        target: ``{(site, layer): indices}``.
        architecture: the model's layers and widths.
        seed: any whole number.
        match: ``layer-site`` keeps the count at every (site, layer); ``site`` keeps it per site, over all layers;
            ``activation`` keeps it at every (site, layer, decile of activation frequency).
        target_hash: the name of the target in the draw; left out, it is ``target_hash(target)``.
        frequency: site to float [layers, width], or [languages, layers, width], which is averaged over languages;
            needed for ``activation``.

    Where fewer neurons remain than the target has, all of them are taken, the rest comes from the target, and
    `RandomControl.reused` counts it.

    Raises:
        SpecError: an unknown `match`, a seed that is no whole number, or no frequencies where they are needed.
        ModelMismatchError: the target names a neuron that the model lacks.
    """
    if match not in MATCHES:
        meant = hint(match, MATCHES)
        raise SpecError(f"unknown match {match!r} for a random control: {meant}choose one of {', '.join(MATCHES)}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise SpecError(f"the seed of a random control must be a whole number, not {seed!r}")
    own = {place: _inside(place, values, architecture) for place, values in target.items()}
    label = f"{target_hash or _hash.target_hash(own)}:{int(seed)}"
    found: dict[Place, list[Indices]] = {} if match == "site" else {place: [] for place in own}
    reused = 0
    for pool in _pools(own, architecture, match, frequency):
        drawn, again = _draw(pool, label)
        reused += again
        for layer in np.unique(pool.layer[drawn]).tolist():
            found.setdefault((pool.site, layer), []).append(pool.index[drawn][pool.layer[drawn] == layer])
    return RandomControl({place: np.sort(np.concatenate([_NONE, *parts])) for place, parts in found.items()}, reused)


_NONE: Indices = np.zeros(0, np.int64)


def _inside(place: Place, values: Any, architecture: Architecture) -> Indices:
    site, layer = place
    indices = np.unique(integers(values, f"the target at {site}, layer {layer}"))
    if len(indices) and indices[-1] >= architecture.width(site, layer):
        raise ModelMismatchError(
            f"the target has neuron {indices[-1]} at {site}, layer {layer}, and this model has "
            f"{architecture.width(site, layer)} there: use a set made for this model"
        )
    return indices


def _pools(
    own: Mapping[Place, Indices], architecture: Architecture, match: str, frequency: Mapping[str, Any] | None
) -> Iterator[_Pool]:
    """The pools that hold a neuron of the target."""
    if match == "site":
        yield from (
            _site_pool(site, own, architecture) for site in sorted({site for (site, _), i in own.items() if len(i)})
        )
        return
    for (site, layer), indices in own.items():
        if not len(indices):
            continue
        pool = _layer_pool(site, layer, indices, architecture)
        if match == "layer-site":
            yield pool
            continue
        deciles = _deciles(frequency, site, layer, architecture)
        for decile in np.unique(deciles[indices]):
            keep = deciles == decile
            yield _Pool(site, pool.layer[keep], pool.index[keep], pool.own[keep])


def _layer_pool(site: str, layer: int, indices: Indices, architecture: Architecture) -> _Pool:
    width = architecture.width(site, layer)
    own = np.zeros(width, bool)
    own[indices] = True
    return _Pool(site, np.full(width, layer, np.int64), np.arange(width, dtype=np.int64), own)


def _site_pool(site: str, own: Mapping[Place, Indices], architecture: Architecture) -> _Pool:
    layers = range(architecture.layers)
    pools = [_layer_pool(site, layer, own.get((site, layer), _NONE), architecture) for layer in layers]
    joined = [np.concatenate([getattr(pool, name) for pool in pools]) for name in ("layer", "index", "own")]
    return _Pool(site, *joined)


def _draw(pool: _Pool, label: str) -> tuple[Indices, int]:
    """Positions in the pool of as many neurons as the target has there, and how many of them are the target's own."""
    wanted = int(pool.own.sum())
    others = np.flatnonzero(~pool.own)
    if len(others) >= wanted:
        return others[_ranking(pool, others, label)[:wanted]], 0
    missing = wanted - len(others)
    own = np.flatnonzero(pool.own)
    return np.concatenate([others, own[_ranking(pool, own, label)[:missing]]]), missing


def _ranking(pool: _Pool, which: Indices, label: str) -> Indices:
    """The order of some candidates by their digests."""
    prefix, sha256 = f"{label}:{pool.site}:".encode(), hashlib.sha256
    pairs = zip(pool.layer[which].tolist(), pool.index[which].tolist(), strict=True)
    digests = b"".join([sha256(b"%b%d:%d" % (prefix, layer, index)).digest() for layer, index in pairs])
    words = np.frombuffer(digests, ">u8").reshape(-1, 4)
    return np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0]))


def _deciles(
    frequency: Mapping[str, Any] | None, site: str, layer: int, architecture: Architecture
) -> npt.NDArray[np.int64]:
    """int [width]: in which tenth of the layer's neurons, by activation frequency, each lies (equal values together).

    Raises:
        SpecError: there are no frequencies for the site, or of another shape.
    """
    values = _frequencies(frequency, site, layer, architecture)
    ordered = np.sort(values)
    edges = ordered[[len(values) * tenth // 10 for tenth in range(1, 10)]]
    return np.searchsorted(edges, values, side="right")


def _frequencies(
    frequency: Mapping[str, Any] | None, site: str, layer: int, architecture: Architecture
) -> npt.NDArray[np.float64]:
    """float64 [width]: how often each neuron of the layer is active, the mean over languages."""
    if not frequency or site not in frequency:
        raise SpecError(
            f"match=activation needs activation frequencies at {site}, and this neuron set has none: add them with "
            "`lnbench neurons stats SET --model M --corpus ...`, or use match=layer-site"
        )
    table = np.asarray(frequency[site], np.float64)
    table = table.mean(axis=0) if table.ndim == 3 else table
    width = architecture.width(site, layer)
    fits = table.ndim == 2 and table.shape[0] == architecture.layers and table.shape[1] >= width
    if not fits or not np.isfinite(table).all():
        raise SpecError(
            f"the activation frequencies at {site} have the shape {table.shape}, and this model needs "
            f"({architecture.layers}, {width}) finite numbers: compute them for this model"
        )
    return table[layer, :width]
