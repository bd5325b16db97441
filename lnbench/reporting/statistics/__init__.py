"""The statistics of a comparison: intervals, tests, random controls, Holm, selectivity, the noise floor.

Everything here works on plain arrays and numbers; it knows no files, no tables and no lm-eval. What each number means
to a reader stands in docs/statistics.md.
"""

from lnbench.reporting.statistics._against_random import AgainstRandom, against_random, mean_of_draws
from lnbench.reporting.statistics._compare import Effect, compare, compare_average
from lnbench.reporting.statistics._gain_loss import gain_loss_interval
from lnbench.reporting.statistics._gap import gap_parts
from lnbench.reporting.statistics._holm import holm
from lnbench.reporting.statistics._intervals import (
    Difference,
    full_range,
    mean_interval,
    mean_intervals,
    paired_difference,
)
from lnbench.reporting.statistics._selectivity import (
    Selectivity,
    diagonal_share,
    english_gap,
    harms,
    langspec_f1,
    selectivity,
)
from lnbench.reporting.statistics._tests import mcnemar, paired_p, paired_ps
from lnbench.reporting.statistics._units import Units, documents

__all__ = [
    "AgainstRandom",
    "Difference",
    "Effect",
    "Selectivity",
    "Units",
    "against_random",
    "compare",
    "compare_average",
    "diagonal_share",
    "documents",
    "english_gap",
    "full_range",
    "gain_loss_interval",
    "gap_parts",
    "harms",
    "holm",
    "langspec_f1",
    "mcnemar",
    "mean_interval",
    "mean_intervals",
    "mean_of_draws",
    "paired_difference",
    "paired_p",
    "paired_ps",
    "selectivity",
]
