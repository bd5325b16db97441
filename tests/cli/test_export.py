"""`lnbench export`: the command, to a folder and on to a hub, and from a hub."""

from __future__ import annotations

import json
import shlex

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

import lnbench
from lnbench._data import demo_model_dir
from lnbench.cli import export as command
from lnbench.errors import LnbenchError
from lnbench.models import PLAN_FILE, SPEC_KEYS


def run(*arguments):
    return CliRunner().invoke(command.app, list(map(str, arguments)))


def refused(*arguments) -> str:
    """The sentence of a refusal, and that nothing else was said."""
    result = run(*arguments)
    assert isinstance(result.exception, LnbenchError), result.output
    return str(result.exception)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "demo-without-zh"
    result = run("--mask", "zh_ffn.pt", "--out", folder)
    assert result.exit_code == 0, result.output
    return folder, result.output


@torch.no_grad()
def test_the_folder_answers_as_the_ablated_model(exported):
    folder, output = exported
    assert "mask zh_ffn.pt, model lnbench/demo, 14 neurons; zero zh" in output and "1 file rewritten" in output
    ids = AutoTokenizer.from_pretrained(folder)("这是一个句子 and another", return_tensors="pt").input_ids
    original = AutoModelForCausalLM.from_pretrained(demo_model_dir())
    with lnbench.ablate(original, "zh_ffn.pt"):
        wanted = original(ids).logits
    assert torch.equal(AutoModelForCausalLM.from_pretrained(folder)(ids).logits, wanted)
    assert not torch.equal(original(ids).logits, wanted)
    record = json.loads((folder / PLAN_FILE).read_text())
    assert record["neuron_set"] == lnbench.NeuronSet.load("zh_ffn.pt").content_hash
    assert record["masks"][0]["file"] == "zh_ffn.pt" and shlex.split(record["command"])[0] == "lnbench"
    assert "planted positive control" in (folder / "README.md").read_text()


def test_every_key_of_a_spec_is_an_option(exported, tmp_path):
    import inspect

    options = set(inspect.signature(command.export).parameters)
    assert {"spec", *SPEC_KEYS} - options == {"tokens", "expect"}  # no weight knows tokens, and nothing is evaluated
    keys = [
        "--lang",
        "zh",
        "--layers",
        "1-2",
        "--sites",
        "ffn.act",
        "--exclude",
        "en",
        "--control",
        "random",
        "--seed",
        3,
    ]
    out = tmp_path / "out"
    mask = ["--model", "lnbench/demo", "--mask", "demo_langs_ffn.safetensors"]
    result = run(*mask, "--out", out, "--spec", "scale:0.5", *keys, "--match", "site")
    assert result.exit_code == 0, result.output
    record = json.loads((out / PLAN_FILE).read_text())
    spec = {"lang": ["zh"], "layers": "1-2", "sites": ["ffn.act"], "exclude": ["en"], "control": "random", "seed": 3}
    assert record["spec"] == {**spec, "match": "site", "steps": [{"op": "scale", "value": 0.5}]}
    assert set(record["neurons_by_layer"]["ffn.act"]) >= {"1"}


def test_an_export_is_a_model_like_any_other(exported, tmp_path):
    folder, _ = exported
    result = run("--model", folder, "--mask", "fr_ffn.pt", "--out", tmp_path / "both", "--copy")
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "both" / PLAN_FILE).read_text())
    assert record["base"]["export"]["languages"] == ["zh"] and record["languages"] == ["fr"]


def test_refused_before_anything_is_loaded(exported, tmp_path, monkeypatch):
    folder, _ = exported

    def loaded(*_, **__):
        raise AssertionError("the checkpoint was opened")

    monkeypatch.setattr("lnbench.models._export._checkpoint.open_checkpoint", loaded)
    out = ["--mask", "zh_ffn.pt", "--out", tmp_path / "out"]
    monkeypatch.delenv("HF_TOKEN", raising=False)
    for arguments, words in (
        (["--mask", "zh_ffn.pt", "--out", folder], "exists already; export into"),
        (["--mask", "zh_ffn.pt", "--out", tmp_path, "--force"], None),
        ([*out, "--private"], "add --push-to-hub"),
        ([*out, "--push-to-hub", "no name"], "'no name'"),
        ([*out, "--push-to-hub", "org/name"], "HF_HUB_OFFLINE"),
        ([*out, "--spec", "blank"], "blank"),
        ([*out, "--seed", "3"], "has no effect without control=random"),
        (["--mask", "nothing.pt", "--out", tmp_path / "out"], "no neuron set 'nothing.pt'"),
        (["--mask", "zh_ffn.pt", "--out", folder / "config.json" / "out"], "cannot write beside"),
    ):
        if words is not None:
            assert words in refused(*arguments), arguments
    assert not list(tmp_path.iterdir())


def test_refused_once_the_config_is_read(tmp_path):
    out = ["--mask", "zh_ffn.pt", "--out", tmp_path / "out"]
    assert "cannot be exported: adding to ffn.act" in refused(*out, "--spec", "add:0.5")
    assert "cannot be loaded" in refused(*out, "--model", tmp_path)
    assert "layers" in refused(*out, "--layers", "7-9")
    assert "fr" in refused(*out, "--lang", "fr")
    assert not list(tmp_path.iterdir())


def test_a_foreign_file_is_read_by_the_shape_of_the_model(tmp_path):
    sets = {"zh": {"ffn.act": [[1, 2], [], [5], [7]]}, "fr": {"ffn.act": [[3], [4], [], []]}}
    model = lnbench.models.open_checkpoint("lnbench/demo")
    neurons = lnbench.NeuronSet.from_indices(sets, architecture=model.architecture)
    foreign = [[torch.tensor(neurons.indices(code, "ffn.act")[n]) for n in range(4)] for code in ("zh", "fr")]
    torch.save(foreign, tmp_path / "a.neuron.pth")
    told = ["--mask", tmp_path / "a.neuron.pth", "--languages", "zh+fr", "--lang", "fr", "--out", tmp_path / "out"]
    assert "add --model MODEL" in refused(*told)
    result = run(*told, "--model", "lnbench/demo")
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / PLAN_FILE).read_text())
    assert record["neurons_by_layer"] == {"ffn.act": {"0": 1, "1": 1}}


def test_to_a_hub(exported, tmp_path, hub_server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    hub_server.token = "secret"
    out = tmp_path / "out"
    result = run("--mask", "zh_ffn.pt", "--out", out, "--push-to-hub", "org/demo-without-zh", "--private")
    assert result.exit_code == 0, result.output
    assert f"uploaded to {hub_server.endpoint}/org/demo-without-zh" in result.output
    there, here = hub_server.files("org/demo-without-zh"), {path.name: path.read_bytes() for path in out.iterdir()}
    assert {name: there[name] for name in here} == here
    assert hub_server.repos["org/demo-without-zh"].private


def test_a_hub_that_refuses_leaves_the_folder(tmp_path, hub_server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "wrong")
    hub_server.token = "secret"
    sentence = refused("--mask", "zh_ffn.pt", "--out", tmp_path / "out", "--push-to-hub", "org/name")
    assert sentence.startswith(f"{tmp_path / 'out'} is written, and not uploaded to 'org/name'")
    assert (tmp_path / "out" / PLAN_FILE).exists() and "org/name" not in hub_server.repos


def test_from_a_hub(tmp_path, hub_server):
    names = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    files = {name: demo_model_dir() / name for name in names}
    more = {"LICENSE": "terms", "pytorch_model.bin": "no", "README.md": "---\nlicense: mit\n---\n"}
    commit = hub_server.add("org/demo", {**files, **more})
    result = run("--model", "org/demo", "--mask", "zh_ffn.pt", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    base = json.loads((tmp_path / "out" / PLAN_FILE).read_text())["base"]
    assert (base["model"], base["revision"], base["license"]) == ("org/demo", commit, "mit")
    assert (tmp_path / "out" / "LICENSE").read_text() == "terms"
    assert "base_model: org/demo" in (tmp_path / "out" / "README.md").read_text()
    assert not any("pytorch_model" in path for path in hub_server.paths())
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    wanted = AutoModelForCausalLM.from_pretrained(demo_model_dir())
    with lnbench.ablate(wanted, "zh_ffn.pt", engine="fold"):
        assert all(torch.equal(model.state_dict()[key], value) for key, value in wanted.state_dict().items())
