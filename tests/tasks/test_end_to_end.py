"""Real rows of every data set through the stock ``lm_eval`` script, on the embedded model, original and ablated.

The scores are near zero: the model is a planted positive control that knows nothing. The mechanics are what is shown.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lm_eval")
from transformers import AutoTokenizer

from lnbench._data import demo_model_dir, packaged
from lnbench.harness.task_data import benchmark
from lnbench.scoring import METRICS

#: Task -> kind of its metrics.
TASKS = {
    "lnbench_mgsm_zh": "mgsm",
    "lnbench_mgsm_direct_en": "mgsm_direct",
    "lnbench_xquad_zh": "xquad",
    "lnbench_xcsqa_zh": "xcsqa",
    "lnbench_xcsqa_letters_sw": "xcsqa",
    "lnbench_xlsum_zh": "xlsum",
    "lnbench_open_fr": "open",
}
CONDITIONS = {"original": "pretrained=lnbench/demo", "ablated": "mask=zh_ffn.pt"}
LIMIT = 2
WINDOW = 1024

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (demo_model_dir() / "config.json").is_file() or not (packaged("neuron_sets") / "zh_ffn.pt").is_file(),
        reason="the embedded model is not trained yet: make demo-model",
    ),
]


@pytest.fixture(scope="module", params=CONDITIONS)
def run(request, test_data, tmp_path_factory):
    """One process for all tasks; its results, and its samples by task."""
    out = tmp_path_factory.mktemp(request.param)
    command = [
        *("lm_eval", "--model", "lnbench", "--model_args", CONDITIONS[request.param], "--tasks", ",".join(TASKS)),
        *("--limit", str(LIMIT), "--log_samples", "--output_path", str(out)),
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"LNBENCH_DATA": str(test_data), "PATH": path}
    found = subprocess.run(command, capture_output=True, text=True, cwd=out, env=environment)
    assert found.returncode == 0, found.stderr[-3000:]
    (file,) = out.rglob("results_*.json")
    samples = {}
    for name in TASKS:
        (log,) = out.rglob(f"samples_{name}_*.jsonl")
        samples[name] = [json.loads(line) for line in log.read_text("utf-8").split("\n") if line]
    return request.param, json.loads(file.read_text("utf-8")), samples


def test_every_task_has_scores_and_samples_with_its_metrics(run):
    _, results, samples = run
    for name, kind in TASKS.items():
        assert len(samples[name]) == LIMIT
        for sample in samples[name]:
            assert tuple(sample["metrics"]) == METRICS[kind]
            assert set(METRICS[kind]) <= set(sample)
        for metric in METRICS[kind]:
            value = results["results"][name][f"{metric},none"]
            assert isinstance(value, str) if metric == "fidelity_found" else math.isnan(value) or 0 <= value <= 1


def test_prompts_are_the_documents_and_fit_the_window(run):
    _, results, samples = run
    tokenizer = AutoTokenizer.from_pretrained(demo_model_dir())
    window = results["config"]["lnbench"]["window"]
    too_long = 0
    for rows in samples.values():
        for sample in rows:
            asked = sample["arguments"]["gen_args_0"]
            assert asked["arg_0"] == sample["doc"]["prompt"]
            room = asked["arg_1"]["max_gen_toks"] if isinstance(asked["arg_1"], dict) else 8
            too_long += len(tokenizer(asked["arg_0"])["input_ids"]) + room > WINDOW
    assert window["tokens"] == WINDOW and window["beginnings_cut"] == 0
    assert window["passages_shortened"] + window["answers_shortened"] == too_long


def test_the_results_say_what_was_loaded(run, test_data, monkeypatch):
    monkeypatch.setenv("LNBENCH_DATA", str(test_data))
    _, results, _ = run
    data = results["config"]["lnbench"]["data"]
    assert set(data) == set(TASKS)
    for name in TASKS:
        kept, (form, lang) = {}, name.removeprefix("lnbench_").rsplit("_", 1)
        benchmark(lnbench_form=form, lnbench_lang=lang, lnbench_data=kept)
        assert data[name] == kept == results["configs"][name]["metadata"]["lnbench_data"]
        assert kept["source"].startswith(str(test_data.resolve())) and kept["rows"] >= LIMIT


def test_the_results_say_which_condition_it_was(run):
    name, results, _ = run
    said = results["config"]["lnbench"]
    assert said["condition"].startswith("original" if name == "original" else "zero zh")
    assert (said["neurons"] > 0) is (name == "ablated")
    assert results["model_name"] == "lnbench/demo"
