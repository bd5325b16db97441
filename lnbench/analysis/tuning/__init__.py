"""Neuron-specific tuning: only a language's neurons are trained (Zhao et al. 2024, section 4.4).

Against the original, as many random neurons, and all parameters; on several numbers of documents, over several seeds.
"""

from lnbench.analysis.tuning._experiment import Experiment, tune
from lnbench.analysis.tuning._result import Run, TuningResult
from lnbench.analysis.tuning._settings import CONDITIONS, DOCUMENTS, TuningSettings
from lnbench.analysis.tuning._text import HeldOut, bits_per_byte, held_out, split

__all__ = [
    "CONDITIONS",
    "DOCUMENTS",
    "Experiment",
    "HeldOut",
    "Run",
    "TuningResult",
    "TuningSettings",
    "bits_per_byte",
    "held_out",
    "split",
    "tune",
]
