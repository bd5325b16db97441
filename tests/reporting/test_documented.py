"""What docs/statistics.md says in numbers, computed."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from lnbench.reporting import compare, langspec_f1
from lnbench.reporting.statistics import gain_loss_interval, paired_p

PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")


def test_intervals_of_25_documents():
    assert "no change in 25 documents is ±10 points, all 25\nlost is [-100, -78]" in re.sub(r"\n +", "\n", PAGE)
    assert gain_loss_interval(0, 0, 25) == pytest.approx((-0.10, 0.10), abs=0.005)
    assert gain_loss_interval(0, 25, 25) == pytest.approx((-1.0, -0.78), abs=0.005)


@pytest.mark.parametrize(("k", "wide"), [(5, "9.4"), (20, "4.0")])
def test_room_for_significance(k, wide):
    assert f"{t.ppf(0.9995, k - 1) * np.sqrt(1 + 1 / k):.1f}" == wide
    assert f"{wide} standard deviations" in PAGE or f"{wide} at K = {k}" in PAGE


def test_ranks_and_least_p():
    zeros, randoms = np.zeros(20), [np.ones(20)] * 19
    assert compare(np.ones(20), zeros, randoms).rank_p == pytest.approx(0.05)
    assert compare(np.ones(20), zeros, randoms[:5]).rank_p == pytest.approx(0.17, abs=0.005)
    assert paired_p(np.linspace(0.1, 0.2, 50)) == 0.0001


def test_the_example_runs_and_gives_its_numbers():
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "compare(" in block]
    known = {}
    exec(block, known)
    effect = known["effect"]
    assert (
        "# -0.7, (-0.87, -0.40), 0.0001\n" in block and "# 0.65, (0.43, 0.87)" in block and "# 0.17, 5, None" in block
    )
    assert (effect.difference, *effect.interval) == pytest.approx((-0.7, -0.87, -0.40), abs=0.005)
    assert effect.p == pytest.approx(0.0001, abs=5e-5)
    assert (effect.against_random, *effect.against_random_interval) == pytest.approx((0.65, 0.43, 0.87), abs=0.005)
    assert (effect.rank_p, effect.K, effect.reason) == (pytest.approx(0.17, abs=0.005), 5, None)


def test_the_prediction_interval_of_five_sets():
    costs = [5, 0, 10, 5, 5]
    half = t.ppf(0.975, 4) * np.std(costs, ddof=1) * np.sqrt(1 + 1 / 5)
    assert (f"{np.mean(costs):g}", f"{np.std(costs, ddof=1):.1f}", f"{half:.1f}") == ("5", "3.5", "10.8")
    assert "= 5 ± 10.8 points" in PAGE


def test_the_example_of_langspec_f1():
    assert langspec_f1({"en": 0.8, "zh": 0.6}, {"en": 0.7, "zh": 0.15}, target="zh") == pytest.approx(0.7826, abs=1e-4)
