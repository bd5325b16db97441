"""The algebra as methods of `NeuronSet`; what each does is said where it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lnbench.neurons._set import NeuronSet


class Operations:
    """Sets from sets. Each result says in its header's history how it was made."""

    def select(
        self: Any,
        languages: str | Iterable[str] | None = None,
        sites: str | Iterable[str] | None = None,
        layers: int | Iterable[int] | None = None,
    ) -> NeuronSet:
        """The rows of some languages, sites (short names too) and layers; see `lnbench.neurons._algebra.select`."""
        from lnbench.neurons import _algebra

        return _algebra.select(self, languages, sites, layers)

    def union(self: Any, other: NeuronSet) -> NeuronSet:
        """The rows of both sets; see `lnbench.neurons._algebra.union`."""
        from lnbench.neurons import _algebra

        return _algebra.union(self, other)

    def without(self: Any, other: NeuronSet | str | Iterable[str]) -> NeuronSet:
        """The rows whose neuron is in none of some languages, or not in another set (`_algebra.without`)."""
        from lnbench.neurons import _algebra

        return _algebra.without(self, other)

    def intersection(self: Any, other: NeuronSet) -> NeuronSet:
        """The rows that both sets have; see `lnbench.neurons._combine.intersection`."""
        from lnbench.neurons import _combine

        return _combine.intersection(self, other)

    def difference(self: Any, other: NeuronSet) -> NeuronSet:
        """The rows that the other set lacks; see `lnbench.neurons._combine.difference`."""
        from lnbench.neurons import _combine

        return _combine.difference(self, other)

    def symmetric_difference(self: Any, other: NeuronSet) -> NeuronSet:
        """The rows that only one of the two has; see `lnbench.neurons._combine.symmetric_difference`."""
        from lnbench.neurons import _combine

        return _combine.symmetric_difference(self, other)

    def exclusive(self: Any, languages: str | Iterable[str] | None = None) -> NeuronSet:
        """The neurons that belong to one language only; see `lnbench.neurons._combine.exclusive`."""
        from lnbench.neurons import _combine

        return _combine.exclusive(self, languages)

    def shared(self: Any, languages: str | Iterable[str] | None = None, label: str | None = None) -> NeuronSet:
        """The neurons that all of some languages have; see `lnbench.neurons._combine.shared`."""
        from lnbench.neurons import _combine

        return _combine.shared(self, languages, label)

    def top(self: Any, k: int, per: str | Sequence[str] = "language") -> NeuronSet:
        """The `k` rows with the highest scores in each group; see `lnbench.neurons._combine.top`."""
        from lnbench.neurons import _combine

        return _combine.top(self, k, per)
