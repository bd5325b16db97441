"""From sources to what the page shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lnbench.reporting.leaderboard._published import Published
from lnbench.reporting.leaderboard._schema import BundleCondition, BundleSample
from lnbench.reporting.leaderboard._sources import INSTRUMENT, Source
from lnbench.reporting.page import Board, Reference, Shown, ShownOutput, ShownSample
from lnbench.reporting.tables import Table

__all__ = ["board_of", "doses_of", "layers_of"]


def board_of(sources: Sequence[Source], tables: Sequence[Sequence[Table]], references: Sequence[Published]) -> Board:
    """Everything on the page."""
    return Board(
        tuple(_shown(source, found) for source, found in zip(sources, tables, strict=True)),
        tuple(Reference(one.title, one.header, one.lines, one.told) for one in references),
    )


def doses_of(conditions: Sequence[BundleCondition]) -> dict[str, float]:
    """Condition -> what activations are multiplied with: for plain scaling and zeroing, the same for all languages."""
    found: dict[str, set[float | None]] = {}
    for one in conditions:
        if not one.control and one.condition != "original":
            found.setdefault(one.condition, set()).add(_factor(one.what))
    return {label: f for label, factors in found.items() if len(factors) == 1 and (f := factors.pop()) is not None}


def layers_of(source: Source, tables: Sequence[Table]) -> dict[str, Sequence[int]]:
    """Neurons in each layer of those languages of the neuron set that the results ablate or evaluate: a set may hold
    more than were studied."""
    ablated = {code for table in tables for row in table.rows for code in (row.ablated or "").split("+")}
    studied = ablated.union(*(table.languages for table in tables))
    return {code: counts for code, counts in source.about.neurons.by_layer.items() if code in studied}


def _shown(source: Source, tables: Sequence[Table]) -> Shown:
    return Shown(
        name=source.name,
        model=source.model,
        tables=tuple(tables),
        about=_about(source),
        layers=layers_of(source, tables),
        doses=doses_of(source.conditions),
        instrument=INSTRUMENT if source.instrument else None,
        samples=[_sample(source, sample) for sample in source.samples],
    )


def _about(source: Source) -> dict[str, str]:
    model, neurons = source.about.model, source.about.neurons
    told = {
        "Results": source.name,
        "Contributor": source.contributor,
        "Model revision": model.sha or model.revision,
        "Data type": model.dtype,
        "Parameters": None if model.parameters is None else f"{model.parameters:,}",
        "Neuron set": neurons.hash,
        "Neurons": ", ".join(f"{code} {count}" for code, count in neurons.count.items()),
        "Detection method": neurons.method,
        "Detection corpus": neurons.corpus,
        "Versions": ", ".join(f"{name} {version}" for name, version in source.about.versions.items()),
    }
    return {label: text for label, text in told.items() if text}


def _sample(source: Source, sample: BundleSample) -> ShownSample:
    languages = {entry.task: entry.evaluated for entry in source.results}
    outputs = []
    for output in sample.outputs:
        role = source.conditions[output.condition]
        if not role.repeat:
            outputs.append(ShownOutput(role.condition, role.ablated, role.seed, output.text, output.lines))
    return ShownSample(sample.task, languages.get(sample.task, "und"), sample.prompt, sample.target, outputs)


def _besides(given: Mapping[str, Any], *known: str) -> list[str]:
    return [key for key, value in given.items() if key not in known and value is not None]


def _factor(what: str | None) -> float | None:
    """What one step of scaling or zeroing at all layers and sites multiplies with; None for anything else."""
    try:
        spec: Mapping[str, Any] = json.loads(what or "")
        (step,) = spec["steps"]
        others = [*_besides(spec, "steps", "lang"), *_besides(step, "op", "value", "lang")]
        if others:
            return None
        return {"zero": 0.0, "scale": step.get("value")}.get(step["op"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
