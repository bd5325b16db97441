"""Bad input: one sentence with value and remedy, exit code not 0, nothing half-written.

A few go through the real command in a process of its own, which shows how a refusal ends it; all others are the same
refusals raised in this process, where lm-eval and torch are loaded already.
"""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import lm_eval.tasks
import pytest
import torch
from typer.testing import CliRunner

from lnbench import NeuronSet
from lnbench._data import packaged
from lnbench.cli import app
from lnbench.errors import LnbenchError
from lnbench.harness import run_eval
from lnbench.neurons import Architecture

TASK = "lnbench_demo_arith_en"


def zh(folder: Path) -> bytes:
    return (packaged("neuron_sets") / "zh_ffn.pt").read_bytes()


def missing(folder):
    return {"mask": folder / "nowhere.pt"}


def truncated(folder):
    (folder / "cut.pt").write_bytes(zh(folder)[:500])
    return {"mask": folder / "cut.pt"}


def pickled(folder):
    (folder / "evil.pt").write_bytes(pickle.dumps({"zh": [1, 2]}))
    return {"mask": folder / "evil.pt"}


def pickled_by_torch(folder):
    torch.save({"rows": Path("x")}, folder / "evil2.pt")
    return {"mask": folder / "evil2.pt"}


def other_model(folder):
    wide = Architecture(layers=32, widths={"ffn.act": 11008})
    made = NeuronSet.from_indices({"zh": {"ffn.act": {31: [11007]}}}, architecture=wide, model="lnbench/demo")
    made.save(folder / "wide.pt")
    return {"mask": folder / "wide.pt"}


def names_no_model(folder):
    NeuronSet.from_indices({"zh": {"ffn.act": [[1], [], [], []]}}).save(folder / "nameless.pt")
    return {"mask": folder / "nameless.pt"}


def broken_spec(folder):
    (folder / "bad.yaml").write_text("steps:\n  - {lang: zh, op: zero, strenght: 2}\n")
    return {"mask": "zh_ffn.pt", "spec": folder / "bad.yaml"}


def norwegian(folder):
    (folder / "no.yaml").write_text("steps:\n  - {lang: no, op: zero}\n")
    return {"mask": "zh_ffn.pt", "spec": folder / "no.yaml"}


CASES = {
    "missing mask": (missing, ["nowhere.pt"]),
    "truncated mask": (truncated, ["cut.pt"]),
    "pickle": (pickled, ["evil.pt", "pickle"]),
    "torch pickle": (pickled_by_torch, ["evil2.pt"]),
    "another model's set": (other_model, ["layer 31", "4 layers"]),
    "no model anywhere": (names_no_model, ["nameless.pt", "pretrained"]),
    "no such model": (lambda f: {"mask": "zh_ffn.pt", "pretrained": "tinylama"}, ["'tinylama'", "pretrained"]),
    "an argument that the model does not take": (lambda f: {"mask": "zh_ffn.pt", "dtyp": "float32"}, ["'dtyp'"]),
    "neither mask nor model": (lambda f: {}, ["pretrained", "mask"]),
    "unknown language": (lambda f: {"mask": "zh_ffn.pt", "lang": "xx"}, ["'xx'", "zh"]),
    "language the file lacks": (lambda f: {"mask": "zh_ffn.pt", "lang": "fr"}, ["'fr'", "zh"]),
    "no language chosen": (lambda f: {"mask": "demo_langs_ffn.safetensors"}, ["en", "sw", "lang"]),
    "unknown site": (lambda f: {"mask": "zh_ffn.pt", "sites": "ffn.foo"}, ["ffn.foo", "ffn.act"]),
    "unknown layer": (lambda f: {"mask": "zh_ffn.pt", "layers": "99"}, ["99"]),
    "unknown op": (lambda f: {"mask": "zh_ffn.pt", "spec": "explode"}, ["explode", "zero"]),
    "unknown key": (lambda f: {"mask": "zh_ffn.pt", "layer": "3"}, ["layer", "layers"]),
    "unknown key in a spec": (broken_spec, ["strenght"]),
    "a language that YAML reads as a boolean": (norwegian, ["no"]),
    "unknown engine": (lambda f: {"mask": "zh_ffn.pt", "engine": "magic"}, ["magic", "fold"]),
    "missing statistic": (
        lambda f: {"mask": "demo_langs_plnd.safetensors", "lang": "zh", "spec": "set:median:zh"},
        ["median", "lnbench neurons stats"],
    ),
    "unknown control": (lambda f: {"mask": "zh_ffn.pt", "control": "randm"}, ["randm", "random"]),
}


#: Cases that go through the stock command: before the model is loaded, while it is loaded, and after.
IN_A_PROCESS = ("missing mask", "no such model", "another model's set")


def options(arguments: dict, *more: str) -> list[str]:
    joined = ",".join(f"{k}={v}" for k, v in arguments.items())
    model_args = ["--model_args", joined] if joined else []
    return ["--model", "lnbench", *model_args, "--tasks", TASK, "--limit", "2", *more]


def run(folder: Path, arguments: dict, *more: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "lm_eval", *options(arguments, *more)]
    return subprocess.run(line, capture_output=True, text=True, cwd=folder, timeout=300)


@pytest.fixture
def raised(tmp_path, tmp_path_factory, monkeypatch):
    """The sentence of a refusal, of the same command in this process."""
    # lm-eval's 10,000 own tasks take seconds to index
    monkeypatch.setattr(lm_eval.tasks.manager, "__file__", str(tmp_path_factory.mktemp("none") / "manager.py"))
    monkeypatch.chdir(tmp_path)

    def sentence(arguments: dict, *more: str) -> str:
        with pytest.raises(LnbenchError) as refused:
            run_eval(options(arguments, *more))
        return str(refused.value)

    return sentence


def assert_says(sentence: str, says: list[str]) -> None:
    assert "\n" not in sentence
    for part in says:
        assert part in sentence, sentence


def assert_one_sentence(done: subprocess.CompletedProcess, says: list[str]) -> None:
    assert done.returncode not in (0, None), done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    refusals = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(refusals) == 1, done.stderr
    assert_says(refusals[0], says)


@pytest.mark.slow
@pytest.mark.parametrize("case", IN_A_PROCESS, ids=lambda name: name.replace(" ", "-"))
def test_the_command_refuses(case, tmp_path):
    make, says = CASES[case]
    arguments = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert_one_sentence(run(tmp_path, arguments, "--output_path", str(tmp_path / "out")), says)
    assert [p for p in sorted(tmp_path.rglob("*")) if p not in before and p.is_file()] == []


@pytest.mark.parametrize("case", CASES, ids=lambda name: name.replace(" ", "-"))
def test_refusal(case, tmp_path, raised):
    make, says = CASES[case]
    arguments = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert_says(raised(arguments, "--output_path", str(tmp_path / "out")), says)
    assert [p for p in sorted(tmp_path.rglob("*")) if p not in before and p.is_file()] == []


def test_no_write_access_to_the_output_folder(tmp_path, raised):
    (tmp_path / "file").write_text("in the way")
    said = raised({"mask": "zh_ffn.pt"}, "--output_path", str(tmp_path / "file" / "out"))
    assert_says(said, [str(tmp_path / "file")])


def test_offloaded_weights_are_not_folded(tmp_path, raised):
    given = {"mask": "zh_ffn.pt", "engine": "fold", "parallelize": True, "device_map": {"": "disk"}}
    given["offload_folder"] = str(tmp_path / "offload")
    said = raised({}, "--model_args", json.dumps(given), "--output_path", str(tmp_path / "out"))
    assert_says(said, ["engine=fold", "offloaded", "engine=hook"])
    assert not list(tmp_path.rglob("results_*"))


@pytest.mark.slow
def test_broken_task_yaml(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.yaml").write_text("task: my_task\ndataset_path: [unclosed\n")
    done = run(tmp_path, {"mask": "zh_ffn.pt"}, "--include_path", str(tmp_path / "tasks"), "--tasks", "my_task")
    assert_one_sentence(done, ["mine.yaml"])


@pytest.mark.slow
def test_lnbench_commands_end_with_one_sentence(tmp_path):
    line = [sys.executable, "-m", "lnbench", "demo", "--ablate", "xx"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert_one_sentence(done, ["'xx'", "en+zh"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["neurons", "show", "nowhere.pt"], ["nowhere.pt"]),
        (["demo", "--ablate", "xx"], ["'xx'", "en+zh"]),
        (["demo", "--json", "missing/rows.json"], ["missing"]),
        (["demo", "--plot", "."], ["folder"]),
        (["demo", "--plot", "matrix.xyz"], ["matrix.xyz", ".png"]),
        (["demo", "--mask", "nowhere.pt"], ["nowhere.pt"]),
        (["eval", "--model_args", "mask=nowhere.pt", "--tasks", TASK], ["nowhere.pt"]),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, list) else None,
)
def test_lnbench_commands_refuse_in_one_sentence(arguments, says, tmp_path, raised):
    refused = CliRunner().invoke(app, arguments).exception
    assert isinstance(refused, LnbenchError)
    assert_says(str(refused), says)
    assert list(tmp_path.iterdir()) == []
