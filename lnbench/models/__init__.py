"""Interventions on a model: a spec, the plan that it becomes, and the engines that carry the plan out.

Every name is loaded on first use, so that specs and plans need no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.models._apply import ENGINES, Applied, applied, apply, choose_engine
    from lnbench.models._claims import OPERATIONS, Claim, Claims
    from lnbench.models._compile import compile_plan
    from lnbench.models._export._bar import writing_bar
    from lnbench.models._export._checkpoint import Checkpoint, open_checkpoint
    from lnbench.models._export._folder import check_target
    from lnbench.models._export._push import check_export_push, push_export
    from lnbench.models._export._record import PLAN_FILE
    from lnbench.models._export._run import export, export_biases, export_size
    from lnbench.models._layers import select_layers
    from lnbench.models._load import check_placement, commit_of, load_model, load_tokenizer, model_location
    from lnbench.models._observe import check_observable, observed
    from lnbench.models._output_key import local_weights_fingerprint, output_key
    from lnbench.models._plan import Edit, Plan
    from lnbench.models._ports import Experts
    from lnbench.models._readout import Readout, layer_states, readout
    from lnbench.models._shape import load_architecture, load_shell
    from lnbench.models._sitemap import Description, LayerSites, Port, SiteMap, architecture_of, site_map
    from lnbench.models._spec import SPEC_KEYS, Spec, Statistic, Step
    from lnbench.models.architectures import claims_of, register_architecture, supported_architectures
    from lnbench.models.delta._apply import AppliedDelta, apply_delta, delta_applied
    from lnbench.models.delta._delta import Delta, DeltaPart, fingerprint
    from lnbench.models.delta._header import delta_header, delta_name, fill_delta_name
    from lnbench.models.delta._slots import Slot, slots_of
    from lnbench.models.delta._write import delta_of, dense_delta, save_checkpoint
    from lnbench.neurons import GroupedRows, Heads, grouped_query_index, grouped_query_rows

_LAZY = {
    "AppliedDelta": "lnbench.models.delta._apply",
    "Delta": "lnbench.models.delta._delta",
    "DeltaPart": "lnbench.models.delta._delta",
    "Slot": "lnbench.models.delta._slots",
    "apply_delta": "lnbench.models.delta._apply",
    "delta_applied": "lnbench.models.delta._apply",
    "delta_header": "lnbench.models.delta._header",
    "delta_name": "lnbench.models.delta._header",
    "delta_of": "lnbench.models.delta._write",
    "dense_delta": "lnbench.models.delta._write",
    "fill_delta_name": "lnbench.models.delta._header",
    "fingerprint": "lnbench.models.delta._delta",
    "save_checkpoint": "lnbench.models.delta._write",
    "slots_of": "lnbench.models.delta._slots",
    "ENGINES": "lnbench.models._apply",
    "Applied": "lnbench.models._apply",
    "applied": "lnbench.models._apply",
    "apply": "lnbench.models._apply",
    "choose_engine": "lnbench.models._apply",
    "Description": "lnbench.models._sitemap",
    "Heads": "lnbench.neurons",
    "LayerSites": "lnbench.models._sitemap",
    "Port": "lnbench.models._sitemap",
    "SiteMap": "lnbench.models._sitemap",
    "architecture_of": "lnbench.models._sitemap",
    "site_map": "lnbench.models._sitemap",
    "Checkpoint": "lnbench.models._export._checkpoint",
    "PLAN_FILE": "lnbench.models._export._record",
    "check_export_push": "lnbench.models._export._push",
    "check_target": "lnbench.models._export._folder",
    "export": "lnbench.models._export._run",
    "export_biases": "lnbench.models._export._run",
    "export_size": "lnbench.models._export._run",
    "writing_bar": "lnbench.models._export._bar",
    "open_checkpoint": "lnbench.models._export._checkpoint",
    "push_export": "lnbench.models._export._push",
    "GroupedRows": "lnbench.neurons",
    "grouped_query_index": "lnbench.neurons",
    "grouped_query_rows": "lnbench.neurons",
    "Readout": "lnbench.models._readout",
    "readout": "lnbench.models._readout",
    "Claim": "lnbench.models._claims",
    "Claims": "lnbench.models._claims",
    "OPERATIONS": "lnbench.models._claims",
    "claims_of": "lnbench.models.architectures",
    "register_architecture": "lnbench.models.architectures",
    "supported_architectures": "lnbench.models.architectures",
    "Experts": "lnbench.models._ports",
    "Edit": "lnbench.models._plan",
    "Plan": "lnbench.models._plan",
    "SPEC_KEYS": "lnbench.models._spec",
    "Spec": "lnbench.models._spec",
    "Statistic": "lnbench.models._spec",
    "Step": "lnbench.models._spec",
    "compile_plan": "lnbench.models._compile",
    "check_placement": "lnbench.models._load",
    "commit_of": "lnbench.models._load",
    "load_model": "lnbench.models._load",
    "load_tokenizer": "lnbench.models._load",
    "layer_states": "lnbench.models._readout",
    "load_architecture": "lnbench.models._shape",
    "load_shell": "lnbench.models._shape",
    "local_weights_fingerprint": "lnbench.models._output_key",
    "model_location": "lnbench.models._load",
    "check_observable": "lnbench.models._observe",
    "observed": "lnbench.models._observe",
    "output_key": "lnbench.models._output_key",
    "select_layers": "lnbench.models._layers",
}

__all__ = [
    "ENGINES",
    "OPERATIONS",
    "PLAN_FILE",
    "SPEC_KEYS",
    "Applied",
    "AppliedDelta",
    "Checkpoint",
    "Claim",
    "Claims",
    "Delta",
    "DeltaPart",
    "Description",
    "Edit",
    "Experts",
    "GroupedRows",
    "Heads",
    "LayerSites",
    "Plan",
    "Port",
    "Readout",
    "SiteMap",
    "Slot",
    "Spec",
    "Statistic",
    "Step",
    "applied",
    "apply",
    "apply_delta",
    "architecture_of",
    "check_export_push",
    "check_observable",
    "check_placement",
    "check_target",
    "choose_engine",
    "claims_of",
    "commit_of",
    "compile_plan",
    "delta_applied",
    "delta_header",
    "delta_name",
    "delta_of",
    "dense_delta",
    "export",
    "export_biases",
    "export_size",
    "fill_delta_name",
    "fingerprint",
    "grouped_query_index",
    "grouped_query_rows",
    "layer_states",
    "load_architecture",
    "load_model",
    "load_shell",
    "load_tokenizer",
    "local_weights_fingerprint",
    "model_location",
    "observed",
    "open_checkpoint",
    "output_key",
    "push_export",
    "readout",
    "register_architecture",
    "save_checkpoint",
    "select_layers",
    "site_map",
    "slots_of",
    "supported_architectures",
    "writing_bar",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
