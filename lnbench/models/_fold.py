"""Engine ``fold``: a plan as edits of weights, at no cost at run time; :mod:`._weights` writes and undoes them.

Not every plan fits into weights, and not every weight can be edited; :func:`weight_edits` says which and why.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lnbench.models._activation import inverse_activation
from lnbench.models._guards import weight_obstacle
from lnbench.models._lower import LayerEdits, expert_obstacle, part
from lnbench.models._plan import Edit
from lnbench.models._sitemap import SiteMap
from lnbench.models._weights import WeightEdit, identity


class CannotFoldError(Exception):
    """Why a plan does not fit into a model's weights, in words; never leaves this room."""


def weight_edits(edits: list[LayerEdits], sites: SiteMap, tokens: str, *, loaded: bool = True) -> list[WeightEdit]:
    """The weight edits that are a lowered plan's whole effect.

    Args:
        edits: The lowered plan.
        sites: The model's map.
        tokens: The plan's token rule.
        loaded: Whether the weights must be in memory, and not only in a checkpoint that the model stands for.

    Raises:
        CannotFoldError: there are none, or a weight cannot be edited.
    """
    if tokens != "all":
        raise CannotFoldError(f"the plan edits {tokens} tokens only, and a weight serves all tokens")
    found = [each for layer in edits for each in _of_layer(layer, sites)]
    for each in found:
        reason = weight_obstacle(each.module, loaded, each.experts)
        if reason is not None:
            raise CannotFoldError(f"{each.path} of layer {each.layer} {reason}")
    _refuse_half_edited_ties(found, sites)
    return found


def _of_layer(edits: LayerEdits, sites: SiteMap) -> Iterator[WeightEdit]:
    ports, layer = sites.sites[edits.layer], sites.layers[edits.layer]
    obstacle = expert_obstacle(edits, ports, "fold")
    if obstacle is not None:
        raise CannotFoldError(obstacle)
    inputs = dict(edits.inputs)
    if edits.activation is not None and ports.gate is not None:
        constant = edits.activation.offset != 0.0
        if constant.any():
            gate = layer.get_submodule(ports.gate.path)
            held = _held(part(edits.activation, constant), edits.layer, sites)
            yield WeightEdit(edits.layer, ports.gate.path, "out", gate, ports.gate.edit(held))
        scaled = part(edits.activation, ~constant) if constant.any() else edits.activation
        later = inputs.get(ports.down.path)
        inputs[ports.down.path] = scaled if later is None else scaled.then(later)
    for side, group in (("out", edits.outputs), ("in", inputs)):
        for path, edit in group.items():
            if len(edit):
                experts = ports.down.experts if path == ports.down.path else None
                yield WeightEdit(edits.layer, path, side, layer.get_submodule(path), edit, experts)


def _held(edit: Edit, layer: int, sites: SiteMap) -> Edit:
    """The gate's share of activations held at a constant: weight 0, bias ``act^-1(c)``."""
    if edit.scale.any():
        raise CannotFoldError(f"adding to ffn.act in layer {layer} changes with the input, through the up projection")
    function = sites.layers[layer].get_submodule(str(sites.sites[layer].activation))
    inputs = inverse_activation(function, edit.offset)
    missing = np.isnan(inputs)
    if missing.any():
        value = edit.offset[missing][0]
        raise CannotFoldError(f"the activation function of layer {layer} never has the value {value:g}")
    return Edit(edit.indices, edit.scale, inputs)


def _refuse_half_edited_ties(edits: list[WeightEdit], sites: SiteMap) -> None:
    """A weight that several projections share can be edited only if the plan wants the same of all of them."""
    wanted = {(each.layer, each.path): each for each in edits}
    owners = _owners(sites)
    for place, each in wanted.items():
        for owner in owners[identity(each.module)]:
            if owner != place and (owner not in wanted or not wanted[owner].same_as(each)):
                tie = f"{each.path} of layer {each.layer} is also {owner[1]} of layer {owner[0]}"
                raise CannotFoldError(f"{tie}, which is not edited alike")


def _owners(sites: SiteMap) -> dict[int, list[tuple[int, str]]]:
    """For every weight of the map, the (layer, projection) pairs that use it: more than one where it is tied."""
    owners: dict[int, list[tuple[int, str]]] = {}
    for number, (layer, ports) in enumerate(zip(sites.layers, sites.sites, strict=True)):
        for path in ports.paths:
            owners.setdefault(identity(layer.get_submodule(path)), []).append((number, path))
    return owners
