"""``lnbench neurons convert | combine | diff | random``: what they write, print and refuse."""

import json
import re
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from lnbench.cli.neurons import app
from lnbench.errors import (
    LnbenchError,
    ModelMismatchError,
    NeuronFileError,
    NeuronSetError,
    OutputError,
    SpecError,
    UnknownLanguageError,
)
from lnbench.neurons import NeuronSet, counted
from tests.neurons.conftest import full_set

DOCS = Path(__file__).parents[2] / "docs" / "neuron-sets.md"


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    full_set().save(tmp_path / "a.pt")
    full_set().select("zh").save(tmp_path / "zh.safetensors")
    torch.save([[torch.tensor([3]), torch.tensor([7])]], tmp_path / "lape.neuron.pth")
    return tmp_path


def test_there_and_back(here):
    text = run("convert", "zh.safetensors", "--out", "zh.neuron.pth", "--site", "ffn.act")
    assert "Written: zh.neuron.pth (lape)" in text and "not in the file: 1 neuron at attn.q" in text
    assert "not in the file: names of languages" in text and "not in the file: scores" in text
    text = run("convert", "zh.neuron.pth", "--out", "back.pt", "--languages", "zh")
    assert "site ffn.act, because nothing else was told" in text and "no model is known" in text
    assert NeuronSet.load("back.pt").content_hash == full_set().select("zh", "ffn.act").content_hash


def test_the_model_is_read_for_its_shape(here):
    text = run("convert", "demo_langs_plnd.safetensors", "--lang", "zh,fr", "--out", "p_{lang}.txt")
    assert "p_zh.txt, p_fr.txt (plnd)" in text
    run("convert", "p_zh.txt", "p_fr.txt", "--languages", "zh,fr", "--model", "lnbench/demo", "--out", "p.pt")
    found = NeuronSet.load("p.pt")
    shipped = NeuronSet.load("demo_langs_plnd.safetensors")
    assert found.content_hash == shipped.select(["zh", "fr"]).content_hash
    assert (found.header.model, found.header.architecture) == ("lnbench/demo", shipped.header.architecture)
    with pytest.raises(ModelMismatchError, match="counts 2 layers and this model has 4"):
        run("convert", "lape.neuron.pth", "--languages", "zh", "--model", "lnbench/demo", "--out", "x.pt")


def test_show_and_diff_read_foreign_files(here):
    assert "(lape)" in run("show", "lape.neuron.pth", "--languages", "zh")
    assert json.loads(run("show", "lape.neuron.pth", "--languages", "zh", "--json"))["counts"]["language"] == {"zh": 2}
    assert "only in the first:" in run("diff", "a.pt", "lape.neuron.pth", "--languages", "zh", code=3)


def test_diff_has_exit_codes(here):
    assert "The neurons are the same." in run("diff", "a.pt", "a.pt")
    data = json.loads(run("diff", "a.pt", "zh.safetensors", "--json", code=3))
    assert data["same"] is False and data["only_a"] == {"fr": {"ffn.act": {"0": [3], "2": [0]}}}
    assert data["header"].keys() == {"history"} and data["largest_score_difference"] == 0


def test_each_combination(here):
    full = full_set()
    torch.save([[torch.tensor([3]), torch.tensor([]).long(), torch.tensor([])]], "other.pth")
    cases = {
        ("union", "a.pt", "zh.safetensors"): full,
        ("intersection", "a.pt", "zh.safetensors"): full.select("zh"),
        ("difference", "a.pt", "zh.safetensors"): full.difference(full.select("zh")),
        ("difference", "a.pt", "zh.safetensors", "--any-language"): full.without("zh"),
        ("symmetric-difference", "a.pt", "zh.safetensors"): full.select("fr"),
        ("exclusive", "a.pt", "--lang", "zh"): full.exclusive("zh"),
        ("shared", "a.pt", "--label", "all"): full.shared(label="all"),
        ("top", "a.pt", "--k", "1", "--per", "language+layer"): full.top(1, ["language", "layer"]),
        ("top", "a.pt", "--k", "2", "--per", "set"): full.top(2, ()),
        ("restrict", "a.pt", "--layers", "last:1", "--sites", "ffn"): full.select(None, "ffn", 2),
        ("union", "a.pt", "lape.neuron.pth", "--languages", "de"): None,
    }
    for number, (arguments, wanted) in enumerate(cases.items()):
        text = run("combine", *arguments, "--out", f"out{number}.pt")
        made = NeuronSet.load(f"out{number}.pt")
        assert f"Written: out{number}.pt, {counted(len(made))} at" in text
        assert wanted is None or made.content_hash == wanted.content_hash, arguments
        assert len(made.header.history) > 0 and made.header.history[-1] in text
    assert made.languages == ("zh", "fr", "de")


def test_random_sets(here):
    run("random", "a.pt", "--seed", "3", "--out", "r.pt")
    run("random", "a.pt", "--seed", "3", "--lang", "zh", "--out", "rz.pt")
    both, zh = NeuronSet.load("r.pt"), NeuronSet.load("rz.pt")
    assert both.select("zh").content_hash == zh.content_hash and len(both) == 5
    assert both.header.parameters["seed"] == 3


REFUSED = {
    "unknown suffix": (["convert", "a.pt", "--out", "x.xml"], SpecError, "say --to native, lape"),
    "unknown format": (["convert", "a.pt", "--out", "x.pt", "--to", "xml"], SpecError, "unknown format 'xml'"),
    "native with another suffix": (["convert", "a.pt", "--out", "x.txt", "--to", "native"], OutputError, "safetensors"),
    "no folder": (["convert", "a.pt", "--out", "no/x.pt"], OutputError, "no folder"),
    "onto itself": (["convert", "a.pt", "--out", "a.pt"], OutputError, "is what is read here"),
    "no such file": (["convert", "b.pt", "--out", "x.pt"], NeuronFileError, "no neuron set 'b.pt'"),
    "no languages": (["convert", "lape.neuron.pth", "--out", "x.pt"], UnknownLanguageError, "--languages|languages="),
    "odd heads": (["convert", "lape.neuron.pth", "--out", "x.pt", "--heads", "32"], SpecError, "--heads 32 is not"),
    "several languages in plnd": (["convert", "a.pt", "--out", "x.txt"], OutputError, "put {lang} into the name"),
    "unknown language": (["combine", "exclusive", "a.pt", "--lang", "de", "--out", "x.pt"], LnbenchError, "'de'"),
    "one set alone": (["combine", "union", "a.pt", "--out", "x.pt"], SpecError, "two sets or more"),
    "three sets": (["combine", "symmetric-difference", "a.pt", "a.pt", "a.pt", "--out", "x.pt"], SpecError, "two sets"),
    "restrict to nothing": (["combine", "restrict", "a.pt", "--out", "x.pt"], SpecError, "give --lang, --sites"),
    "no such layer": (["combine", "restrict", "a.pt", "--layers", "9", "--out", "x.pt"], SpecError, "9"),
    "no scores": (["combine", "top", "bare.pt", "--k", "1", "--out", "x.pt"], SpecError, "no scores"),
    "no widths": (["random", "bare.pt", "--out", "x.pt"], NeuronSetError, "name its model"),
    "another match": (["random", "a.pt", "--match", "x", "--out", "x.pt"], SpecError, "unknown match 'x'"),
    "out of place": (["combine", "union", "a.pt", "a.pt", "--out", "x.json"], OutputError, ".safetensors or .pt"),
}


@pytest.mark.parametrize("case", REFUSED, ids=lambda name: name.replace(" ", "-"))
def test_refusals_write_nothing(case, here):
    NeuronSet.from_indices({"zh": {"ffn.act": [[1]]}}).save("bare.pt")
    arguments, error, says = REFUSED[case]
    before = sorted((path.name, path.read_bytes()) for path in here.iterdir())
    with pytest.raises(error, match=says.replace("{", r"\{")) as refused:
        run(*arguments)
    assert "\n" not in str(refused.value)
    assert sorted((path.name, path.read_bytes()) for path in here.iterdir()) == before


def test_every_documented_command_runs(here, test_data):
    """Those of the page that need nothing but files."""
    folder = test_data / "lape_neurons"
    (here / "LLaMA-2-7B.neuron.pth").write_bytes((folder / "LLaMA-2-7B.neuron.pth").read_bytes())
    full_set().save("b.pt")
    text = DOCS.read_text(encoding="utf-8")
    lines = re.findall(r"^lnbench neurons ((?:convert|combine|diff|random|show) .*)$", text, re.M)
    assert len(lines) > 14
    for line in lines:
        words = [word.strip('"') for word in line.split("#")[0].split()]
        if "mistralai" in line:
            continue  # a config from the hub
        if "first:8" in words:
            words[words.index("first:8")] = "first:2"  # the set at hand has three layers
        run(*words, code=3 if words[0] == "diff" else 0)
