"""The stock `lm_eval` command after `pip install`: a wheel and an editable install, each in a fresh environment."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from .environments import ROOT, Environment

pytestmark = pytest.mark.slow


@pytest.fixture(params=["wheel", "editable"])
def environment(request) -> Environment:
    return request.getfixturevalue(f"{request.param}_environment")


def test_wheel_carries_start_up_files_tasks_and_neuron_sets(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"_lnbench_autoload.py", "lnbench_autoload.pth", "lnbench_autoload.start"} <= set(names)
    assert "lnbench/_packaged/tasks/demo/lnbench_demo.yaml" in names
    assert not [n for n in names if n.startswith(("tasks/", "neuron_sets/", "tests/")) or "__pycache__" in n]
    tracked = subprocess.run(["git", "ls-files", "tasks", "neuron_sets"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode == 0:
        assert {f"lnbench/_packaged/{name}" for name in tracked.stdout.split()} <= set(names)


def test_packaged_folders_are_found(environment: Environment):
    code = "from lnbench._data import packaged; print(packaged('tasks')); print(packaged('neuron_sets'))"
    found = environment.run("python", "-c", code).stdout.splitlines()
    assert len(found) == 2
    editable = (environment.site / "_lnbench.pth").exists()
    home = ROOT if editable else environment.site / "lnbench/_packaged"
    assert found == [str(home / "tasks"), str(home / "neuron_sets")]


def test_bare_python_imports_nothing_of_ours(environment: Environment):
    code = "import sys; print(sorted(name for name in sys.modules if 'lnbench' in name or 'lm_eval' in name))"
    assert environment.run("python", "-c", code).stdout.strip() == "[]"
    assert environment.run("python", "-c", code, LNBENCH_AUTOLOAD="0").stdout.strip() == "[]"


def test_ls_tasks_lists_ours_and_the_users(wheel_environment: Environment, task_folder: Path):
    listed = wheel_environment.run("lm_eval", "ls", "tasks", "--include_path", str(task_folder))
    assert listed.returncode == 0, listed.stderr
    names = {line.split("|")[1].strip() for line in listed.stdout.splitlines() if line.count("|") > 2}
    ours = {path.stem for path in (ROOT / "tasks").rglob("*.yaml")}
    assert len(ours) > 10
    assert ours | {"tiny_gen", "tiny_mc", "arc_easy"} <= names
    assert "lnbench" not in listed.stderr  # no warning of ours


def test_model_runs_and_results_are_named(environment: Environment, zh_mask: Path, tiny_model: Path, task_folder: Path):
    command = f"lm_eval --model lnbench --tasks tiny_gen,tiny_mc --include_path {task_folder} --output_path out"
    found = environment.run(*command.split(), "--device", "cpu", "--model_args", f"mask={zh_mask}")
    assert found.returncode == 0, found.stderr
    assert f"mask {zh_mask}, model {tiny_model}, 11 neurons, engine fold" in found.stdout
    (file,) = (environment.folder / "out").glob("*/results_*.json")
    results = json.loads(file.read_text())
    assert results["model_name"] == str(tiny_model)
    assert results["config"]["lnbench"]["plan"]["neurons"] == 11


def test_off_switch(editable_environment: Environment, task_folder: Path):
    tasks = "lnbench_demo,tiny_gen"
    check = ["lm_eval", "validate", "--include_path", str(task_folder), "--tasks", tasks]
    assert editable_environment.run(*check).returncode == 0
    found = editable_environment.run(*check, LNBENCH_AUTOLOAD="0")
    assert (found.returncode, found.stdout.splitlines()[-1]) == (1, "Tasks not found: lnbench_demo")


def test_module_form_of_the_command(wheel_environment: Environment, task_folder: Path):
    """`python -m lm_eval`, which is what `accelerate launch -m lm_eval` starts, shows a refusal as a sentence too."""
    command = f"python -m lm_eval --model lnbench --tasks tiny_gen --include_path {task_folder} --model_args mask=no.pt"
    found = wheel_environment.run(*command.split())
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].startswith("error: no neuron set 'no.pt'")
    assert "Traceback" not in found.stderr
