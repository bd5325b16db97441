"""Benchmarks run: the embedded shape on a CPU has the place of what takes minutes or wants a GPU."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest
import torch

from benchmarks import bench_gpu
from benchmarks.__main__ import MODULES, table
from benchmarks._ratio import Skipped


def test_every_file_of_benchmarks_is_run():
    files = {file.stem for file in (Path(__file__).parents[2] / "benchmarks").glob("bench_*.py")}
    assert files == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_runs_whole_or_quick(name):
    assert list(inspect.signature(import_module(f"benchmarks.{name}").run).parameters) == ["quick"]


def test_the_rows_of_a_gpu_on_a_small_shape():
    rows = bench_gpu.rows("embedded", "cpu", "float32", tokens=200, runs=1)
    assert [row.what.partition(",")[0] for row in rows] == [
        "LAPE statistics",
        "PLND ffn + v + o",
        "PLND q + k fast",
        "applying a plan (1 % of neurons)",
        "undoing it",
        "log-likelihoods with a plan",
        "generation with a plan",
        "generation with a plan",
    ]
    assert all("embedded shape in float32 on cpu" in row.what for row in rows)
    assert all(0 < row.low <= row.median <= row.high for row in rows)
    assert len(table(rows).splitlines()) == len(rows) + 2


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(Skipped, match="no CUDA device"):
        bench_gpu.run(quick=True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (8 << 30, 16 << 30))
    with pytest.raises(Skipped, match="8 GiB of GPU memory are free; two models of a 7B shape want 40"):
        bench_gpu.run(quick=True)
