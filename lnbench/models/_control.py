"""The random control of a plan: the same edits, each on another neuron.

Each target neuron gets one stand-in, which takes over everything that the steps do to it. The draw is made once, for
all neurons that any step touches. So a control has the size of its plan at each place that ``match`` keeps, the same
scales and offsets, and the same overlap between its steps: two steps meet on a stand-in exactly where they met on a
neuron. Within a site, targets and stand-ins are paired in ascending (layer, index) order; statistics of the stand-ins
are not in a neuron-set file, so a constant such as ``mean:fr`` stays the one that was measured on the target.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lnbench.models._plan import Edit, IntArray, Place
from lnbench.models._spec import Spec
from lnbench.neurons import Architecture, NeuronSet, random_control


def random_edits(
    edits: Mapping[Place, Edit], spec: Spec, neurons: NeuronSet, architecture: Architecture
) -> tuple[dict[Place, Edit], int]:
    """Move ``edits`` to random neurons; the second value is how many of those had to be taken from the target.

    Raises:
        SpecError: ``match=activation`` on a set without activation frequencies.
    """
    target = {(site, layer): edit.indices for (layer, site), edit in edits.items()}
    control = random_control(target, architecture, seed=spec.seed, match=spec.match, frequency=neurons.frequency)
    moved: dict[Place, Edit] = {}
    for site in dict.fromkeys(site for site, _ in target):
        moved.update(_moved(site, edits, control.indices))
    return moved, control.reused


def _moved(site: str, edits: Mapping[Place, Edit], stand_ins: Mapping[tuple[str, int], IntArray]) -> dict[Place, Edit]:
    """Hand the scales and offsets of one site on, in ascending (layer, index) order."""
    old = [edits[place] for place in sorted(edits) if place[1] == site]
    scale, offset = np.concatenate([e.scale for e in old]), np.concatenate([e.offset for e in old])
    moved, start = {}, 0
    for layer in sorted(layer for name, layer in stand_ins if name == site):
        indices = np.sort(stand_ins[site, layer])
        part = slice(start, start + indices.size)
        moved[layer, site] = Edit.of(indices, scale[part], offset[part])
        start += indices.size
    assert start == scale.size, "a control keeps the number of neurons per site"
    return moved
