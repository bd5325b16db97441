"""What an exported folder says of itself, for machines: ``lnbench_plan.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lnbench.models._plan import Plan

PLAN_FILE = "lnbench_plan.json"


@dataclass(frozen=True)
class Base:
    """The model that was exported."""

    name: str
    revision: str | None = None
    """The commit of one on the hub."""
    fingerprint: str | None = None
    """SHA-256 of a local checkpoint's files (:func:`lnbench.models.local_weights_fingerprint`)."""
    licence: str | None = None
    """As the model's own card names it."""
    earlier: Mapping[str, Any] | None = None
    """The record of the export that it is itself, if it is one."""
    architecture: str | None = None
    """Fingerprint of layers and widths."""


@dataclass(frozen=True)
class Record:
    """One export."""

    plan: Plan
    base: Base
    weights: Mapping[str, Any] = field(default_factory=dict)
    """What became of the weight files."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What the caller adds: the command, the neuron-set files."""

    def as_json(self) -> dict[str, Any]:
        """Plain JSON: the plan's record as in a results file, then where the weights come from."""
        from lnbench import __version__

        return {
            **self.plan.as_json(),
            "neurons_by_layer": neurons_by_layer(self.plan),
            "engine": "fold",
            "lnbench": __version__,
            "base": {
                "model": self.base.name,
                "revision": self.base.revision,
                "fingerprint": self.base.fingerprint,
                "license": self.base.licence,
                "architecture": self.base.architecture,
                "export": self.base.earlier and dict(self.base.earlier),
            },
            "weights": dict(self.weights),
            **self.about,
        }


def neurons_by_layer(plan: Plan) -> dict[str, dict[str, int]]:
    """Site -> layer -> number of neurons that the plan changes there."""
    counts: dict[str, dict[str, int]] = {}
    for layer, site, edit in plan:
        counts.setdefault(site, {})[str(layer)] = len(edit)
    return counts


def chain(record: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The exports that a checkpoint went through, its own record first."""
    found = []
    while isinstance(record, Mapping):
        found.append(record)
        base = record.get("base")
        record = base.get("export") if isinstance(base, Mapping) else None
    return found
