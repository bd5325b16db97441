"""What an intervention does to a model: per layer and site, ``a -> scale * a + offset`` on some neurons.

A :class:`Plan` is plain arrays. It knows nothing of torch, of weights or of where an architecture keeps a site (the
engines do), and of how the neurons were chosen only what it carries for a results file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lnbench._near import hint
from lnbench.errors import SpecError
from lnbench.neurons import expand_sites

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float64]
Place: TypeAlias = tuple[int, str]
"""(layer, site)"""

TOKEN_RULES = ("all", "prompt", "generated")


@dataclass(frozen=True, eq=False)
class Edit:
    """``a -> scale * a + offset`` for some neurons of one site in one layer.

    Build one with :meth:`of`, which sorts and checks; the three arrays have shape ``[neurons]`` and are read-only.
    """

    indices: IntArray
    """Neurons, ascending, no duplicates."""
    scale: FloatArray
    offset: FloatArray
    """In the unit of the activation itself."""

    @classmethod
    def of(cls, indices: npt.ArrayLike, scale: npt.ArrayLike = 1.0, offset: npt.ArrayLike = 0.0) -> Edit:
        """Sort and check; a single ``scale`` or ``offset`` counts for every neuron.

        Raises:
            SpecError: lengths differ, an index is negative or given twice, a number is not finite.
        """
        rows = _integers(indices)
        factors, constants = _numbers("scale", scale, rows.size), _numbers("offset", offset, rows.size)
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        repeated = rows[1:][rows[1:] == rows[:-1]]
        if repeated.size:
            raise SpecError(f"neuron {repeated[0]} is edited twice in one edit; compose the two edits with Edit.then")
        return cls(_frozen(rows), _frozen(factors[order]), _frozen(constants[order]))

    def __len__(self) -> int:
        return int(self.indices.size)

    def then(self, later: Edit) -> Edit:
        """This edit followed by ``later``: ``(s, c)`` after ``(s0, c0)`` is ``(s * s0, s * c0 + c)``, per neuron."""
        union = np.union1d(self.indices, later.indices)
        scale, offset = np.ones(union.size), np.zeros(union.size)
        for edit in (self, later):
            at = np.searchsorted(union, edit.indices)
            with np.errstate(over="ignore", invalid="ignore"):  # Edit.of refuses what is not finite
                scale[at], offset[at] = edit.scale * scale[at], edit.scale * offset[at] + edit.offset
        return Edit.of(union, scale, offset)

    def without_identity(self) -> Edit:
        """The same edit less the neurons that it leaves as they are (scale 1, offset 0)."""
        acts = (self.scale != 1.0) | (self.offset != 0.0)
        return Edit.of(self.indices[acts], self.scale[acts], self.offset[acts])


@dataclass(frozen=True, eq=False)
class Plan:
    """A spec bound to a neuron set and a model's layers and widths. Compare two plans by :attr:`plan_hash`."""

    edits: Mapping[Place, Edit]
    """Only neurons that change: identity edits and empty places are left out. Ordered by layer, then site."""
    tokens: str = "all"
    """Which positions are edited: ``all``, ``prompt`` or ``generated``."""
    touched_twice: int = 0
    """Neurons that more than one step edits (their edits are composed in order)."""
    reused_by_control: int = 0
    """Neurons of the target that a random control had to take for want of others."""
    languages: tuple[str, ...] = ()
    expect: str | None = None
    """The language that fidelity should expect, when it is not the task's."""
    description: str = ""
    notes: tuple[str, ...] = ()
    """What the user should know, one sentence each (an empty selection, a control that ran short)."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """Where the plan comes from (steps, control, set); plain JSON, not part of the hash."""

    @classmethod
    def from_edits(
        cls,
        edits: Mapping[Place, Edit | tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]],
        tokens: str = "all",
        **fields: Any,
    ) -> Plan:
        """Build a plan from ``{(layer, site): Edit or (indices, scale, offset)}``; ``fields`` are the other fields.

        Raises:
            SpecError: an edit is malformed (see :meth:`Edit.of`), or a site or ``tokens`` is unknown.
        """
        if tokens not in TOKEN_RULES:
            meant = hint(tokens, TOKEN_RULES)
            raise SpecError(f"unknown token rule {tokens!r}; {meant}tokens is one of {', '.join(TOKEN_RULES)}")
        checked = {}
        for layer, site in sorted(edits):
            if expand_sites([site]) != (site,):
                raise SpecError(f"an edit needs one site, not the short name {site!r}")
            if layer < 0:
                raise SpecError(f"there is no layer {layer}; layers count from 0")
            given = edits[layer, site]
            edit = (given if isinstance(given, Edit) else Edit.of(*given)).without_identity()
            if len(edit):
                checked[int(layer), str(site)] = edit
        return cls(MappingProxyType(checked), tokens, **fields)

    def __iter__(self) -> Iterator[tuple[int, str, Edit]]:
        """Yield ``(layer, site, edit)`` in order of layer, then site."""
        for (layer, site), edit in self.edits.items():
            yield layer, site, edit

    @property
    def neurons(self) -> int:
        """Number of distinct (layer, site, index) that the plan changes."""
        return sum(len(edit) for edit in self.edits.values())

    @property
    def is_identity(self) -> bool:
        """Whether the plan changes nothing, so that the model is the original."""
        return not self.edits

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers in which something changes, ascending."""
        return tuple(sorted({layer for layer, _ in self.edits}))

    @property
    def sites(self) -> dict[str, int]:
        """Number of changed neurons per site."""
        counts: dict[str, int] = {}
        for _, site, edit in self:
            counts[site] = counts.get(site, 0) + len(edit)
        return dict(sorted(counts.items()))

    @cached_property
    def plan_hash(self) -> str:
        """SHA-256 (hex) over the token rule and the edits, and nothing else.

        Canonical bytes: per place, ascending, its layer, site and number of neurons as text, then the indices as
        little-endian int64 and scales and offsets as little-endian float64.
        """
        digest = hashlib.sha256(f"lnbench plan 1\n{self.tokens}\n".encode())
        for layer, site, edit in self:
            digest.update(f"{layer} {site} {len(edit)}\n".encode())
            digest.update(edit.indices.astype("<i8").tobytes())
            digest.update(edit.scale.astype("<f8").tobytes())
            digest.update(edit.offset.astype("<f8").tobytes())
        return digest.hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON with string keys, enough to say in a results file what was done."""
        return {
            "plan_hash": self.plan_hash,
            "description": self.description,
            "neurons": self.neurons,
            "sites": self.sites,
            "layers": list(self.layers),
            "tokens": self.tokens,
            "expect": self.expect,
            "languages": list(self.languages),
            "touched_twice": self.touched_twice,
            "reused_by_control": self.reused_by_control,
            "notes": list(self.notes),
            **self.record,
        }


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array = np.array(array)  # a copy: the caller's array stays the caller's
    array.setflags(write=False)
    return array


def _integers(indices: npt.ArrayLike) -> IntArray:
    rows = np.asarray(indices)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise SpecError(f"neuron indices must be one list of whole numbers, not {rows.dtype} of shape {rows.shape}")
    if rows.size and rows.min() < 0:
        raise SpecError(f"neuron index {rows.min()} is negative; indices count from 0")
    return rows.astype(np.int64)


def _numbers(name: str, values: npt.ArrayLike, length: int) -> FloatArray:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim == 0:
        numbers = np.full(length, numbers)
    if numbers.shape != (length,):
        raise SpecError(f"{name} has shape {numbers.shape} where {length} neurons are edited; give one number for each")
    if not np.isfinite(numbers).all():
        raise SpecError(f"{name} must be finite, not {numbers[~np.isfinite(numbers)][0]}; use smaller numbers")
    return numbers + 0.0  # -0.0 becomes 0.0, so that equal edits have equal bytes
