"""The demo on the embedded planted positive control: every number comes from the model, and only from the neurons."""

import json
import subprocess
import sys

import pytest

from lnbench import NeuronSet
from lnbench._data import demo_model_dir
from lnbench.reporting import rows_from_scores
from lnbench.studies import DEMO_KINDS, DEMO_LANGUAGES, _demo, run_demo

pytestmark = pytest.mark.slow

METRICS = {
    "summ": {"exact_match", "rouge1", "rougeL", "fidelity"},
    "mc": {"acc"},
    "qa": {"exact_match"},
    "arith": {"exact_match"},
}


@pytest.fixture(scope="module")
def scores():
    return run_demo(ablated=["zh"], seeds=1, limit=6)


def values(scores, condition, kind="summ", metric="exact_match"):
    return {
        s.evaluated: s.value
        for s in scores
        if s.condition.name == condition and s.task.split("_")[-2] == kind and s.metric == metric
    }


def test_every_condition_task_and_language_is_there(scores):
    found = {(s.condition.name, s.task, s.metric) for s in scores}
    for condition in ("original", "random", "specific"):
        for kind in DEMO_KINDS:
            for language in DEMO_LANGUAGES:
                expected = {(condition, f"lnbench_demo_{kind}_{language}", metric) for metric in METRICS[kind]}
                assert expected <= found
    assert all(s.samples.size == 6 for s in scores)


def test_specific_ablation_takes_its_own_language_and_no_other(scores):
    original, random, specific = (values(scores, name) for name in ("original", "random", "specific"))
    assert specific["zh"] <= original["zh"] - 0.5
    others = [language for language in DEMO_LANGUAGES if language != "zh"]
    assert [specific[e] for e in others] == [original[e] for e in others]
    assert random == original
    assert values(scores, "specific", metric="fidelity")["zh"] < 0.5 < values(scores, "random", metric="fidelity")["zh"]


def test_an_empty_set_changes_nothing(tmp_path):
    shipped = NeuronSet.load("demo_langs_ffn.safetensors")
    empty = NeuronSet.from_indices({"zh": {}}, architecture=shipped.header.architecture, model=shipped.header.model)
    empty.save(tmp_path / "empty.pt")
    scores = run_demo(mask=str(tmp_path / "empty.pt"), ablated=["zh"], seeds=1, limit=3)
    rows = [row for row in rows_from_scores(scores) if row.value == row.value]
    for condition in ("specific", "random"):
        by_name = {(r.task, r.metric): r.value for r in rows if r.condition == condition}
        assert by_name == {(r.task, r.metric): r.value for r in rows if r.condition == "original"}


def test_a_set_of_another_model_does_not_bring_its_model(tmp_path, monkeypatch):
    shipped = NeuronSet.load("demo_langs_ffn.safetensors")
    rows = {code: {"ffn.act": shipped.indices(code, "ffn.act")} for code in shipped.languages}
    for name, model in (("other.pt", "someone/another-model"), ("nameless.pt", None)):
        NeuronSet.from_indices(rows, architecture=shipped.header.architecture, model=model).save(tmp_path / name)
        monkeypatch.setattr(_demo, "demo_tasks", dict)
        monkeypatch.setattr(_demo, "evaluate_conditions", lambda lm, *_, **__: lm)
        assert run_demo(mask=str(tmp_path / name)).model_name == "lnbench/demo"


def test_the_command_writes_table_rows_and_picture(tmp_path):
    line = [sys.executable, "-m", "lnbench", "demo", "--ablate", "fr", "--seeds", "1", "--limit", "2"]
    line += ["--json", "rows.json", "--plot", "matrix.png"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "planted positive control" in done.stdout
    assert [cell for cell in done.stdout.splitlines() if cell.split()[:2] == ["specific", "fr"]]
    assert "condition" in done.stderr  # the progress bar
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((tmp_path / "rows.json").read_text())
    assert written["signatures"]["summ"]["exact_match"] in done.stdout
    assert written["signatures"]["summ"]["fidelity"] in done.stdout
    rows = written["rows"]
    assert set(rows[0]) == {"condition", "ablated", "evaluated", "seed", "task", "metric", "value", "n"}
    assert {(r["condition"], r["ablated"], r["seed"]) for r in rows} == {
        ("original", None, None),
        ("random", "fr", 0),
        ("specific", "fr", None),
    }


def test_the_model_is_left_as_it_was():
    import torch
    from safetensors.torch import load_file

    from lnbench.harness import LnbenchLM
    from lnbench.studies import conditions, demo_tasks, evaluate_conditions

    lm = LnbenchLM(mask="fr_ffn.pt", batch_size=8)
    evaluate_conditions(lm, demo_tasks(["arith"], ["fr"]), conditions(["fr"], 1), limit=2)
    stored = load_file(demo_model_dir() / "model.safetensors")
    weights = lm.model.state_dict()
    assert all(torch.equal(weights[name], value.float()) for name, value in stored.items())
