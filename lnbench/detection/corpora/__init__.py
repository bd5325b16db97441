"""Text for detection: where it lies, in which order it is read, how much of it, as token documents, and what it covers.

It knows files and tokenizers, and neither models nor neurons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.detection.corpora._amount import parse_amount
    from lnbench.detection.corpora._corpus import Corpus, read_documents, token_batches
    from lnbench.detection.corpora._coverage import Coverage, coverage_of, read_words, with_coverage
    from lnbench.detection.corpora._tokens import TokenDocuments, token_documents

_CORPORA = "lnbench.detection.corpora"
_LAZY = {
    "Corpus": f"{_CORPORA}._corpus",
    "Coverage": f"{_CORPORA}._coverage",
    "TokenDocuments": f"{_CORPORA}._tokens",
    "coverage_of": f"{_CORPORA}._coverage",
    "parse_amount": f"{_CORPORA}._amount",
    "read_documents": f"{_CORPORA}._corpus",
    "read_words": f"{_CORPORA}._coverage",
    "token_batches": f"{_CORPORA}._corpus",
    "token_documents": f"{_CORPORA}._tokens",
    "with_coverage": f"{_CORPORA}._coverage",
}

__all__ = [
    "Corpus",
    "Coverage",
    "TokenDocuments",
    "coverage_of",
    "parse_amount",
    "read_documents",
    "read_words",
    "token_batches",
    "token_documents",
    "with_coverage",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
