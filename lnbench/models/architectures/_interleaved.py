"""Projections that hold each head's query, key and value rows together, as BLOOM and GPT-NeoX do."""

from __future__ import annotations

from lnbench.models._sitemap import Port, Rows
from lnbench.neurons import Heads


def interleaved(path: str, part: int, heads: Heads) -> Port:
    """Rows ``[head, (query, key, value), size]``: neuron ``head*size + i`` is row ``(3*head + part)*size + i``."""

    def rows(neurons: Rows) -> Rows:
        head, position = neurons // heads.size, neurons % heads.size
        return (3 * head + part) * heads.size + position

    return Port(path, "out", heads.queries * heads.size, rows)
