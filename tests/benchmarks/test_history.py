"""Runs of the benchmarks that are kept, and what has changed from one to another."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as command
from benchmarks import _history, _machine, _ratio
from benchmarks._history import Module, Run
from benchmarks._ratio import Ratio, Skipped

MACHINE = {"architecture": "x86_64", "processor": "A", "cores": 2, "threads": 2, "gpu": None}


def row(what="a", low=0.9, median=1.0, high=1.1, holds=True, note=""):
    return Ratio(what, "b", "<= 1.05", holds, median, low, high, 0.5, 3, note)


def run_of(*rows, date="2026-11-20T21:03:11+00:00", machine=MACHINE, changed=False):
    modules = [Module("bench_x", 1.5), Module("bench_gpu", 0.0, skipped="no CUDA device")]
    load = {"start": [0.5, 0.5, 0.5], "end": [2.0, 1.0, 0.5]}
    told = [("bench_x", each) for each in rows]
    return Run(date, "0123456789abcdef", changed, dict(machine), {"python": "3.11.7"}, load, modules, told)


def test_a_kept_run_is_read_as_it_was(tmp_path):
    run = run_of(row(note="3 MiB"), row("c", holds=False), changed=True)
    file = run.save(tmp_path)
    assert file.name == "2026-11-20-2103-0123456-changed.json"
    assert _history.read(file) == run
    assert run_of(row()).save(tmp_path / "new").name == "2026-11-20-2103-0123456.json"


def test_the_last_run_is_that_of_the_same_kind_of_machine():
    runs = [run_of(date=f"2026-11-{day}T00:00:00+00:00", machine=machine) for day, machine in DAYS]
    assert _history.last_before(runs[3], runs) is runs[1]
    assert _history.last_before(runs[0], runs) is None


DAYS = [("01", MACHINE), ("02", MACHINE), ("03", MACHINE | {"threads": 1}), ("04", MACHINE), ("05", MACHINE)]


def test_a_row_has_changed_when_the_ranges_do_not_meet():
    before = run_of(row("up"), row("down"), row("near"), row("gone"))
    now = run_of(row("up", 1.2, 1.3, 1.4), row("down", 0.5, 0.6, 0.89), row("near", 1.05, 1.2, 1.3), row("fresh"))
    lines = {line.split()[0]: line for line in _history.changes(now, before).splitlines()[2:]}
    assert lines["up"].endswith("+30.0%    slower")
    assert lines["down"].endswith("-40.0%    faster")
    assert lines["near"].endswith("+20.0%    ranges overlap")
    assert lines["gone"].endswith("no longer measured")
    assert lines["fresh"].endswith("new")


def test_a_file_that_is_no_run_is_refused_before_anything_is_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "measured", lambda *_, **__: pytest.fail("measured"))
    file = run_of(row()).save(tmp_path)
    told = json.loads(file.read_text("utf-8"))
    for content in ("{}", "no JSON", json.dumps(told | {"schema": "0"}), json.dumps(told | {"more": 1})):
        file.write_text(content, encoding="utf-8")
        with pytest.raises(SystemExit) as ended:
            command.main(["--compare", str(file)])
        assert ended.value.code == 2
        assert "is no kept run" in capsys.readouterr().err


class Benchmark:
    """Stands for a module of benchmarks."""

    def __init__(self, outcome):
        self.outcome = outcome

    def run(self, *, quick):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_a_module_that_fails_or_is_skipped_leaves_the_rows_of_the_others(monkeypatch, tmp_path, capsys):
    parts = {"bench_apply": [row("first")], "bench_lape": ValueError("broken"), "bench_gpu": Skipped("no CUDA device")}
    monkeypatch.setattr(command, "import_module", lambda name: Benchmark(parts[name.partition(".")[2]]))
    monkeypatch.setattr(_history, "HISTORY", tmp_path / "history")
    assert [command.main(["--only", name]) for name in parts] == [0, 1, 0]
    assert command.main(["--only", *parts, "--out", str(tmp_path), "--compare"]) == 1
    shown = capsys.readouterr().out
    assert "FAILED: ValueError: broken" in shown
    assert "no earlier run of this kind of machine is kept" in shown
    (file,) = tmp_path.glob("*.json")
    run = _history.read(file)
    assert [each for _, each in run.rows] == [row("first")]
    assert [(m.failed, m.skipped) for m in run.modules] == [
        (None, None),
        ("ValueError: broken", None),
        (None, "no CUDA device"),
    ]
    assert run.machine["cores"] >= 1
    assert run.machine["threads"] >= 1
    assert len(run.load["start"]) == 3
    assert run.versions["torch"]


def test_a_part_of_the_benchmarks_is_not_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "import_module", lambda _: Benchmark([row()]))
    monkeypatch.setattr(_history, "HISTORY", tmp_path)
    assert command.main(["--only", "bench_apply"]) == 0
    assert command.main(["--quick"]) == 0
    assert not list(tmp_path.iterdir())
    assert command.main([]) == 0
    assert len(list(tmp_path.iterdir())) == 1


def test_no_commit_outside_a_checkout(monkeypatch, tmp_path):
    monkeypatch.setattr(_machine, "ROOT", tmp_path)
    assert _machine.commit() == (None, False)
    run = dataclasses.replace(run_of(), commit=None)
    assert run.name == "2026-11-20-2103-unknown"


def test_the_ratio_is_the_median_over_pairs_in_turn(monkeypatch):
    now, order, left = [0.0], [], {"a": [9.0, 2.0, 3.0, 8.0], "b": [9.0, 1.0, 1.0, 2.0]}
    monkeypatch.setattr(_ratio, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def side(name):
        order.append(name)
        now[0] += left[name].pop(0)

    def around(name):
        order.append(name)
        now[0] += 100.0

    found = _ratio.ratio(
        "what", "against", "<= 3", lambda median, extra: median <= 3 and extra <= 2, runs=3, tokens=100,
        a=lambda: side("a"), b=lambda: side("b"), before_a=lambda: around("<"), after_a=lambda: around(">"),
    )  # fmt: skip
    assert "".join(order) == "<a>b" + "<a>b" + "b<a>" + "<a>b"  # the first round does not count
    expected = Ratio("what", "against", "<= 3", True, 3.0, 2.0, 4.0, 2.0, 3, "33 tokens/s, 100 plain")
    assert found == expected
