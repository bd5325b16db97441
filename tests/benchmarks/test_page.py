"""docs/performance.md shows the last kept run, and gives a reason wherever that misses an aim."""

from __future__ import annotations

import dataclasses

import pytest

from scripts import make_performance_page as script
from tests.benchmarks.test_history import row, run_of


@pytest.fixture(scope="module")
def page():
    if not script.PAGE.is_file():
        pytest.skip("needs the docs of a checkout")
    return script.PAGE.read_text("utf-8")


def test_the_table_is_that_of_the_last_kept_run(page):
    assert page.count(script.BEGIN) == page.count(script.END) == page.count(script.MISSED) == 1
    assert script.updated(page) == page


def test_every_missed_aim_has_a_reason(page):
    run = script.last()
    assert run is None or script.unexplained(page, run) == []


def test_the_last_run_is_the_newest_file(monkeypatch, tmp_path, page):
    monkeypatch.setattr(script, "HISTORY", tmp_path)
    assert "No run is kept." in script.updated(page)
    for date in ("2026-11-20T21:03:11+00:00", "2026-12-01T09:00:00+00:00", "2026-11-30T23:59:00+00:00"):
        run_of(row(f"of {date}"), date=date).save(tmp_path)
    changed = script.updated(page)
    assert "| of 2026-12-01T09:00:00+00:00 | b | **1.000** | 0.900 to 1.100 | 3 | ≤ 1.05 | yes |  |  |" in changed
    assert changed.count("| of ") == 1
    assert script.updated(changed) == changed


def test_medians_of_earlier_runs_of_such_a_machine_stand_beside_the_last():
    runs = [
        run_of(dataclasses.replace(row(), median=1 + n / 10), date=f"2026-11-2{n}T00:00:00+00:00") for n in range(6)
    ]
    runs[3] = dataclasses.replace(runs[3], machine=runs[3].machine | {"cores": 99})
    (line,) = [line for line in script.part(runs[-1], runs).splitlines() if "**1.500**" in line]
    assert line.endswith("| yes | 1.400, 1.200, 1.100 |  |")


def test_a_run_says_where_it_was_made_and_what_was_left_out():
    run = dataclasses.replace(run_of(row(holds=False, note="3 MiB"), dataclasses.replace(row("c"), aim="< 1 s more")))
    shown = script.part(run)
    assert shown.startswith(
        "`benchmarks/history/2026-11-20-2103-0123456.json`: A (x86_64), 2 cores, torch threads: 2, no GPU;"
    )
    assert "load 0.5 at the start and 2.0 at the end" in shown
    assert "| **no** |  | 3 MiB |" in shown
    assert "| < 1 s more | yes |  | +0.5000 s |" in shown
    assert "`bench_x` 2 s; 2 s in all. Left out: `bench_gpu`, no CUDA device." in shown


def test_a_missed_aim_without_a_reason_is_named():
    text = f"**out of place**\n{script.MISSED}\n**known**: why.\n\n## More\n**too late**\n"
    rows = [row(what, holds=False) for what in ("known", "out of place", "too late")] + [row("met")]
    assert script.unexplained(text, run_of(*rows)) == ["out of place", "too late"]
