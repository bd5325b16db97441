"""From a plan's sites to a model's projections: which inputs and outputs of which module change, and how.

Numpy only; both engines read the result. With a gate, ``h = act(gate) * up``, so ``a -> s*a + c`` on ``ffn.act`` is
``h -> s*h + c*up``: the constant rides on ``up``. Without one, ``ffn.act`` is ``ffn.hidden``. Where a neuron has an
edit of each, the one on ``ffn.act`` comes first, as it does in the model. In a mixture of experts, whose activations no
hook sees, only what scales both alike is carried out; :func:`expert_obstacle` refuses the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lnbench._near import hint
from lnbench.errors import ModelMismatchError, SpecError
from lnbench.models._plan import Edit, Plan
from lnbench.models._sitemap import LayerSites, Port, SiteMap
from lnbench.neurons import SITES


@dataclass(frozen=True, eq=False)
class LayerEdits:
    """What a plan does in one layer, by projection."""

    layer: int
    outputs: Mapping[str, Edit]
    """Per projection, rows of its output (query, key and value; fused ones share a projection)."""
    inputs: Mapping[str, Edit]
    """Per projection, columns of its input (down and output)."""
    activation: Edit | None
    """The edit on ``ffn.act`` of a gated layer, which precedes that of the down projection in ``inputs``."""

    def same_as(self, other: LayerEdits) -> bool:
        """Whether two layers are edited alike."""
        return _parts(self).keys() == _parts(other).keys() and all(
            same_edit(edit, _parts(other)[name]) for name, edit in _parts(self).items()
        )


def part(edit: Edit, mask: npt.NDArray[np.bool_]) -> Edit:
    """The edit of some of its neurons."""
    return Edit(edit.indices[mask], edit.scale[mask], edit.offset[mask])


def same_edit(one: Edit, other: Edit) -> bool:
    """Equal neurons, scales and offsets."""
    pairs = ((one.indices, other.indices), (one.scale, other.scale), (one.offset, other.offset))
    return all(np.array_equal(left, right) for left, right in pairs)


def _parts(edits: LayerEdits) -> dict[str, Edit]:
    activation = {} if edits.activation is None else {"activation": edits.activation}
    return {**edits.outputs, **edits.inputs, **activation}


def lower(plan: Plan, sites: SiteMap) -> list[LayerEdits]:
    """Translate a plan, layer by layer.

    Raises:
        ModelMismatchError: the plan names a layer or a neuron that the model does not have.
        SpecError: it names an unknown site.
    """
    by_layer: dict[int, dict[str, Edit]] = {}
    for layer, site, edit in plan:
        _check(sites, layer, site, edit)
        by_layer.setdefault(layer, {})[site] = edit
    return [_lower_layer(layer, edits, sites.sites[layer]) for layer, edits in by_layer.items()]


def expert_obstacle(edits: LayerEdits, ports: LayerSites, engine: str) -> str | None:
    """Why an engine cannot carry out a layer's edits on the neurons of experts, in words, or None."""
    paths = [port.path for port in ports.feed_forward] if ports.routed else []
    own = [edits.inputs[path] for path in paths if path in edits.inputs]
    if not own:
        return None
    where = f"the feed-forward neurons of layer {edits.layer} belong to fused experts"
    if any(edit.offset.any() for edit in own):
        return f"{where}, where only zero and scale are possible (and only by fold)"
    return f"{where}, whose activations no hook sees" if engine == "hook" else None


def _check(sites: SiteMap, layer: int, site: str, edit: Edit) -> None:
    if site not in SITES:
        raise SpecError(f"unknown site {site!r}; {hint(site, SITES)}the sites are {', '.join(SITES)}")
    if not 0 <= layer < len(sites.layers):
        raise ModelMismatchError(f"the plan edits layer {layer} of a model with {len(sites.layers)}; use its own set")
    width = sites.sites[layer].width(site)
    if edit.indices[-1] >= width:
        raise ModelMismatchError(
            f"the plan edits neuron {edit.indices[-1]} of {site} in layer {layer}, where the model has {width}; "
            "use a neuron set made for this model"
        )


def _lower_layer(layer: int, edits: Mapping[str, Edit], ports: LayerSites) -> LayerEdits:
    outputs: dict[str, Edit] = {}
    inputs: dict[str, Edit] = {}
    sites = dict(edits)
    activation = sites.pop("ffn.act", None) if ports.gated else None
    for site in SITES:  # SITES has ffn.act before ffn.hidden
        if site in sites:
            for port, own in _by_port(ports, site, sites[site]):
                _add(outputs if port.side == "out" else inputs, port, own)
    return LayerEdits(layer, outputs, inputs, activation)


def _by_port(ports: LayerSites, site: str, edit: Edit) -> Iterator[tuple[Port, Edit]]:
    """An edit of a site, port by port; only a layer with a shared expert has more than one for a site."""
    if not site.startswith("ffn.") or ports.shared is None:
        yield ports.port(site), edit
        return
    start = 0
    for port in ports.feed_forward:
        here = (edit.indices >= start) & (edit.indices < start + port.width)
        own = part(edit, here)
        if len(own):
            yield port, Edit(own.indices - start, own.scale, own.offset)
        start += port.width


def _add(edits: dict[str, Edit], port: Port, edit: Edit) -> None:
    moved = port.edit(edit)
    edits[port.path] = edits[port.path].then(moved) if port.path in edits else moved
