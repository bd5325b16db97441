"""Methods by name: ours, and those that an installed package offers."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lnbench.detection import (
    CorpusStatistics,
    ShardStore,
    Statistics,
    ap_select,
    check_parameters,
    lape_from_statistics,
    methods,
    parameter,
    select_by,
)
from lnbench.errors import DataError, OutputError, SpecError
from lnbench.neurons import Architecture, NeuronSet

LANGUAGES, LAYERS, WIDTH = ("en", "zh"), 2, 20
ARCHITECTURE = Architecture(layers=LAYERS, widths={"ffn.act": WIDTH})


@pytest.fixture
def statistics(tmp_path):
    generator = torch.Generator().manual_seed(0)
    active = torch.randint(0, 100, (LAYERS, WIDTH, 2), generator=generator)
    found = Statistics("ffn.act", LANGUAGES, torch.tensor([100, 100]), active, active.double())
    measured = CorpusStatistics({"ffn.act": found}, ARCHITECTURE, model="a/model")
    return measured, measured.save(tmp_path / "s.safetensors")


@pytest.fixture
def responses(tmp_path):
    key = {
        "what": "responses",
        "counts": [["zh", 3], ["en", 4]],
        "shapes": {"ffn.act": [LAYERS, WIDTH]},
        "name": "a/model",
        "architecture": ARCHITECTURE.to_json(),
        "report": {"sha256": "0"},
    }
    store = ShardStore(tmp_path / "r", key)
    generator = torch.Generator().manual_seed(1)
    values = {language: torch.randn(count, LAYERS, WIDTH, generator=generator) for language, count in key["counts"]}
    for language, each in values.items():
        store.write(language, 0, {"ffn.act": each.transpose(0, 1)})
    return values, tmp_path / "r"


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """The example package, installed with pip."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run(
        [*pip, "--target", str(tmp_path / "site"), str(Path(__file__).parent / "outside_method")], check=True
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def test_lape_by_name_is_lape(statistics):
    measured, path = statistics
    assert select_by("lape", path, {"top_rate": 0.2}) == lape_from_statistics(measured, top_rate=0.2)


def test_ap_by_name_is_ap_and_keeps_the_order_of_languages(responses):
    values, folder = responses
    found = select_by("ap", folder, {"top_k": 2})
    assert found.languages == ("zh", "en")
    assert found.header.model == "a/model"
    same = ap_select({language: {"ffn.act": each} for language, each in values.items()}, top_k=2)
    assert found.content_hash == same.content_hash


def test_what_a_method_cannot_select_from(statistics, responses, tmp_path):
    with pytest.raises(DataError, match="holds responses, and lape selects from statistics"):
        select_by("lape", responses[1], {})
    with pytest.raises(DataError, match="holds statistics, and ap selects from responses"):
        select_by("ap", statistics[1], {})
    with pytest.raises(DataError, match="no statistics at"):
        select_by("lape", tmp_path / "none", {})
    (tmp_path / "empty").mkdir()
    with pytest.raises(OutputError, match="holds no shards"):
        select_by("ap", tmp_path / "empty", {})


def test_a_pass_that_did_not_end_is_refused(responses):
    next(responses[1].glob("en-*.shard")).unlink()
    with pytest.raises(DataError, match="is unfinished"):
        select_by("ap", responses[1], {})


def test_unknown_methods_and_parameters():
    with pytest.raises(SpecError, match="no method 'guess'; known are lape, ap"):
        check_parameters("guess", {})
    with pytest.raises(
        SpecError, match=r"'lape' has no parameter 'top_k'; did you mean 'top_rate'\? its parameters are top_rate"
    ):
        check_parameters("lape", {"top_k": 3})
    with pytest.raises(SpecError, match=r"'rate'; did you mean 'top_rate'\? its parameters are top_k, top_rate, which"):
        check_parameters("ap", {"rate": 3})


def test_parameters_are_numbers_where_they_look_so():
    assert [parameter(text) for text in ("3", "0.5", "1e-3", "top")] == [3, 0.5, 1e-3, "top"]


@pytest.mark.slow
def test_a_method_of_another_package(outside, statistics, tmp_path):
    measured, path = statistics
    assert methods()[:2] == ("lape", "ap")
    assert {"loudest", "broken", "careless"} <= set(methods())
    found = select_by("loudest", path, {"top_k": 2})
    best = measured["ffn.act"].mean[1, :, 0].topk(2).indices.sort().values
    assert found.indices("en", "ffn.act")[1].tolist() == best.tolist()
    with pytest.raises(SpecError, match=r"'loudest' has no parameter 'k'; .*its parameters are top_k"):
        select_by("loudest", path, {"k": 2})
    with pytest.raises(SpecError, match="'demanding' needs 'least'; give --least"):
        select_by("demanding", path, {})
    with pytest.raises(SpecError, match="'broken' of 'outside_method:missing' cannot be loaded"):
        select_by("broken", path, {})
    with pytest.raises(SpecError, match="returned a list and no NeuronSet"):
        select_by("careless", path, {})
    command = [sys.executable, "-m", "lnbench", "detect", "select", "--method", "loudest", "--top-k", "3"]
    out = tmp_path / "set.safetensors"
    done = subprocess.run(
        [*command, "--stats", str(path), "--out", str(out)],
        env={"PYTHONPATH": str(outside), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert NeuronSet.load(out).count("zh") == 3 * LAYERS
