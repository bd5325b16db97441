"""The layer lens: which language a model would speak, layer by layer (Zhao et al. 2024, arXiv 2402.18815).

Every name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.analysis.lens._judge import NO_LANGUAGE, OTHER_SCRIPT, UNDECIDABLE, Judge, Verdict
    from lnbench.analysis.lens._lens import LanguageLens, Lens, layer_lens
    from lnbench.analysis.lens._plot import plot_lens_areas, plot_lens_heat
    from lnbench.analysis.lens._section import lens_section
    from lnbench.analysis.lens._settings import LensSettings
    from lnbench.analysis.lens._shares import GROUPS, Shares
    from lnbench.analysis.lens._show import lens_tables, lens_text

_LAZY = {
    "NO_LANGUAGE": "lnbench.analysis.lens._judge",
    "OTHER_SCRIPT": "lnbench.analysis.lens._judge",
    "UNDECIDABLE": "lnbench.analysis.lens._judge",
    "Judge": "lnbench.analysis.lens._judge",
    "Verdict": "lnbench.analysis.lens._judge",
    "LanguageLens": "lnbench.analysis.lens._lens",
    "Lens": "lnbench.analysis.lens._lens",
    "layer_lens": "lnbench.analysis.lens._lens",
    "plot_lens_areas": "lnbench.analysis.lens._plot",
    "plot_lens_heat": "lnbench.analysis.lens._plot",
    "lens_section": "lnbench.analysis.lens._section",
    "LensSettings": "lnbench.analysis.lens._settings",
    "GROUPS": "lnbench.analysis.lens._shares",
    "Shares": "lnbench.analysis.lens._shares",
    "lens_tables": "lnbench.analysis.lens._show",
    "lens_text": "lnbench.analysis.lens._show",
}

__all__ = [
    "GROUPS",
    "NO_LANGUAGE",
    "OTHER_SCRIPT",
    "UNDECIDABLE",
    "Judge",
    "LanguageLens",
    "Lens",
    "LensSettings",
    "Shares",
    "Verdict",
    "layer_lens",
    "lens_section",
    "lens_tables",
    "lens_text",
    "plot_lens_areas",
    "plot_lens_heat",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
