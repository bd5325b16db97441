"""What a plan says of device-hours: arithmetic on known rates, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from lnbench.cli.study import app
from lnbench.errors import SpecError
from lnbench.studies import Cost, Observation, Rates, Store, fitted, forecast, given_rates, plan_text, run
from lnbench.studies._rates import hours

FORWARD, GENERATED, CELL = 1 / 5000, 1 / 400, 0.25


def timed(forward: int, generated: int, noise: float = 0.0) -> Observation:
    seconds = CELL + forward * FORWARD + generated * GENERATED
    return Observation(Cost(1, forward, generated), seconds * (1 + noise))


def test_rates_that_are_known_are_found_again():
    found = fitted([timed(9000, 0), timed(500, 0), timed(2000, 640), timed(2500, 3200)], "here")
    assert (found.forward, found.generated, found.cell) == pytest.approx((FORWARD, GENERATED, CELL))
    assert str(found) == "5,000 forward tokens a second, 400 generated tokens a second, 0.25 s a cell (here)"


def test_what_was_never_timed_is_not_known():
    found = fitted([timed(9000, 0), timed(500, 0)], "here")
    assert found.generated is None and "generated tokens unknown" in str(found)
    assert found.seconds(Cost(1, 5000, 0), cells=2) == pytest.approx(1.5)
    assert found.seconds(Cost(1, 5000, 1), cells=2) is None
    assert fitted([], "nothing") is None


@given(
    st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**5), st.floats(0.01, 10**4)), min_size=1, max_size=12)
)
def test_no_rate_is_negative_and_no_smaller_error_is_left(rows):
    found = fitted([Observation(Cost(1, f, g), s) for f, g, s in rows], "here")
    rates = np.array([found.cell, found.forward or 0.0, found.generated or 0.0])
    assert (rates >= 0).all()
    work = np.array([[1.0, f, g] for f, g, _ in rows])
    wanted = np.array([s for *_, s in rows])
    error = np.square(work @ rates - wanted).sum()
    for at in range(3):  # more or less of any one rate explains no better, as far as it may become less
        for factor in (0.9, 1.1):
            other = rates.copy()
            other[at] *= factor
            assert np.square(work @ other - wanted).sum() >= error * (1 - 1e-6) - 1e-9


def test_cells_that_are_alike_are_foretold_by_their_mean():
    same = [timed(2000, 640, noise) for noise in (-0.1, 0.0, 0.1)]
    left = fitted(same, "here").seconds(Cost(7, 7 * 2000, 7 * 640), cells=7)
    assert left == pytest.approx(7 * np.mean([one.seconds for one in same]))


def test_given_rates():
    rates = given_rates("5000, 400.0")
    assert rates == Rates(1 / 5000, 1 / 400) and rates.seconds(Cost(1, 10000, 800), cells=3) == pytest.approx(4)


@pytest.mark.parametrize("text", ["5000", "0,3", "3,0", "-1,2", "a,b", "1,2,3", ""])
def test_no_rates(text):
    with pytest.raises(SpecError, match="forward and generated tokens a second, as in 5000,400"):
        given_rates(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(7.2, "0.002"), (1800, "0.5"), (3600, "1.0"), (9000, "2.5"), (3600 * 12345.6, "12,345.6")],
    ids=["seconds", "half an hour", "an hour", "hours", "months"],
)
def test_hours(seconds, words):
    assert hours(seconds) == f"{words} device-hours"


def test_a_plan_says_what_finished_cells_took(study, tmp_path):
    store = Store(tmp_path / "out")
    assert "no cell is timed: --measure or --tokens-per-second F,G" in plan_text(forecast(study, store), store.folder)
    run(study, store, shard=(1, 2))
    for name, manifest in store.finished().items():  # as if every cell had taken what is known
        cost = forecast(study, store).costs[manifest["cell"]["task"]]
        manifest["recorded"]["seconds"] = CELL + cost.forward * FORWARD + cost.generated * GENERATED
        (store.cell(name) / "manifest.json").write_text(json.dumps(manifest))
    expected = forecast(study, store)
    left, all_cells = expected.status.left, expected.status.plan.cells
    assert 0 < len(left) < len(all_cells) and len(expected.timed) == len(all_cells) - len(left)
    wanted = [
        sum(CELL + expected.costs[r.task.name].forward * FORWARD + expected.costs[r.task.name].generated * GENERATED
            for r in roles)
        for roles in (left, all_cells)
    ]  # fmt: skip
    text = plan_text(expected, store.folder)
    assert f"(from {len(expected.timed)} finished cells on cpu):" in text
    assert f"{hours(wanted[0])} for the {len(left)} cells left" in text
    assert f"{hours(wanted[1])} for the {len(all_cells)} cells in all" in text


def test_the_command(keys, write, tmp_path):
    def call(*more: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["plan", str(write(keys)), "--out", str(tmp_path / "out"), *more])
        return found.exit_code, found.output if found.exception is None else str(found.exception)

    code, text = call("--tokens-per-second", "3600,1")
    assert code == 0 and "at 3,600 forward tokens a second, 1 generated tokens a second, 0.00 s a cell (given):" in text
    code, text = call("--measure")
    assert code == 0 and " documents on cpu):" in text and "device-hours for the 16 cells left" in text
    assert not (tmp_path / "out").exists()
    assert "are both given; drop one" in call("--measure", "--tokens-per-second", "1,2")[1]
    assert "is not F,G" in call("--tokens-per-second", "fast")[1]
