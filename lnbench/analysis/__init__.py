"""The papers' experiments beside the table: each measures, and fills a section of a report.

Every name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.analysis._section import Picture, Section, ShownTable

_LAZY = {
    "Picture": "lnbench.analysis._section",
    "Section": "lnbench.analysis._section",
    "ShownTable": "lnbench.analysis._section",
}

__all__ = ["Picture", "Section", "ShownTable"]

__getattr__ = lazy(__name__, _LAZY)
