"""The papers' experiments beside the table: each measures, and fills a section of a report.

Every name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.analysis._section import Picture, Section, ShownTable
    from lnbench.analysis.lens import Lens, LensSettings, layer_lens, lens_section

_LAZY = {
    "lens_section": "lnbench.analysis.lens",
    "layer_lens": "lnbench.analysis.lens",
    "LensSettings": "lnbench.analysis.lens",
    "Lens": "lnbench.analysis.lens",
    "Picture": "lnbench.analysis._section",
    "Section": "lnbench.analysis._section",
    "ShownTable": "lnbench.analysis._section",
}

__all__ = [
    "Lens",
    "LensSettings",
    "Picture",
    "Section",
    "ShownTable",
    "layer_lens",
    "lens_section",
]

__getattr__ = lazy(__name__, _LAZY)
