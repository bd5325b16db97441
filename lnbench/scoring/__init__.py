"""Scores of single answers, in any language: numbers, question answering, ROUGE, chrF, output-language fidelity."""

from lnbench.identification import identify
from lnbench.scoring._choices import process_choices
from lnbench.scoring._chrf import chrf
from lnbench.scoring._expected import expect_language, expected_language
from lnbench.scoring._fidelity import PROTOCOLS, Fidelity, fidelity, fidelity_signature, judge_by
from lnbench.scoring._judgement import Judgement, judge
from lnbench.scoring._kinds import METRICS
from lnbench.scoring._logged import score_of
from lnbench.scoring._numbers import number
from lnbench.scoring._process import cut, languages_found, mean_of_scored, process, signatures
from lnbench.scoring._qa import qa
from lnbench.scoring._report import fidelity_report
from lnbench.scoring._responses import TEXT_FIELDS, Fields, Response, read_responses
from lnbench.scoring._rouge import rouge
from lnbench.scoring._signature import signature
from lnbench.scoring._tally import RATES, Tally
from lnbench.scoring._text import letter_weight, script_of_language

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "RATES",
    "TEXT_FIELDS",
    "Fidelity",
    "Fields",
    "Judgement",
    "Response",
    "Tally",
    "chrf",
    "cut",
    "expect_language",
    "expected_language",
    "fidelity",
    "fidelity_report",
    "fidelity_signature",
    "identify",
    "judge",
    "judge_by",
    "languages_found",
    "letter_weight",
    "mean_of_scored",
    "number",
    "process",
    "process_choices",
    "qa",
    "read_responses",
    "rouge",
    "score_of",
    "script_of_language",
    "signature",
    "signatures",
]
