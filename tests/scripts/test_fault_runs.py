"""The harness of fault runs: whose changes it counts, and that a moment which never came is no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.fault_runs.bench import Bench
from scripts.fault_runs.commands import Command
from scripts.fault_runs.faults import FAULTS


class Processes:
    """Stands in for real ones: each has its changes and passes, and ends with its code."""

    def __init__(self, *counts: tuple[int, int], codes: tuple[int, ...] = ()) -> None:
        self.counts, self.codes, self.jobs = list(counts), list(codes), []

    def run(self, job):
        """Count, unless it is killed."""
        at, code = len(self.jobs), self.codes.pop(0) if self.codes else 0
        self.jobs.append(job)
        if job.injection and code >= 0:
            Path(job.injection["count"]).write_text("{} {}".format(*self.counts[at % len(self.counts)]))
        for file in (job.stdout, job.stderr):
            Path(file).write_text("")
        return code


def bench(processes: Processes, folder: Path) -> Bench:
    command = Command("two", [["lnbench", "1"], ["lnbench", "2"]], result=lambda folder: 1)
    return Bench(processes, command, folder / "work")


def test_the_changes_that_count_are_of_the_process_that_is_disturbed(tmp_path):
    calm = bench(Processes((30, 10), (62, 33)), tmp_path).calm()
    assert (calm.writes, calm.passes) == (30, 10)


def test_the_last_write_is_the_disturbed_process_own(tmp_path):
    processes = Processes((30, 10), (62, 33), codes=(0, 0, -9))
    at = bench(processes, tmp_path)
    outcome = FAULTS["kill -9 at the last write"](at, at.calm())
    assert (outcome.codes, outcome.wrong) == ([-9], [])
    assert processes.jobs[2].injection["write"] == 30


def test_a_moment_that_never_came_is_said(tmp_path):
    at = bench(Processes((30, 10)), tmp_path)
    at.fresh()
    with pytest.raises(RuntimeError, match="never reached: write 31 of 30"):
        at.disturbed(write=31, do="kill")


def test_a_moment_that_came_without_harm_is_no_error(tmp_path):
    at = bench(Processes((30, 10)), tmp_path)
    at.fresh()
    assert at.disturbed(forward=10, do="nan") == 0


def test_the_words_of_an_earlier_run_are_not_the_disturbed_one_s(tmp_path):
    at = bench(Processes((30, 10), codes=(0, 0, 130, 0, 0)), tmp_path)
    calm = at.calm()
    (tmp_path / "stderr1").write_text("stopped by ctrl-C; of the run before")
    assert FAULTS["ctrl-C"](at, calm).wrong == ["no word"]
