"""Neurons of each language by layer and site, and how many of them languages share (Zhao et al. 2024, section 3)."""

from lnbench.analysis.counts._counts import Counts, counts_of, counts_png, counts_section, render_counts
from lnbench.analysis.counts._overlap import Shared, overlap_png, overlap_section, overlaps_of, render_overlap

__all__ = [
    "Counts",
    "Shared",
    "counts_of",
    "counts_png",
    "counts_section",
    "overlap_png",
    "overlap_section",
    "overlaps_of",
    "render_counts",
    "render_overlap",
]
