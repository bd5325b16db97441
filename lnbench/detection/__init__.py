"""Detection: from text in several languages to the neurons that are specific to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lnbench._lazy import lazy

if TYPE_CHECKING:
    from lnbench.detection._added import with_statistics
    from lnbench.detection._ap import ap_select, average_precision, check_ap, check_ap_number
    from lnbench.detection._collect import collect_sites
    from lnbench.detection._compare import Agreement, Comparison, Overlap, compare
    from lnbench.detection._detect import detect_lape, lape_from_statistics, with_constants
    from lnbench.detection._lape import activation_entropy, activation_probability, check_rates, lape_select
    from lnbench.detection._measured import CorpusStatistics
    from lnbench.detection._methods import check_parameters, methods, parameter, select_by
    from lnbench.detection._on_ray import Loaded, PoolRunner, RayRunner, ShardMeter
    from lnbench.detection._responses import (
        MemoryResponses,
        Responses,
        StoredResponses,
        collect_responses,
        responses_key,
    )
    from lnbench.detection._statistics import Statistics, collect
    from lnbench.detection._store import ShardStore
    from lnbench.detection._truth import Truth, TruthScore, precision_recall, truth_scores
    from lnbench.detection.corpora import (
        Corpus,
        Coverage,
        TokenDocuments,
        coverage_of,
        parse_amount,
        read_documents,
        read_words,
        token_batches,
        token_documents,
        with_coverage,
    )
    from lnbench.detection.plnd import (
        StoredImpacts,
        collect_impacts,
        detect_plnd,
        impacts_key,
        plnd_impact,
        plnd_select,
    )

_LAZY = {
    "check_parameters": "lnbench.detection._methods",
    "methods": "lnbench.detection._methods",
    "parameter": "lnbench.detection._methods",
    "select_by": "lnbench.detection._methods",
    "check_ap": "lnbench.detection._ap",
    "check_ap_number": "lnbench.detection._ap",
    "MemoryResponses": "lnbench.detection._responses",
    "Responses": "lnbench.detection._responses",
    "RayRunner": "lnbench.detection._on_ray",
    "Loaded": "lnbench.detection._on_ray",
    "PoolRunner": "lnbench.detection._on_ray",
    "ShardMeter": "lnbench.detection._on_ray",
    "StoredResponses": "lnbench.detection._responses",
    "collect_responses": "lnbench.detection._responses",
    "responses_key": "lnbench.detection._responses",
    "Corpus": "lnbench.detection.corpora",
    "Coverage": "lnbench.detection.corpora",
    "coverage_of": "lnbench.detection.corpora",
    "read_words": "lnbench.detection.corpora",
    "with_coverage": "lnbench.detection.corpora",
    "CorpusStatistics": "lnbench.detection._measured",
    "check_rates": "lnbench.detection._lape",
    "collect_sites": "lnbench.detection._collect",
    "lape_from_statistics": "lnbench.detection._detect",
    "parse_amount": "lnbench.detection.corpora",
    "with_constants": "lnbench.detection._detect",
    "with_statistics": "lnbench.detection._added",
    "ShardStore": "lnbench.detection._store",
    "ap_select": "lnbench.detection._ap",
    "average_precision": "lnbench.detection._ap",
    "Agreement": "lnbench.detection._compare",
    "Comparison": "lnbench.detection._compare",
    "Overlap": "lnbench.detection._compare",
    "Truth": "lnbench.detection._truth",
    "TruthScore": "lnbench.detection._truth",
    "compare": "lnbench.detection._compare",
    "StoredImpacts": "lnbench.detection.plnd",
    "collect_impacts": "lnbench.detection.plnd",
    "detect_plnd": "lnbench.detection.plnd",
    "impacts_key": "lnbench.detection.plnd",
    "plnd_impact": "lnbench.detection.plnd",
    "plnd_select": "lnbench.detection.plnd",
    "precision_recall": "lnbench.detection._truth",
    "truth_scores": "lnbench.detection._truth",
    "Statistics": "lnbench.detection._statistics",
    "activation_entropy": "lnbench.detection._lape",
    "activation_probability": "lnbench.detection._lape",
    "collect": "lnbench.detection._statistics",
    "detect_lape": "lnbench.detection._detect",
    "lape_select": "lnbench.detection._lape",
    "read_documents": "lnbench.detection.corpora",
    "TokenDocuments": "lnbench.detection.corpora",
    "token_batches": "lnbench.detection.corpora",
    "token_documents": "lnbench.detection.corpora",
}

__all__ = [
    "Agreement",
    "Comparison",
    "Corpus",
    "CorpusStatistics",
    "Coverage",
    "Loaded",
    "MemoryResponses",
    "Overlap",
    "PoolRunner",
    "RayRunner",
    "Responses",
    "ShardMeter",
    "ShardStore",
    "Statistics",
    "StoredImpacts",
    "StoredResponses",
    "TokenDocuments",
    "Truth",
    "TruthScore",
    "activation_entropy",
    "activation_probability",
    "ap_select",
    "average_precision",
    "check_ap",
    "check_ap_number",
    "check_parameters",
    "check_rates",
    "collect",
    "collect_impacts",
    "collect_responses",
    "collect_sites",
    "compare",
    "coverage_of",
    "detect_lape",
    "detect_plnd",
    "impacts_key",
    "lape_from_statistics",
    "lape_select",
    "methods",
    "parameter",
    "parse_amount",
    "plnd_impact",
    "plnd_select",
    "precision_recall",
    "read_documents",
    "read_words",
    "responses_key",
    "select_by",
    "token_batches",
    "token_documents",
    "truth_scores",
    "with_constants",
    "with_coverage",
    "with_statistics",
]

__getattr__, __dir__ = lazy(__name__, _LAZY)
