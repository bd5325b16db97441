"""Neurons by layer and site, how many languages share, and the text they were found on (Zhao et al. 2024)."""

from lnbench.analysis.counts._corpus import corpus_section, render_corpus
from lnbench.analysis.counts._counts import Counts, counts_of, counts_png, counts_section, render_counts
from lnbench.analysis.counts._overlap import Shared, overlap_png, overlap_section, overlaps_of, render_overlap

__all__ = [
    "Counts",
    "Shared",
    "corpus_section",
    "counts_of",
    "counts_png",
    "counts_section",
    "overlap_png",
    "overlap_section",
    "overlaps_of",
    "render_corpus",
    "render_counts",
    "render_overlap",
]
