"""Conditions that a neuron set has no neurons for are left out by name, and no condition excludes its own language."""

from __future__ import annotations

import json

import pytest

from lnbench.errors import SpecError
from lnbench.models import Spec
from lnbench.reporting import read_results
from lnbench.studies import Store, Study, run

from .test_plans import BASE, specs, study

BLOCKS = {"name": "plnd-blocks", "n1": 1, "n2": 1, "seeds": 1, "evaluate": ["ablated"]}


def test_a_feed_forward_set_has_no_attention_conditions():
    plan = study(preset=BLOCKS, tasks=["demo_mc"]).plan()
    labels = {condition.name for condition in plan.conditions}
    assert {"solving-ffn", "solving-both", "solving-both-random"} <= labels
    assert not any("attn" in label for label in labels)
    assert len(plan.absent) == 6 and plan.absent["solving-attn-random"] == ["attn"]
    assert {(cell.condition.ablated, cell.task.language) for cell in plan.cells if cell.condition.ablated} == {
        (code, code) for code in ("en", "zh", "fr")
    }


def test_what_is_yet_to_be_detected_is_known_by_its_sites():
    keys = {key: value for key, value in BASE.items() if key != "neurons"}
    for method, options, missing in (
        ("lape", {}, 6),
        ("plnd", {"sites": ["ffn.hidden", "attn.q"]}, 0),
        ("plnd", {}, 6),
    ):
        detect = {"method": method, "corpora": {"en": "a", "zh": "b"}, "options": options}
        found = Study.model_validate({**keys, "detect": detect, "preset": BLOCKS, "tasks": ["demo_mc"]}).plan()
        assert len(found.absent) == missing


def test_a_condition_of_ones_own_is_refused_unless_it_is_optional():
    from lnbench.studies._session import compiled

    own = {"original": {}, "attention": {"op": "zero", "sites": ["attn"]}}
    plan = study(conditions=own).plan()
    assert plan.neurons is not None and not plan.absent
    with pytest.raises(SpecError, match="no neurons at attn"):
        compiled(plan.conditions, plan.neurons, plan.neurons.header.architecture)
    own["attention"]["optional"] = True
    assert list(study(conditions=own).plan().absent) == ["attention"]


def test_without_english():
    found = specs(study(preset={"name": "plnd-without-english", "seeds": 1}, tasks=["demo_mc"]), ["en", "zh"])
    assert found["specific-without-english zh"] == Spec.parse("zero", lang="zh", exclude="en")
    assert found["specific-without-english-random zh seed 0"].exclude == ("en",)
    assert "specific en" in found and not any(name.startswith("specific-without-english en") for name in found)


@pytest.mark.parametrize(
    ("block", "n1", "n2", "idle"), [("understanding", 1, [0, 1], "n2"), ("generation", [0, 1], 1, "n1")]
)
def test_a_sweep_does_not_repeat_what_is_the_same(block, n1, n2, idle):
    with pytest.raises(Exception, match=f"{idle} decides nothing about the block '{block}'"):
        study(preset={"name": "plnd-sweep", "block": block, "n1": n1, "n2": n2})


def test_the_store_names_what_was_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    keys = {**BASE, "languages": ["en", "zh"], "tasks": ["demo_mc"], "limit": 2, "repeat_original": False}
    model = {"pretrained": "lnbench/demo", "batch_size": 16, "device": "cpu", "threads": 1}
    found = Study.model_validate({**keys, "model": model, "preset": BLOCKS})
    report = run(found, Store(tmp_path / "store"))
    assert report.complete and report.cells == 2 + 6 * 2 * 2
    assert len(json.loads((tmp_path / "store" / "study.json").read_text())["absent"]) == 6
    read = read_results(tmp_path / "store")
    assert read.absent["understanding-attn"] == ("attn",)
    from lnbench.analysis.workflow import workflow_table

    table = workflow_table(read)
    empty = {row.condition for row in table.rows if not row.cells}
    assert "generation-attn (no neurons at attn)" in empty
    counted = {s.condition: s.neurons for s in read if s.ablated == "zh" and "random" not in s.condition}
    assert counted["solving-ffn"] == counted["solving-both"] > 0 and "neurons off" in " ".join(table.notes)
