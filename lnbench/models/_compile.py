"""From a spec and a neuron set to a plan: which neurons each step means, and what all steps together do to each.

It knows no weights and no model class, only layers and widths.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lnbench.errors import SpecError
from lnbench.models._control import random_edits
from lnbench.models._layers import select_layers
from lnbench.models._plan import Edit, FloatArray, IntArray, Place, Plan
from lnbench.models._spec import Spec, Statistic, Step
from lnbench.neurons import Architecture, NeuronSet, expand_sites

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Scope:
    """Where a spec acts on a set; the arrays have shape ``[rows of the set]``."""

    neurons: NeuronSet
    inside: npt.NDArray[np.bool_]
    """Rows at the sites and layers that are meant, less the excluded neurons."""
    keys: IntArray
    """One number for each (layer, site, index), equal for the rows of one neuron in several languages."""
    width: int
    """A key is ``(layer * sites + site_id) * width + index``."""

    def places(self, keys: IntArray) -> Iterator[tuple[Place, IntArray, npt.NDArray[np.bool_]]]:
        """Yield, for ascending keys, each (layer, site), the neuron indices there and which keys those are."""
        for place in np.unique(keys // self.width):
            here = keys // self.width == place
            layer, site = divmod(int(place), len(self.neurons.sites))
            yield (layer, self.neurons.sites[site]), keys[here] % self.width, here


@dataclass(frozen=True)
class _Target:
    """The neurons of one step and what the step does to them."""

    step: Step
    languages: tuple[str, ...]
    edits: Mapping[Place, Edit]
    by_language: Mapping[str, int]

    def __len__(self) -> int:
        return sum(map(len, self.edits.values()))


def compile_plan(spec: Spec, neurons: NeuronSet, architecture: Architecture) -> Plan:
    """Bind a spec to a neuron set and a model's layers and widths.

    Steps compose in order, neuron by neuron: ``(s, c)`` after ``(s0, c0)`` is ``(s * s0, s * c0 + c)``. With
    ``control=random`` the composed edits move to random neurons (see :mod:`lnbench.models._control`). A selection
    without neurons is not an error where all of its names exist: it is noted, logged, and changes nothing.

    Raises:
        ModelMismatchError: the set was made for another model.
        SpecError: a site or layer does not exist, a statistic is missing, ``lang`` is needed and missing.
        UnknownLanguageError: the set does not have a language that the spec names.
    """
    neurons.check(architecture)
    scope = _scope(spec, neurons, architecture)
    targets = [_target(step, step_languages(step, spec, neurons), scope, spec.top) for step in spec.steps]
    edits, reused = _composed(targets), 0
    touched = sum(map(len, edits.values()))
    if spec.control == "random" and touched:
        edits, reused = random_edits(edits, spec, neurons, architecture)
    notes = _notes(spec, targets, touched, reused)
    for note in notes:
        _log.warning(note)
    return Plan.from_edits(
        edits,
        spec.tokens,
        touched_twice=_touched_twice(targets),
        reused_by_control=reused,
        languages=tuple(dict.fromkeys(code for target in targets for code in target.languages)),
        expect=spec.expect,
        description=_description(spec, targets),
        notes=notes,
        record=_record(spec, targets, neurons),
    )


def step_languages(step: Step, spec: Spec, neurons: NeuronSet) -> tuple[str, ...]:
    """Return the languages that a step means: its own, the spec's, or the only one of the set.

    Raises:
        SpecError: none is named and the set has several (or none), or one is also excluded.
        UnknownLanguageError: the set does not have one of them.
    """
    named = step.lang or spec.lang
    if named is None:
        named = _only_language(neurons)
    elif named == ("all",):
        named = tuple(code for code in neurons.languages if code not in spec.exclude)
    for code in named:
        neurons.language_id(code)  # refuses what the set does not have
        if code in spec.exclude:
            raise SpecError(f"lang={code} is also in exclude={'+'.join(spec.exclude)}; take it out of one of them")
    if not named:
        raise SpecError(
            f"lang=all less exclude={'+'.join(spec.exclude)} leaves no language; the neuron set has {_listed(neurons)}"
        )
    return named


def _only_language(neurons: NeuronSet) -> tuple[str, ...]:
    if len(neurons.languages) != 1:
        raise SpecError(
            f"lang is missing and the neuron set has {len(neurons.languages)} languages; choose from {_listed(neurons)}"
        )
    return neurons.languages


def _listed(neurons: NeuronSet) -> str:
    return ", ".join(neurons.languages) or "none"


def _scope(spec: Spec, neurons: NeuronSet, architecture: Architecture) -> _Scope:
    rows = neurons.rows()
    sites = [neurons.sites.index(site) for site in _sites(spec.sites, neurons, architecture)]
    layers = select_layers(spec.layers, architecture.layers, n1=spec.n1, n2=spec.n2)
    excluded = [neurons.language_id(code) for code in spec.exclude]
    width = int(rows.index.max(initial=0)) + 1
    keys = (rows.layer.astype(np.int64) * len(neurons.sites) + rows.site_id) * width + rows.index
    inside = np.isin(rows.site_id, sites) & np.isin(rows.layer, layers)
    inside &= ~np.isin(keys, keys[np.isin(rows.language_id, excluded)])
    return _Scope(neurons, inside, keys, width)


def _sites(names: Sequence[str] | None, neurons: NeuronSet, architecture: Architecture) -> tuple[str, ...]:
    """The sites of the set that the spec means; a name that can mean none of them is refused."""
    if names is None:
        return neurons.sites
    for name in names:
        meant = expand_sites([name])
        if not set(meant) & set(architecture.sites):
            raise SpecError(f"sites: this model has no {name}; it has {', '.join(architecture.sites)}")
        if neurons.sites and not set(meant) & set(neurons.sites):
            raise SpecError(
                f"sites: the neuron set has no neurons at {name}; it has some at {', '.join(neurons.sites)}"
            )
    return tuple(site for site in expand_sites(names) if site in neurons.sites)


def _target(step: Step, languages: tuple[str, ...], scope: _Scope, top: int | None) -> _Target:
    """Select the neurons of a step; one of several languages counts once, with the constant of its first row."""
    language_id = scope.neurons.rows().language_id
    ids = [scope.neurons.language_id(code) for code in languages]
    of_each = [np.flatnonzero(scope.inside & (language_id == number)) for number in ids]
    at = np.sort(np.concatenate([rows if top is None else _best(rows, top, scope.neurons) for rows in of_each]))
    keys, first = np.unique(scope.keys[at], return_index=True)
    constants = _constants(step, scope.neurons)[at[first]]
    edits = {place: _edit(step, indices, constants[here]) for place, indices, here in scope.places(keys)}
    counts = {code: int((language_id[at] == number).sum()) for code, number in zip(languages, ids, strict=True)}
    return _Target(step, languages, edits, counts)


def _best(rows: npt.NDArray[np.intp], top: int, neurons: NeuronSet) -> npt.NDArray[np.intp]:
    """The rows with the highest scores; of equal ones the first, by layer, site and index."""
    if neurons.scores is None:
        raise SpecError(
            f"top={top} chooses by score, and the neuron set has no scores; leave it out, or detect the set"
        )
    order = np.argsort(-neurons.scores[rows], kind="stable")
    return rows[order[:top]]


def _constants(step: Step, neurons: NeuronSet) -> FloatArray:
    """float64 [rows of the set]: the value of the step for each row."""
    if not isinstance(step.value, Statistic):
        return np.full(len(neurons), 0.0 if step.value is None else step.value)
    if not len(neurons):
        return np.zeros(0)
    kind, of = step.value.kind, step.value.of
    neurons.statistic(kind, of, neurons.languages[0], neurons.sites[0])  # refuses what the set does not have
    column = neurons.statistics[kind][:, neurons.statistic_languages.index(of)]
    return step.value.factor * column.astype(np.float64)


def _edit(step: Step, indices: IntArray, constants: FloatArray) -> Edit:
    if step.op == "scale":
        return Edit.of(indices, constants, 0.0)
    return Edit.of(indices, 1.0 if step.op == "add" else 0.0, constants)


def _composed(targets: Sequence[_Target]) -> dict[Place, Edit]:
    edits: dict[Place, Edit] = {}
    for target in targets:
        for place, edit in target.edits.items():
            edits[place] = edits[place].then(edit) if place in edits else edit
    return edits


def _touched_twice(targets: Sequence[_Target]) -> int:
    """How many neurons more than one step edits."""
    count = 0
    for place in {place for target in targets for place in target.edits}:
        steps = [target.edits[place].indices for target in targets if place in target.edits]
        count += int((np.unique(np.concatenate(steps), return_counts=True)[1] > 1).sum())
    return count


def _notes(spec: Spec, targets: Sequence[_Target], neurons: int, reused: int) -> tuple[str, ...]:
    notes = [
        f"the step {target.step} changes nothing: the neuron set has no neuron of {'+'.join(target.languages)} "
        f"at {_where(spec)}"
        for target in targets
        if not len(target)
    ]
    if reused:
        notes.append(
            f"the random control took {reused} of its {neurons} neurons from the target itself, "
            f"as too few others remain with match={spec.match}"
        )
    return tuple(notes)


def _where(spec: Spec) -> str:
    parts = [f"layers={spec.layers}", f"sites={'+'.join(spec.sites)}" if spec.sites else "any site"]
    parts += [f"top={spec.top}"] if spec.top is not None else []
    return ", ".join(parts + ([f"exclude={'+'.join(spec.exclude)}"] if spec.exclude else []))


def _description(spec: Spec, targets: Sequence[_Target]) -> str:
    """One line for a log: ``zero zh at layers=first:8, any site, random control (seed=3, match=site)``."""
    steps = ", then ".join(f"{target.step} {'+'.join(target.languages)}" for target in targets)
    control = f", random control (seed={spec.seed}, match={spec.match})" if spec.control == "random" else ""
    tokens = f", {spec.tokens} tokens only" if spec.tokens != "all" else ""
    return f"{steps} at {_where(spec)}{tokens}{control}"


def _record(spec: Spec, targets: Sequence[_Target], neurons: NeuronSet) -> dict[str, Any]:
    """Where the plan comes from, for a results file."""
    random = spec.control == "random"
    return {
        "steps": [
            {"op": str(target.step), "languages": list(target.languages), "neurons": len(target)} for target in targets
        ],
        "target_neurons_by_language": {code: n for target in targets for code, n in target.by_language.items()},
        "spec": spec.model_dump(mode="json", exclude_unset=True),
        "control": spec.control,
        "seed": spec.seed if random else None,
        "match": spec.match if random else None,
        "neuron_set": neurons.content_hash,
        "mask_model": neurons.header.model,
        "mask_revision": neurons.header.revision,
    }
