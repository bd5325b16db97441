"""Studies on a real Ray cluster of two nodes, one of which is killed in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lnbench.cli.study import app
from lnbench.errors import SpecError
from lnbench.neurons import NeuronSet
from lnbench.studies import Store, Study, run
from tests.alone import alone

pytest.importorskip("ray", reason="Ray is not installed")

HERE = Path(__file__).parent
STUDY = """
name: on-ray
model: {pretrained: lnbench/demo, batch_size: 64, device: cpu, threads: 1}
neurons: demo_langs_ffn.safetensors
languages: [en, zh]
tasks: [demo_mc]
conditions:
  original: {}
  random: {control: random, seeds: 2}
  specific: {op: zero}
limit: 2
"""
ROWS = {"en": "The cook had some pears, and the child counted", "zh": "厨师有一些梨，孩子数了数"}
DETECTING = """
name: detecting
model: {pretrained: lnbench/demo, batch_size: 64, device: cpu, threads: 1}
detect: {method: %s, corpora: {en: en.txt, zh: zh.txt}, tokens: 2000, max_length: 64, options: %s}
languages: [en, zh]
tasks: [demo_mc]
conditions: {specific: {op: zero}}
repeat_original: false
limit: 2
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ray")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "detecting.yaml").write_text(DETECTING % ("lape", "{top_rate: 0.05}"), encoding="utf-8")
    (folder / "plnd.yaml").write_text(DETECTING % ("plnd", "{top_k: 4, consistency: 0.5}"), encoding="utf-8")
    for language, row in ROWS.items():
        (folder / f"{language}.txt").write_text("\n".join(f"{row} {n}." * 4 for n in range(60)), encoding="utf-8")
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    environment |= {"RAY_raylet_start_wait_time_s": "120"}  # a busy machine is slow to start its nodes
    command = alone([sys.executable, "-m", "tests.studies.on_ray", str(folder)])
    ended = subprocess.run(
        command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return folder, json.loads((folder / "told.json").read_text())


def test_a_killed_node_loses_nothing(found):
    _, told = found
    assert told["killed"]["ran"] == told["killed"]["cells"] == 2 * (1 + 2 * 3 + 1)
    assert told["killed"]["failed"] == 0
    assert told["again"]["finished"] == told["again"]["cells"] and told["again"]["ran"] == 0


def test_the_store_is_that_of_one_process(found, tmp_path):
    folder, _ = found
    here = Store(tmp_path / "here")
    run(Study.load(folder / "study.yaml"), here)
    ours, theirs = here.finished(), Store(folder / "ray").finished()
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name]["cell"] == theirs[name]["cell"] and ours[name]["role"] == theirs[name]["role"]
        assert ours[name]["files"]["samples"].keys() == theirs[name]["files"]["samples"].keys()
        for task, (file, digest) in ours[name]["files"]["samples"].items():
            other, its = theirs[name]["files"]["samples"][task]
            assert digest == its, (file, other)


def test_lost_items_are_taken_again_and_one_that_kills_is_given_up(found):
    _, told = found
    squares = told["squares"]
    assert squares["found"] == {str(item): item * item for item in range(8) if item != 3}
    assert squares["given_up"] == [3] and squares["lost"] == 4  # three times 3, once 5
    assert squares["refusal"] == "this worker refuses"


def test_what_cannot_travel_is_one_sentence_and_what_was_under_way_is_forgotten(found):
    squares = found[1]["squares"]
    assert "failed (Odd: an error of two parts)" in squares["odd"]
    assert squares["after"] == {"7": 49, "8": 64}  # nothing of the round that was refused
    assert squares["left"] == []


@pytest.mark.parametrize(("file", "store"), [("detecting", "detected"), ("plnd", "plnd")], ids=["lape", "plnd"])
def test_workers_share_the_documents_of_detection_and_find_what_one_process_finds(found, tmp_path, file, store):
    folder, told = found
    assert told[store]["ran"] == told[store]["cells"] > 0
    here = Store(tmp_path / "here")
    run(Study.load(folder / f"{file}.yaml"), here)
    (ours,), (theirs,) = (list(each.glob("neurons-*.safetensors")) for each in (here.folder, folder / store))
    assert ours.name == theirs.name and len(NeuronSet.load(ours)) > 0
    assert ours.read_bytes() == theirs.read_bytes()
    assert here.finished().keys() == Store(folder / store).finished().keys()


def test_workers_of_several_graphics_cards(found):
    told = found[1]["graphics"]
    assert told["number"] == 2 and sorted(told["found"].values()) == [
        "0,1",
        "2,3",
    ]  # five cards hold two workers of two
    assert told["none"][1] == "" and told["none"][0] == 2
    assert told["one"] == [5, 1]
    assert told["refusal"] == "no machine of the cluster has 8 GPUs (the most is 5); lower --gpus"


def test_a_machine_without_the_worker_is_one_sentence(found):
    assert "workers were lost one after another (ModuleNotFoundError: No module named 'elsewhere')" in found[1]["away"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--executor", "slurm"], "unknown executor 'slurm'; choose local or ray"),
        (["--executor", "ray", "--shard", "1/2"], "--shard 1/2 has no effect on Ray"),
        (["--address", "auto"], "--address auto has no effect without Ray"),
        (["--workers", "2"], "--workers 2 has no effect without Ray"),
        (["--gpus", "2"], "--gpus 2 has no effect without Ray"),
    ],
    ids=["unknown", "shard", "address", "workers", "gpus"],
)
def test_options_without_effect_are_refused(tmp_path, options, words):
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    ended = CliRunner().invoke(app, ["run", str(tmp_path / "study.yaml"), *options])
    assert isinstance(ended.exception, SpecError) and words in str(ended.exception)
