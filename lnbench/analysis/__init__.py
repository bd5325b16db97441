"""The papers' experiments beside the table: each measures, and fills a section of a report.

Every name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.analysis._section import Picture, Section, ShownTable
    from lnbench.analysis.counts import corpus_section, counts_section, overlap_section
    from lnbench.analysis.lens import Lens, LensSettings, layer_lens, lens_section
    from lnbench.analysis.text import dose_section, matrix_section, steering_section
    from lnbench.analysis.tuning import Experiment, TuningResult, TuningSettings, tune, tuning_section
    from lnbench.analysis.workflow import sweep_section, without_english_section, workflow_section

_LAZY = {
    "dose_section": "lnbench.analysis.text",
    "matrix_section": "lnbench.analysis.text",
    "steering_section": "lnbench.analysis.text",
    "lens_section": "lnbench.analysis.lens",
    "layer_lens": "lnbench.analysis.lens",
    "LensSettings": "lnbench.analysis.lens",
    "Lens": "lnbench.analysis.lens",
    "Picture": "lnbench.analysis._section",
    "Section": "lnbench.analysis._section",
    "ShownTable": "lnbench.analysis._section",
    "Experiment": "lnbench.analysis.tuning",
    "TuningResult": "lnbench.analysis.tuning",
    "TuningSettings": "lnbench.analysis.tuning",
    "tune": "lnbench.analysis.tuning",
    "tuning_section": "lnbench.analysis.tuning",
    "corpus_section": "lnbench.analysis.counts",
    "counts_section": "lnbench.analysis.counts",
    "overlap_section": "lnbench.analysis.counts",
    "sweep_section": "lnbench.analysis.workflow",
    "without_english_section": "lnbench.analysis.workflow",
    "workflow_section": "lnbench.analysis.workflow",
}

__all__ = [
    "Experiment",
    "Lens",
    "LensSettings",
    "Picture",
    "Section",
    "ShownTable",
    "TuningResult",
    "TuningSettings",
    "corpus_section",
    "counts_section",
    "dose_section",
    "layer_lens",
    "lens_section",
    "matrix_section",
    "overlap_section",
    "steering_section",
    "sweep_section",
    "tune",
    "tuning_section",
    "without_english_section",
    "workflow_section",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
