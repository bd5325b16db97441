"""A thousand hostile files for every parser: a valid value or one sentence, soon, in little memory, nothing done."""

import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import Bench, parsers
from tests.fuzz.recipes import STEP, damaged

INPUTS = 1_000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", parsers(), ids=lambda name: name.replace(" ", "-"))
def test_hostile_files(name, tmp_path_factory):
    bench = Bench(parsers()[name], tmp_path_factory.mktemp("fuzz-"))

    @settings(
        max_examples=INPUTS, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.integers(0, 2**64 - 1))  # one number: bytes of a recipe's length take hypothesis longer than any parser
    def each(number):
        chance = random.Random(number)
        data = damaged(bench.form, chance.randbytes(1 + STEP * chance.choice((1, 1, 2, 3, 4))))
        found = bench.finding(data)
        assert found is None, (found, data[:500])

    each()
