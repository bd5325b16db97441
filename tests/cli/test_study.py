"""``lnbench study``: what it prints, its exit codes, and bad input in one sentence with no store written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lnbench import LnbenchError
from lnbench.cli.study import app
from lnbench.studies import Store, Study
from lnbench.studies._session import Session
from tests.harness.environments import ROOT
from tests.studies.conftest import keys, mask, neurons, study, task_folder, tiny_model, write  # noqa: F401 - fixtures


def call(*arguments):
    """Exit code and output; refusals are raised as in the real command's frame."""
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def numbers(text: str, name: str) -> list[str]:
    """The cells of the table row that begins with a name."""
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [name])


def test_plan_run_status(keys, write, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    file = write(keys)
    code, text = call("plan", file)
    assert code == 0 and not (tmp_path / "results").exists()
    prompts = sum(len(f"{n} + {n + 3} =") for n in range(4))  # the tiny model has one token a byte
    choices = 2 * prompts + 4 * len(" red blue")
    assert numbers(text, "tiny_gen") == ["tiny_gen", "zh", "4", str(prompts), "24"]
    assert numbers(text, "tiny_mc") == ["tiny_mc", "fr", "4", str(choices), "0"]
    assert numbers(text, "random") == ["random", "zh", "fr", "4", "8", "0", str(4 * (prompts + choices)), "96"]
    total = 8 * (prompts + choices)
    assert f"16 cells, 0 finished; the others need {total:,} forward tokens and at most 192 generated" in text

    code, text = call("status", file)
    assert code == 4 and numbers(text, "all") == ["all", "16", "0", "0", "16"]
    code, text = call("run", file, "--shard", "1/2")
    assert code == 0 and "8 of 8 cells finished, 8 of them now" in text and "results/tiny" in text
    assert numbers(call("status", file)[1], "all") == ["all", "16", "8", "0", "8"]
    assert numbers(call("plan", file)[1], "original")[4] in "01234"
    assert call("run", file)[0] == 0
    code, text = call("status", file)
    assert code == 0 and numbers(text, "all") == ["all", "16", "16", "0", "0"]
    assert "16 finished; the others need 0 forward tokens" in call("plan", file)[1]
    stale = call("plan", write(keys, limit=3), "--out", "results/tiny")[1]
    assert "16 finished cells are of another version" in stale


def test_missing_languages_are_told(keys, write, tmp_path):  # noqa: F811
    file = write(keys, languages=["zh", "ar"], tasks=["demo_summ"], limit=1)
    text = call("plan", file, "--out", tmp_path / "out")[1]
    assert "demo_summ has no ar: no cell" in text and numbers(text, "demo_summ")[1] == "zh"


def test_failures_have_an_exit_code_and_are_listed(keys, write, tmp_path, monkeypatch):  # noqa: F811
    file, out = write(keys), tmp_path / "out"

    def evaluate(self, role):
        if role.task.name == "tiny_mc":
            raise RuntimeError("the device fell off")
        return plain(self, role)

    plain = Session.evaluate
    monkeypatch.setattr(Session, "evaluate", evaluate)
    code, text = call("run", file, "--out", out)
    assert code == 3 and "8 of 16 cells finished, 8 of them now, 8 failed" in text
    code, text = call("status", file, "--out", out)
    assert code == 3 and numbers(text, "all") == ["all", "16", "8", "8", "0"]
    assert "failed: tiny_mc, random zh 1: RuntimeError: the device fell off" in text


def test_what_another_process_runs_has_an_exit_code(keys, write, tmp_path):  # noqa: F811
    file, out = write(keys), tmp_path / "out"
    call("run", file, "--out", out)
    store = Store(out)
    name = next(iter(store.finished()))
    (store.cell(name) / "manifest.json").unlink()
    with store.lock(name):
        code, text = call("run", file, "--out", out)
    assert code == 4 and "1 being run by another process" in text


def test_ctrl_c(keys, write, tmp_path, monkeypatch):  # noqa: F811
    def evaluate(self, role):
        if role.condition.name == "specific":
            raise KeyboardInterrupt
        return plain(self, role)

    plain = Session.evaluate
    monkeypatch.setattr(Session, "evaluate", evaluate)
    result = CliRunner().invoke(app, ["run", str(write(keys)), "--out", str(tmp_path / "out")])
    assert result.exit_code == 130  # what is said then: tests/faults
    assert "Loading the model for a study of 16 cells." in result.stderr
    assert re.search(r"[34]/16 cells: tiny_\w+, random zh seed 0", result.stderr), (
        "the bar names cells, task, condition"
    )
    assert re.search(r"\d\d:\d\d gone, \d\d:\d\d left", result.stderr)
    assert len(Store(tmp_path / "out").finished()) == 6


BAD = {
    "an unknown key": ({"langages": ["zh"]}, ["line 24", "'langages'", "'languages'"]),
    "a mistyped model key": ({"model": {"dtyp": "float32"}}, ["'dtyp'", "'dtype'"]),
    "an unknown preset": ({"preset": "lape"}, ["'lape'", "lape-matrix"]),
    "an unknown language": ({"languages": ["zh", "xx"]}, ["'xx'"]),
    "a language without neurons": ({"ablate": ["es"]}, ["'es'", "zh, fr"]),
    "a missing neuron file": ({"neurons": "nowhere.pt"}, ["nowhere.pt"]),
    "a site that the set lacks": ({"conditions": {"a": {"op": "zero", "sites": "attn.q"}}}, ["attn.q", "'a zh'"]),
    "a layer that the model lacks": ({"conditions": {"a": {"op": "zero", "layers": "99"}}}, ["99", "'a zh'"]),
    "a statistic that the set lacks": ({"conditions": {"a": {"op": "set", "value": "mean:fr"}}}, ["mean", "'a zh'"]),
    "a model that is nowhere": ({"model": {"pretrained": "./nowhere"}}, ["nowhere"]),
    "a folder of tasks that is nowhere": ({"include_path": "./nowhere"}, ["nowhere"]),
}


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("case", BAD, ids=lambda name: name.replace(" ", "-"))
def test_bad_input_writes_no_store(case, command, keys, write, tmp_path):  # noqa: F811
    change, says = BAD[case]
    file, out = write(keys, **change), tmp_path / "out"
    with pytest.raises(LnbenchError) as refusal:
        call(command, file, "--out", out)
    assert "\n" not in str(refusal.value)
    for part in says:
        assert part in str(refusal.value)
    assert not out.exists()


def test_an_unwritable_store(keys, write, tmp_path):  # noqa: F811
    (tmp_path / "file").write_text("in the way")
    for command in ("plan", "run"):
        with pytest.raises(LnbenchError, match=r"file/out.*--out"):
            call(command, write(keys), "--out", tmp_path / "file" / "out")


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "-1/2", "1/0"])
def test_a_share_that_does_not_exist(shard, keys, write, tmp_path):  # noqa: F811
    with pytest.raises(LnbenchError, match="--shard"):
        call("run", write(keys), "--out", tmp_path / "out", f"--shard={shard}")


def test_the_real_command_refuses_in_one_sentence(tmp_path):
    (tmp_path / "study.yaml").write_text("name: x\nlanguages: [en\n")
    for name, says in (("study.yaml", "line 3"), ("none.yaml", "No such file")):
        line = [sys.executable, "-m", "lnbench", "study", "run", name]
        done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith("error: ")
        assert says in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


@pytest.mark.parametrize("command", ["plan", "run", "status"])
def test_a_store_is_no_study_file(command, tmp_path):
    with pytest.raises(LnbenchError, match="is a folder; name the study file, and its store with --out"):
        call(command, tmp_path)


def test_the_example_is_a_study():
    found = Study.load(ROOT / "examples" / "demo-study.yaml")
    assert len(found.languages) >= 3 and found.conditions["random"].draws() == range(5)
    assert len(found.plan().cells) == 4 * 3 * (2 + 3 * 6)


@pytest.mark.slow
def test_the_example_shows_planted_neurons(tmp_path):
    found = yaml.safe_load((ROOT / "examples" / "demo-study.yaml").read_text()) | {"limit": 4, "tasks": ["demo_summ"]}
    del found["conditions"]["random"]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(found))
    assert call("run", tmp_path / "study.yaml", "--out", tmp_path / "out")[0] == 0
    values = {}
    for name, manifest in Store(tmp_path / "out").finished().items():
        role, cell = manifest["role"], Path(tmp_path / "out" / "cells" / name)
        found = yaml.safe_load((cell / manifest["files"]["results"][0]).read_text())
        value = found["results"][manifest["cell"]["task"]]["exact_match,none"]
        values[role["condition"], role["ablated"], role["language"], role["repeat"], role["seed"]] = value
    for language in ("en", "zh", "fr"):
        own = values["specific", language, language, 0, None]
        assert own < values["original", None, language, 0, None] == values["original", None, language, 1, None]
