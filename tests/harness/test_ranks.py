"""One evaluation in several processes, and one model in several places: the scores of one process, to the last bit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.evaluator import simple_evaluate
from lm_eval.tasks import TaskManager

from lnbench.errors import StudyError
from lnbench.harness import LnbenchLM, _ranks
from lnbench.harness import lm as lm_module
from lnbench.studies import Study, _model
from tests.harness.on_processes import RUNS, TASKS

ROOT = Path(__file__).parents[2]
FIT = {"passages_shortened": 0, "answers_shortened": 0, "beginnings_cut": 0}


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of two processes on CPUs that met on loopback, and what they printed."""
    folder = tmp_path_factory.mktemp("ranks")
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command = [*launch, "-m", "tests.harness.on_processes", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return folder, ended.stdout


@pytest.fixture(scope="module")
def told(launched: tuple[Path, str]) -> list[dict[str, Any]]:
    """What each rank says of its runs."""
    return [json.loads((launched[0] / f"rank-{rank}.json").read_text()) for rank in (0, 1)]


def results(folder: Path) -> dict[str, Any]:
    (file,) = folder.rglob("results_*.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def samples(folder: Path, task: str) -> list[dict[str, Any]]:
    (file,) = folder.rglob(f"samples_{task}_*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_process_does_its_share_once(told: list[dict[str, Any]]) -> None:
    """4 documents of each of four tasks, two of them rolling, two choices a document; then 5, as 3 and 2."""
    half = {"generate_until": 2, "loglikelihood": 4, "loglikelihood_rolling": 4}
    assert [rank["original"]["asked"] for rank in told] == [half, half]
    shares = [{"generate_until": n, "loglikelihood": 2 * n, "loglikelihood_rolling": 2 * n} for n in (3, 2)]
    assert [rank["random"]["asked"] for rank in told] == shares
    assert [(rank["random"]["rank"], rank["random"]["world"]) for rank in told] == [(0, 2), (1, 2)]


def test_both_draw_the_same_control_and_keep_answers_of_their_own(
    told: list[dict[str, Any]], launched: tuple[Path, str]
) -> None:
    for run in RUNS:
        assert told[0][run]["plan"] == told[1][run]["plan"] and told[0][run]["key"] == told[1][run]["key"]
    assert told[0]["random"]["key"] == told[0]["again"]["key"] != told[0]["original"]["key"]
    assert [rank["again"]["asked"] for rank in told] == [{}, {}]  # all answers from each one's cache
    assert {file.name for file in launched[0].glob("cache*.db")} == {"cache_rank0.db", "cache_rank1.db"}


def test_it_is_said_once_and_written_once(launched: tuple[Path, str]) -> None:
    folder, printed = launched
    assert len(re.findall("^lnbench: mask", printed, re.MULTILINE)) == len(RUNS)
    for run in RUNS:
        assert len(list((folder / run).rglob("*.json*"))) == 1 + len(TASKS.split(","))


@pytest.mark.parametrize("run", ["original", "random"])
def test_scores_and_answers_are_those_of_one_process(run: str, launched: tuple[Path, str]) -> None:
    limit, arguments = RUNS[run]
    manager = TaskManager(include_defaults=False, include_path=str(ROOT / "tasks/demo"))
    given = {**arguments, "device": "cpu", "announce": False}
    found = simple_evaluate("lnbench", given, TASKS.split(","), limit=limit, task_manager=manager)
    theirs = results(launched[0] / run)
    assert json.loads(json.dumps(found["results"])) == theirs["results"]
    assert {task: counted["effective"] for task, counted in theirs["n-samples"].items()} == dict.fromkeys(
        TASKS.split(","), limit
    )
    for task, rows in found["samples"].items():
        logged = samples(launched[0] / run, task)
        assert [row["doc_id"] for row in logged] == list(range(limit)) == [row["doc_id"] for row in rows]
        for ours, other in zip(rows, logged):
            assert json.loads(json.dumps(ours["resps"], default=str)) == _plain(other["resps"])


def _plain(answers: Any) -> Any:
    """lm-eval writes numbers as text into its log."""
    if isinstance(answers, list):
        return [_plain(answer) for answer in answers]
    try:
        return {"True": True, "False": False}[answers] if answers in ("True", "False") else float(answers)
    except ValueError:
        return answers


class Launch:
    """As much of lm-eval's model as is asked for its place."""

    def __init__(self, index: int, number: int) -> None:
        self.accelerator = type("Accelerator", (), {"process_index": index, "local_process_index": 0})()
        self.accelerator.num_processes = number
        self._rank, self._world_size = 0, 1


def test_one_gpu_on_each_of_several_machines_is_numbered() -> None:
    lm = Launch(index=2, number=3)
    _ranks.number_process(lm)
    assert (lm._rank, lm._world_size) == (2, 3)
    del lm.accelerator
    _ranks.number_process(lm)  # no launcher: as lm-eval left it
    assert (lm._rank, lm._world_size) == (2, 3)


def test_shares_are_put_together_in_the_order_of_one_process() -> None:
    def sample(document: int, name: str) -> dict[str, Any]:
        return {"doc_id": document, "filter": name}

    shares = [[sample(d, f) for f in ("a", "b") for d in range(rank, 5, 3)] for rank in range(3)]
    whole, *others = _ranks.in_order([{"t": share} for share in shares]) or []
    assert whole == {"t": [sample(d, f) for f in ("a", "b") for d in range(5)]} and others == [{"t": []}] * 2
    metrics = [{"t": {("acc", "none"): list(range(rank, 5, 3))}} for rank in range(3)]
    whole, *others = _ranks.in_order(metrics) or []
    assert whole == {"t": {("acc", "none"): [0, 1, 2, 3, 4]}} and others == [{"t": {("acc", "none"): []}}] * 2
    assert _ranks.in_order(None) is None and _ranks.in_order([{"t": [1]}]) == [{"t": [1]}]


def test_nobody_repeats_requests_for_the_others() -> None:
    assert _ranks.own_of_each(torch.tensor(7), 3).tolist() == [7, 7, 7]
    assert _ranks.own_of_each(torch.tensor([4]), 2).tolist() == [4, 4]


def test_a_study_is_not_spread_by_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm_module, "number_process", lambda lm: setattr(lm, "_world_size", 2))
    keys = {"name": "x", "languages": ["zh"], "tasks": ["demo_mc"], "conditions": {"original": {}}}
    study = Study.model_validate({**keys, "model": {"pretrained": "lnbench/demo", "device": "cpu"}})
    with pytest.raises(StudyError, match="launcher started 2; start one process per device, each with --shard i/n"):
        _model.load_model(study, None)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"device_map": {"": "cpu"}}, {"parallelize": True, "device": "cpu"}),
        ({"device_map": "auto", "device": "cuda:0"}, {"parallelize": True, "device": "cpu"}),
        ({"device_map": "auto", "parallelize": False, "device": "mps"}, {"parallelize": False, "device": "mps"}),
        ({"device": "cuda:0"}, {"device": "cuda:0"}),
    ],
    ids=["a map", "auto", "switched off", "one device"],
)
def test_a_device_map_is_followed(
    given: dict[str, Any], wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert _ranks.placed(given) == {**given, **wanted}


def test_a_model_in_two_parts_one_of_them_offloaded(tiny_model: Path, zh_mask: Path, tmp_path: Path) -> None:
    """The first layer in memory, the second on the disk: the answers of one that is all in memory."""
    from tests.harness.test_lm import likelihoods, texts

    parts = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "disk"}
    parts |= {"model.norm": "cpu", "lm_head": "cpu", "model.rotary_emb": "cpu"}
    given = {"pretrained": str(tiny_model), "mask": zh_mask, "announce": False}
    spread = LnbenchLM(**given, device_map=parts, offload_folder=str(tmp_path))
    whole = LnbenchLM(**given, device="cpu")
    assert {str(where) for where in spread.model.hf_device_map.values()} == {"cpu", "disk"}
    assert {p.device.type for p in spread.model.model.layers[1].parameters()} == {"meta"}
    for keys in ({}, {"control": "random", "seed": 3}):
        for lm in (spread, whole):
            lm.set_spec("zero", lang="zh", **keys)
        assert spread.plan is not None and whole.plan is not None and spread.plan.plan_hash == whole.plan.plan_hash
        assert likelihoods(spread) == pytest.approx(likelihoods(whole), abs=1e-5)
        assert texts(spread) == texts(whole)
    assert (spread.engine, whole.engine) == ("hook", "fold")
