"""Perplexity matrix, steering and doses on the embedded planted positive control, and on answers made up here."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("lm_eval")

from lnbench.analysis.text import (
    curves,
    dose_section,
    matrices,
    matrix_section,
    render_section,
    steering_section,
    steerings,
)
from lnbench.analysis.text._answers import CLASSES, Answers, same_document_scores, shares
from lnbench.analysis.text._doses import Dose, dose_of, steer_of
from lnbench.cli.plot import app
from lnbench.errors import DataError
from lnbench.models import Spec
from lnbench.reporting import read_results
from lnbench.studies import Condition, Store, Study, run

BASE = {
    "model": {"pretrained": "lnbench/demo", "batch_size": 16, "device": "cpu"},
    "neurons": "demo_langs_ffn.safetensors",
    "repeat_original": False,
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    def made(name, **keys):
        folder = tmp_path_factory.mktemp(name) / "store"
        report = run(Study.model_validate({**BASE, "name": name, **keys}), Store(folder))
        assert report.complete
        return folder

    return made


@pytest.fixture(scope="module")
def matrix_store(stored):
    return stored("matrix", preset={"name": "lape-matrix", "seeds": 2}, languages=["zh", "fr"], tasks=["demo_packed"],
                  limit=6)  # fmt: skip


@pytest.fixture(scope="module")
def steering_store(stored):
    preset = {"name": "lape-steering", "seeds": 2, "targets": ["fr", "zh"]}
    return stored("steering", preset=preset, languages=["en", "fr", "zh"], tasks=["demo_summ", "demo_packed"], limit=8)


@pytest.fixture(scope="module")
def dose_store(stored):
    preset = {"name": "steering-dose", "seeds": 1, "targets": ["fr"], "strengths": [0, 1], "top": [2, 8]}
    return stored("dose", preset=preset, languages=["fr", "zh"], tasks=["demo_summ", "demo_packed"], limit=5)


def samples(store, condition, task, seed=None):
    """The samples of one cell, read without any of our readers."""
    for file in store.glob("cells/*/manifest.json"):
        manifest = json.loads(file.read_text())
        role = manifest["role"]
        if (role["condition"], role["ablated"], role["seed"]) == (*condition, seed) and manifest["cell"][
            "task"
        ] == task:
            lines = (file.parent / manifest["files"]["samples"][task][0]).read_text().splitlines()
            return sorted(map(json.loads, lines), key=lambda one: one["doc_id"])
    raise AssertionError(f"no cell {condition} {task}")


def test_the_matrix_is_what_the_blocks_say(matrix_store):
    nats, bits = matrices(read_results(matrix_store))
    assert (nats.metric, bits.metric) == ("nats_per_token", "bits_per_byte")
    assert set(nats.ablated) == set(nats.languages) == {"zh", "fr"}
    for ablated in ("zh", "fr"):
        for evaluated in ("zh", "fr"):
            task = f"lnbench_demo_packed_{evaluated}"
            before = np.array([one["nats_per_token"] for one in samples(matrix_store, ("original", None), task)])
            after = np.array([one["nats_per_token"] for one in samples(matrix_store, ("specific", ablated), task)])
            cell = nats.change(ablated, evaluated)
            assert cell.difference == pytest.approx((after - before).mean(), abs=1e-9)
            assert nats.original(evaluated).value == pytest.approx(before.mean(), abs=1e-9)
            draws = [samples(matrix_store, ("random", ablated), task, seed) for seed in (0, 1)]
            means = [np.mean([one["nats_per_token"] for one in draw]) - before.mean() for draw in draws]
            assert nats.random(ablated, evaluated).difference == pytest.approx(np.mean(means), abs=1e-9)
            assert nats.random(ablated, evaluated).K == 2
    for one in (nats, bits):
        own = np.diag(one.changes())
        others = one.changes()[~np.eye(2, dtype=bool)]
        assert (own > 0.2).all() and (np.abs(others) < 0.05).all() and (np.abs(one.changes(control=True)) < 0.05).all()
        assert one.others("zh") == pytest.approx(one.change("zh", "fr").difference)


def test_the_section_of_the_matrix(matrix_store):
    section = matrix_section(read_results(matrix_store))
    assert [len(table.rows) for table in section.tables] == [5, 2, 5, 2]
    assert all(len(row) == len(table.header) for table in section.tables for row in table.rows)
    assert section.pictures[0].png.startswith(b"\x89PNG")
    assert "In 2 of 2 languages" in section.text
    json.dumps(section.data, allow_nan=False)
    assert "+1." in render_section(section, "terminal") and "nats per token" in render_section(section, "latex")


def test_answers_move_to_the_other_language_and_under_random_neurons_they_do_not(steering_store):
    found = {(one.dose.source, one.target): one for one in steerings(read_results(steering_store))}
    assert set(found) == {("en", "fr"), ("zh", "fr"), ("en", "zh"), ("fr", "zh")}
    for (source, target), one in found.items():
        there, here = one.shares["target"], one.shares["source"]
        assert there.steered >= 0.75 and there.original == 0.0 and there.corrected_p < 0.01
        assert here.steered <= 0.1 and here.original >= 0.75
        assert there.randoms == (0.0, 0.0) and min(here.randoms) >= 0.75
        assert sum(share.steered for share in one.shares.values()) == pytest.approx(1.0)
        rows = samples(steering_store, (f"to-{target}", source), f"lnbench_demo_summ_{source}")
        by_hand = np.mean([set(row["fidelity_found"]["languages"]) == {target} for row in rows])
        assert there.steered == by_hand
        assert one.kept["text"].steered < 1.2 * one.kept["text"].original
        assert one.kept["own"].steered == 1.0  # asked in the language steered to, it answers as before
        references = [row["doc"]["target"] for row in samples(steering_store, ("original", None),
                                                              f"lnbench_demo_summ_{target}")]  # fmt: skip
        same = np.mean([row["filtered_resps"][0].strip() == text.strip() for row, text in zip(rows, references)])
        assert one.kept["same"].steered == same >= 0.75 and one.kept["same"].original == 0.0


def test_the_section_of_steering(steering_store):
    section = steering_section(read_results(steering_store))
    assert "In 4 of 4 pairs" in section.text and "at most 0 %" in section.text and "In 4 of these" in section.text
    assert [len(table.rows) for table in section.tables] == [4, 4]
    assert all(len(row) == len(table.header) for table in section.tables for row in table.rows)
    json.dumps(section.data, allow_nan=False)


def test_doses(dose_store):
    found = {(one.over, one.response): one for one in curves(read_results(dose_store))}
    assert set(found) == {(over, what) for over in ("strength", "top") for what in ("target", "source", "text")}
    assert [point.dose for point in found["strength", "target"].points] == [0.0, 1.0]
    assert [point.dose for point in found["top", "target"].points] == [2.0, 8.0]
    for over in ("strength", "top"):
        low, high = found[over, "target"].points
        assert low.value == 0.0 and high.value >= 0.8 and high.low <= high.value <= high.high
        assert high.random == high.random_high == 0.0 and high.K == 1
    assert found["strength", "text"].points[0].value > 1.5 * found["strength", "text"].original
    section = dose_section(read_results(dose_store))
    assert len(section.tables) == 2 and section.pictures[0].png.startswith(b"\x89PNG")
    json.dumps(section.data, allow_nan=False)


def test_doses_of_ablation(stored):
    store = stored(
        "ablation",
        preset={"name": "dose-response", "seeds": 2, "scales": [1.5, 0], "top": [2, 8]},
        languages=["zh"],
        tasks=["demo_packed"],
        limit=3,
    )
    found = {one.over: one for one in curves(read_results(store))}
    assert [point.dose for point in found["strength"].points] == [0.0, 1.5]
    few, many = found["top"].points
    assert few.value < many.value < found["strength"].points[0].value * 1.05
    assert found["top"].response == "nats_per_token" and many.low <= many.value <= many.high and many.K == 2
    with pytest.raises(DataError, match=r"no condition is called 'specific'; the results have scale-0, scale-1.5"):
        matrices(read_results(store))


def line(control=False, **keys):
    spec = Condition("x", "zh", spec=Spec.parse(**keys)).spec_json()
    return SimpleNamespace(ablated="zh", control=control, what=json.dumps(spec))


def test_what_steers_and_what_is_a_dose():
    steps = [{"op": "zero"}, {"lang": "fr", "op": "set", "value": "1.5*mean:fr"}]
    assert steer_of(line(spec={"steps": steps}, lang="zh", expect="fr", top=4)) == Dose("zh", "fr", 1.5, 4)
    steps[1]["value"] = "median:fr"
    assert steer_of(line(spec={"steps": steps}, lang="zh", expect="fr")) == Dose("zh", "fr", 1.0, None)
    assert steer_of(line(spec={"steps": steps}, lang="zh")) is None  # nothing is expected
    assert steer_of(line(spec={"steps": steps}, lang="zh", expect="es")) is None  # another is expected
    assert dose_of(line(spec="scale:0.5", lang="zh")) == Dose("zh", None, 0.5, None)
    assert dose_of(line(spec="zero", lang="zh", top=3)) == Dose("zh", None, 0.0, 3)
    assert dose_of(line(spec="zero", lang="zh", layers="first:1")) is None
    assert dose_of(line(spec="set:1", lang="zh")) is None and dose_of(line(spec={"steps": steps}, lang="zh")) is None


def test_every_answer_is_in_one_class():
    found = [("fr",), ("fr", "fr"), ("zh",), ("fr", "zh"), ("de",), ()]
    sorted_into = shares(Answers(({},) * 6, ("",) * 6, tuple(found)), "zh", "fr")
    assert {name: values.tolist() for name, values in sorted_into.items()} == {
        "target": [1, 1, 0, 0, 0, 0],
        "source": [0, 0, 1, 0, 0, 0],
        "other": [0, 0, 0, 1, 1, 0],
        "undecided": [0, 0, 0, 0, 0, 1],
    }
    assert (sum(sorted_into[name] for name in CLASSES) == 1).all()
    malay = shares(Answers(({},), ("",), (("ms",),)), "en", "id")
    assert malay["target"].tolist() == [1]  # the identifier cannot tell these two apart, and they count as one


def test_answers_are_scored_as_answers_to_the_same_documents():
    asked = Answers(({"id": "1"}, {"id": "2"}), ("7", "eight"), ((), ()))
    other = [{"id": code, "kind": "arith", "lang": "fr", "prompt": "", "target": "7"} for code in ("2", "1")]
    assert same_document_scores(asked, other, "exact_match").tolist() == [1.0, 0.0]
    assert same_document_scores(asked, other[:1], "exact_match") is None  # not parallel
    assert same_document_scores(asked, other, "rouge1") is None  # no metric of this kind


def test_the_commands(matrix_store, steering_store, dose_store, tmp_path):
    runner = CliRunner()
    for name, store in (("matrix", matrix_store), ("steering", steering_store), ("dose", dose_store)):
        png, numbers = tmp_path / f"{name}.png", tmp_path / f"{name}.json"
        arguments = [name, str(store), "--png", str(png), "--json", str(numbers), "--format", "markdown"]
        found = runner.invoke(app, arguments, catch_exceptions=False)
        assert found.exit_code == 0 and "random" in found.stdout
        assert png.read_bytes().startswith(b"\x89PNG") and json.loads(numbers.read_text())["key"] == name
    for arguments, sentence in (
        (["matrix", str(matrix_store), "--format", "html"], "--format 'html' is unknown"),
        (["matrix", str(matrix_store), "--condition", "nothing"], "no condition is called 'nothing'.*specific"),
        (["matrix", str(matrix_store), "--dataset", "mgsm"], "no results with dataset 'mgsm'"),
        (["matrix", str(steering_store)], "no condition is called 'specific'; the results have to-fr, to-zh"),
        (["steering", str(matrix_store)], "no condition steers"),
        (["dose", str(steering_store)], "no condition was run with two doses"),
        (["steering", str(steering_store), "--png", str(tmp_path / "x.jpg")], "the picture is a PNG"),
        (["steering", str(tmp_path / "nowhere")], "there is no folder"),
    ):
        with pytest.raises(Exception, match=sentence):
            runner.invoke(app, arguments, catch_exceptions=False)
    assert not (tmp_path / "x.jpg").exists()
