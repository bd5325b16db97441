"""LAPE's experiments on text and answers: the perplexity matrix, steering, and the dose that it takes.

Tang et al., ACL 2024 (arXiv 2402.16438). Everything is read from finished results.
"""

from lnbench.analysis.text._dose import Curve, Point, curves
from lnbench.analysis.text._doses import Dose
from lnbench.analysis.text._matrix import LossMatrix, matrices
from lnbench.analysis.text._plot import dose_png, matrix_png, steering_png
from lnbench.analysis.text._section import dose_section, matrix_section, steering_section
from lnbench.analysis.text._show import render_section
from lnbench.analysis.text._steering import Measure, Steering, steerings

__all__ = [
    "Curve",
    "Dose",
    "LossMatrix",
    "Measure",
    "Point",
    "Steering",
    "curves",
    "dose_png",
    "dose_section",
    "matrices",
    "matrix_png",
    "matrix_section",
    "render_section",
    "steering_png",
    "steering_section",
    "steerings",
]
