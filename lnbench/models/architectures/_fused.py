"""Rows of projections that hold queries, keys and values together, in the layouts that are in use."""

from __future__ import annotations

from typing import TypedDict

from torch import nn

from lnbench.models._ports import Port, Rows
from lnbench.models._projections import input_port, output_port
from lnbench.neurons import Heads


class QueryKeyValue(TypedDict):
    """The ports of three sites of attention, as :class:`~lnbench.models.LayerSites` names them."""

    query: Port
    key: Port
    value: Port


class Attention(QueryKeyValue):
    """Those of all four."""

    output: Port


def shifted(path: str, start: int, width: int) -> Port:
    """Neuron ``j`` is row ``start + j``: one of several consecutive parts."""

    def rows(neurons: Rows) -> Rows:
        return neurons + start

    return Port(path, "out", width, rows)


def consecutive(path: str, heads: Heads) -> QueryKeyValue:
    """All queries, then all keys, then all values."""
    queries, keys = heads.queries * heads.size, heads.keys * heads.size
    return {
        "query": shifted(path, 0, queries),
        "key": shifted(path, queries, keys),
        "value": shifted(path, queries + keys, keys),
    }


def interleaved(path: str, heads: Heads) -> QueryKeyValue:
    """Rows ``[head, (query, key, value), size]``: neuron ``head*size + i`` is row ``(3*head + part)*size + i``."""

    def part(number: int) -> Port:
        def rows(neurons: Rows) -> Rows:
            head, position = neurons // heads.size, neurons % heads.size
            return (3 * head + number) * heads.size + position

        return Port(path, "out", heads.queries * heads.size, rows)

    return {"query": part(0), "key": part(1), "value": part(2)}


def grouped(path: str, heads: Heads) -> QueryKeyValue:
    """Rows ``[key head, (its queries, key, value), size]``: each key/value head after the query heads that share it."""
    share = heads.queries // heads.keys

    def queries(neurons: Rows) -> Rows:
        head, position = neurons // heads.size, neurons % heads.size
        return (head // share * (share + 2) + head % share) * heads.size + position

    def part(number: int) -> Port:
        def rows(neurons: Rows) -> Rows:
            head, position = neurons // heads.size, neurons % heads.size
            return (head * (share + 2) + share + number) * heads.size + position

        return Port(path, "out", heads.keys * heads.size, rows)

    return {"query": Port(path, "out", heads.queries * heads.size, queries), "key": part(0), "value": part(1)}


def separate(layer: nn.Module, prefix: str, output: str) -> Attention:
    """Four projections: ``q_proj``, ``k_proj``, ``v_proj`` and the output's, under ``prefix``."""
    return {
        "query": output_port(layer, f"{prefix}.q_proj"),
        "key": output_port(layer, f"{prefix}.k_proj"),
        "value": output_port(layer, f"{prefix}.v_proj"),
        "output": input_port(layer, f"{prefix}.{output}"),
    }
