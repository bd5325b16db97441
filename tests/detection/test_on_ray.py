"""Detection on a real Ray cluster of two nodes, one of which is killed in the middle: the same bits as one process."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from lnbench.cli.detect import app
from lnbench.detection import (
    CorpusStatistics,
    ShardStore,
    StoredImpacts,
    StoredResponses,
    _batches,
    ap_select,
    collect_impacts,
    collect_responses,
    collect_sites,
    impacts_key,
    lape_from_statistics,
    plnd_select,
    responses_key,
)
from lnbench.detection._on_ray import Loaded, _refuse_other
from lnbench.detection._shards import every, places_of, shard_at
from lnbench.errors import ClusterError, SpecError
from lnbench.models import load_model
from tests.alone import alone
from tests.detection import small_pass

pytest.importorskip("ray", reason="Ray is not installed")

HERE = Path(__file__).parent
TABLES = ("tokens", "active", "total", "squares", "active_total", "median", "active_median")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ray")
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        alone([sys.executable, "-m", "tests.detection.on_ray", str(folder)]),
        cwd=HERE.parents[1], env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    return folder, json.loads((folder / "told.json").read_text())


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """One process, one thread, as each worker has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_model("lnbench/demo"), small_pass.documents(tmp_path_factory.mktemp("text"))
    torch.set_num_threads(before)


def test_statistics_and_selection_are_those_of_one_process(found, here, monkeypatch):
    folder, told = found
    model, documents = here
    monkeypatch.setattr(_batches, "SHARD_TOKENS", 300)
    ours, theirs = collect_sites(model, documents, sample=50), CorpusStatistics.load(folder / "ray.safetensors")
    for table in TABLES:
        assert torch.equal(getattr(ours["ffn.act"], table), getattr(theirs["ffn.act"], table)), table
    assert ours.settings == theirs.settings
    one, other = (lape_from_statistics(measured, top_rate=0.05) for measured in (ours, theirs))
    assert len(one) and one.content_hash == other.content_hash
    assert told["lost"] >= 1 and len(told["told"]) > len(small_pass.LANGUAGES)
    for language, tokens in documents.tokens.items():
        assert sum(new for of, new, _ in told["told"] if of == language) == tokens  # the bar is full at the end


def test_a_pass_that_is_stopped_goes_on_and_ends_as_one_process(found, here, tmp_path):
    folder, told = found
    model, documents = here
    store = ShardStore(tmp_path / "ap", responses_key(model, documents, ["ffn.act"]))
    ours = collect_responses(model, documents, store)
    theirs = StoredResponses(ShardStore.existing(folder / "ap"))
    for language in ours.languages:
        for layer in range(ours.shapes["ffn.act"][0]):
            assert torch.equal(ours.layer(language, "ffn.act", layer), theirs.layer(language, "ffn.act", layer))
    assert ap_select(ours, top_k=20).content_hash == ap_select(theirs, top_k=20).content_hash
    assert told["kept"] == 1 and [resumed for *_, resumed in told["again"]].count(True) == 1


def test_scores_of_documents_are_those_of_one_process(found, here, tmp_path):
    folder, _ = found
    model, documents = here
    ours = collect_impacts(
        model, documents, ShardStore(tmp_path / "plnd", impacts_key(model, documents, small_pass.SETTINGS))
    )
    theirs = StoredImpacts(ShardStore.existing(folder / "plnd"))
    for language in ours.languages:
        for one, other in zip(ours.scores(language), theirs.scores(language), strict=True):
            assert torch.equal(one["ffn.hidden"], other["ffn.hidden"])
    one, other = (plnd_select(scores, top_k=30, consistency=0.5) for scores in (ours, theirs))
    assert len(one) and one.content_hash == other.content_hash


def test_no_worker_is_left(found):
    assert found[1]["left"] == []


def test_a_shard_arrives_with_its_documents(here):
    _, documents = here
    for place in places_of(documents, every(7)):
        shard = shard_at(documents, place)
        sent = pickle.loads(pickle.dumps(shard))
        expected = documents[place.language][place.documents.start : place.documents.stop]
        assert [*sent.documents] == [*shard.documents] == expected
        assert sent.documents[-2:] == shard.documents[-2:] and sent.lengths.tolist() == [*map(len, shard.documents)]


FIRST = Loaded("local:1", "float32", "cpu", "1.0", "one")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"identity": "local:2"}, "two has another model (local:2) than one (local:1)"),
        ({"dtype": "bfloat16"}, "two has the model in another dtype (bfloat16) than one (float32)"),
        ({"device": "cuda"}, "two has the model on another kind of device (cuda) than one (cpu)"),
        ({"version": "2.0"}, "two has another lnbench (2.0) than one (1.0)"),
    ],
    ids=["model", "dtype", "device", "version"],
)
def test_a_machine_that_differs_is_refused(other, words):
    _refuse_other(replace(FIRST, host="two"), FIRST)
    with pytest.raises(ClusterError) as refusal:
        _refuse_other(replace(FIRST, host="two", **other), FIRST)
    assert words in str(refusal.value)


@pytest.mark.parametrize("method", ["lape", "ap", "plnd"])
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["--executor", "slurm"], SpecError, "unknown executor 'slurm'; choose local or ray"),
        (["--address", "auto"], SpecError, "--address auto has no effect without Ray"),
        (["--workers", "2"], SpecError, "--workers 2 has no effect without Ray"),
        (["--threads", "2"], SpecError, "--threads 2 has no effect without Ray"),
        (["--executor", "ray", "--device", "cuda:1"], SpecError, "--device cuda:1 has no meaning on Ray"),
        (["--executor", "ray", "--address", "nonsense"], ClusterError, "'nonsense' cannot be joined"),
    ],
    ids=["unknown", "address", "workers", "threads", "device", "malformed"],
)
def test_what_cannot_be_is_refused_at_once(tmp_path, method, options, error, words):
    command = [method, "--model", "lnbench/demo", "--corpus", "en=en.txt", "--corpus", "zh=zh.txt"]
    command += ["--top-k", "5"] if method != "lape" else []
    ended = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "set.pt"), *options])
    assert isinstance(ended.exception, error) and words in str(ended.exception)
    assert not list(tmp_path.iterdir())
