"""Neuron-specific tuning: only a language's neurons are trained (Zhao et al. 2024, section 4.4).

Against the original, as many random neurons, and all parameters; on several numbers of documents, over several seeds.
Every name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.analysis.tuning._experiment import tune
    from lnbench.analysis.tuning._plan import Experiment, Which
    from lnbench.analysis.tuning._result import Point, Run, TuningResult
    from lnbench.analysis.tuning._section import contrast_table, effect_table, tuning_section
    from lnbench.analysis.tuning._settings import CONDITIONS, DOCUMENTS, TuningSettings
    from lnbench.analysis.tuning._summary import Contrast, Effect, Estimate, contrasts, effects, summary
    from lnbench.analysis.tuning._text import HeldOut, bits_per_byte, held_out, split

_LAZY = {
    "CONDITIONS": "lnbench.analysis.tuning._settings",
    "DOCUMENTS": "lnbench.analysis.tuning._settings",
    "Contrast": "lnbench.analysis.tuning._summary",
    "Effect": "lnbench.analysis.tuning._summary",
    "Estimate": "lnbench.analysis.tuning._summary",
    "Experiment": "lnbench.analysis.tuning._plan",
    "HeldOut": "lnbench.analysis.tuning._text",
    "Point": "lnbench.analysis.tuning._result",
    "Run": "lnbench.analysis.tuning._result",
    "TuningResult": "lnbench.analysis.tuning._result",
    "TuningSettings": "lnbench.analysis.tuning._settings",
    "Which": "lnbench.analysis.tuning._plan",
    "bits_per_byte": "lnbench.analysis.tuning._text",
    "contrast_table": "lnbench.analysis.tuning._section",
    "contrasts": "lnbench.analysis.tuning._summary",
    "effect_table": "lnbench.analysis.tuning._section",
    "effects": "lnbench.analysis.tuning._summary",
    "held_out": "lnbench.analysis.tuning._text",
    "split": "lnbench.analysis.tuning._text",
    "summary": "lnbench.analysis.tuning._summary",
    "tune": "lnbench.analysis.tuning._experiment",
    "tuning_section": "lnbench.analysis.tuning._section",
}

__all__ = [
    "CONDITIONS",
    "DOCUMENTS",
    "Contrast",
    "Effect",
    "Estimate",
    "Experiment",
    "HeldOut",
    "Point",
    "Run",
    "TuningResult",
    "TuningSettings",
    "Which",
    "bits_per_byte",
    "contrast_table",
    "contrasts",
    "effect_table",
    "effects",
    "held_out",
    "split",
    "summary",
    "tune",
    "tuning_section",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
