"""Engine ``fold``: the plan written into the weights, at no cost at run time, and undone bit for bit.

A row edit changes what a projection puts out: ``W[j] *= s``, ``b[j] = s*b[j] + c``. A column edit changes what it takes
in: ``W[:, j] *= s``, ``b += c * W_old[:, j]``. Biases are created where there was none. Products are formed in float32
(float64 for float64 weights) and cast once. Only touched rows and columns are kept for the restore.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lnbench.models._activation import inverse_activation
from lnbench.models._guards import weight_obstacle
from lnbench.models._lower import LayerEdits
from lnbench.models._plan import Edit, IntArray
from lnbench.models._sitemap import SiteMap
from lnbench.models._weights import Folded, WeightEdit, identity


def weight_edits(edits: list[LayerEdits], sites: SiteMap) -> list[WeightEdit]:
    """All weight edits of a lowered plan; ask :func:`fold_obstacle` first whether they are the plan's whole effect."""
    return [each for layer in edits for each in _of_layer(layer, sites)]


def _of_layer(edits: LayerEdits, sites: SiteMap) -> Iterator[WeightEdit]:
    ports, layer = sites.sites[edits.layer], sites.layers[edits.layer]
    inputs = dict(edits.inputs)
    if edits.activation is not None and ports.gate is not None:
        constant = edits.activation.offset != 0.0
        if constant.any():
            held = _held(edits.activation, ports.gate.rows(edits.activation.indices), constant, sites, edits.layer)
            yield WeightEdit(edits.layer, ports.gate.path, "out", layer.get_submodule(ports.gate.path), held)
        scaled = _subset(edits.activation, ~constant)
        inputs[ports.down.path] = scaled.then(inputs.get(ports.down.path, Edit.of([])))
    for side, group in (("out", edits.outputs), ("in", inputs)):
        for path, edit in group.items():
            if len(edit):
                yield WeightEdit(edits.layer, path, side, layer.get_submodule(path), edit)


def _held(edit: Edit, rows: IntArray, mask: npt.NDArray[np.bool_], sites: SiteMap, layer: int) -> Edit:
    """Rows of the gate that hold the activation at a constant: weight 0, bias ``act^-1(c)``."""
    function = sites.layers[layer].get_submodule(str(sites.sites[layer].activation))
    return Edit.of(rows[mask], 0.0, np.nan_to_num(inverse_activation(function, edit.offset[mask])))


def fold_obstacle(edits: list[LayerEdits], sites: SiteMap, tokens: str) -> str | None:
    """Why the plan cannot be written into this model's weights, or None."""
    if tokens != "all":
        return f"the plan edits {tokens} tokens only, and a weight serves all tokens"
    for layer in edits:
        reason = _activation_obstacle(layer, sites)
        if reason is not None:
            return reason
    owners = _owners(sites)
    wanted = {(each.layer, each.path): each for each in weight_edits(edits, sites)}
    for (number, path), each in wanted.items():
        reason = weight_obstacle(each.module)
        if reason is not None:
            return f"{path} of layer {number} {reason}"
        for owner in owners[identity(each.module)]:
            if owner not in wanted or not wanted[owner].same_as(each):
                return f"{path} of layer {number} is also {owner[1]} of layer {owner[0]}, which is not edited alike"
    return None


def _activation_obstacle(edits: LayerEdits, sites: SiteMap) -> str | None:
    edit = edits.activation
    if edit is None or not edit.offset.any():
        return None
    constant = edit.offset != 0.0
    if edit.scale[constant].any():
        return f"adding to ffn.act in layer {edits.layer} changes with the input, through the up projection"
    function = sites.layers[edits.layer].get_submodule(str(sites.sites[edits.layer].activation))
    values = edit.offset[constant]
    missing = np.isnan(inverse_activation(function, values))
    if missing.any():
        return f"the activation function of layer {edits.layer} never has the value {values[missing][0]:g}"
    return None


def _owners(sites: SiteMap) -> dict[int, list[tuple[int, str]]]:
    """For every weight of the map, the (layer, projection) pairs that use it: more than one where it is tied."""
    owners: dict[int, list[tuple[int, str]]] = {}
    for number, (layer, ports) in enumerate(zip(sites.layers, sites.sites, strict=True)):
        every = (ports.down, ports.gate, ports.up, ports.query, ports.key, ports.value, ports.output)
        for path in dict.fromkeys(port.path for port in every if port is not None):
            owners.setdefault(identity(layer.get_submodule(path)), []).append((number, path))
    return owners


def fold(edits: list[LayerEdits], sites: SiteMap) -> Folded:
    """Write a lowered plan into the weights. On any failure the weights are put back before the error is raised."""
    folded = Folded()
    try:
        folded.write(weight_edits(edits, sites))
    except BaseException:
        folded.restore()
        raise
    return folded


def _subset(edit: Edit, mask: npt.NDArray[np.bool_]) -> Edit:
    return Edit.of(edit.indices[mask], edit.scale[mask], edit.offset[mask])
