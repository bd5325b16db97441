"""Conditions that are tuned weights: what is run, what is refused, what the table makes of them."""

from __future__ import annotations

import pytest

from lnbench.errors import StudyError
from lnbench.models import delta_name
from lnbench.reporting import read_results, standard_tables
from lnbench.studies import Store, Study, run, status
from tests.harness.test_delta import tuned


@pytest.fixture
def deltas(tiny_model, tmp_path):
    """A folder as ``lnbench tune`` writes it: three conditions, two seeds, four documents, Chinese."""
    folder = tmp_path / "deltas"
    folder.mkdir()
    for number, condition in enumerate(("random", "specific", "full")):
        for seed in (0, 1):
            delta, _ = tuned(tiny_model, 10 * number + seed, condition=condition, seed=seed)
            delta.save(folder / delta_name("zh", condition, 4, seed))
    return folder


@pytest.fixture
def tuning(keys, deltas, tiny_model):
    plain = {key: value for key, value in keys.items() if key not in ("neurons", "conditions")}
    plain["model"] = {**plain["model"], "pretrained": str(tiny_model)}
    preset = {"name": "plnd-tuning", "deltas": "deltas", "tuned": ["zh"], "documents": [4], "seeds": 2}
    return plain | {"preset": preset}


def test_the_preset_runs_every_delta_beside_the_original(tuning, write, tmp_path):
    study, store = Study.load(write(tuning)), Store(tmp_path / "out")
    report = run(study, store)
    assert (report.cells, report.ran, report.failed) == (2 * (2 + 3 * 2), 16, 0)
    manifests = store.finished().values()
    keys = {m["cell"]["output_key"] for m in manifests}
    assert len(keys) == 1 + 6  # the original twice
    held = {(m["role"]["condition"], m["role"]["seed"]): m["role"].get("tuned") for m in manifests}
    assert held["original", None] is None
    assert held["tuned-full-4", 1] == {"condition": "full", "language": "zh", "documents": 4, "seed": 1}
    deltas = {m["recorded"].get("delta") for m in manifests}
    assert len(deltas) == 7
    assert run(study, store).ran == 0 and not status(study, store).left


def test_the_table_takes_tuned_random_neurons_as_the_control(tuning, write, tmp_path):
    study, store = Study.load(write(tuning)), Store(tmp_path / "out")
    run(study, store)
    (table,) = [t for t in standard_tables(read_results(tmp_path / "out"), resamples=50) if t.dataset == "tiny_mc"]
    kinds = {row.condition: (row.ablated, row.control, row.seeds) for row in table.rows}
    assert kinds == {
        "original": (None, False, ()),
        "tuned-random-4": ("zh", True, (0, 1)),
        "tuned-specific-4": ("zh", False, (0, 1)),
        "tuned-full-4": ("zh", False, (0, 1)),
    }
    cells = {row.condition: row.cells["fr"] for row in table.rows}
    assert cells["tuned-specific-4"].K == 2


def test_neurons_are_edited_on_top_of_tuned_weights(keys, deltas, write, tmp_path):
    conditions = {
        "original": {},
        "tuned": {"delta": "deltas/{lang}-specific-4-seed0.safetensors", "ablate": ["zh"]},
        "both": {"delta": "deltas/zh-specific-4-seed0.safetensors", "op": "zero", "ablate": ["zh"]},
        "specific": {"op": "zero", "ablate": ["zh"]},
    }
    store = Store(tmp_path / "out")
    assert run(Study.load(write(keys, conditions=conditions)), store).failed == 0
    keys_of = {m["role"]["condition"]: m["cell"]["output_key"] for m in store.finished().values()}
    assert len(set(keys_of.values())) == 4
    plans = {m["role"]["condition"]: m["recorded"]["plan_hash"] for m in store.finished().values()}
    assert plans["both"] == plans["specific"] is not None and plans["tuned"] is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"preset": {"name": "plnd-tuning", "tuned": ["zh"]}}, "needs deltas, the folder"),
        ({"preset": {"name": "plnd-tuning", "deltas": "deltas"}}, r"needs tuned, as in \[sw\]"),
        (
            {"preset": {"name": "plnd-tuning", "deltas": "deltas", "tuned": ["zh"], "documents": [5], "seeds": 1}},
            r"'tuned-random-5 zh seed 0' needs the delta .*, which is not there; make it with `lnbench tune`",
        ),
        ({"conditions": {"a": {"delta": "deltas/zh-full-4-seed0.safetensors"}}}, r"name it with ablate: \[CODE\]"),
        (
            {"conditions": {"a": {"delta": "deltas/zh-full-4-seed0.safetensors", "ablate": ["fr"]}}},
            "was tuned on 'zh'; correct delta or ablate",
        ),
        (
            {"conditions": {"a": {"delta": "deltas/zh-full-4-seed0.safetensors", "ablate": ["zh"], "seeds": 2}}},
            r"seeds have no effect without control: random, or \{seed\} in a delta",
        ),
        ({"conditions": {"a": {"delta": "study.yaml", "ablate": ["zh"]}}}, "cannot be read|is no delta"),
        ({"conditions": {"a": {"op": "zero"}}}, "'a' needs neurons"),
    ],
    ids=range(8),
)
def test_refusals_come_before_a_model_is_loaded(tuning, write, changes, sentence):
    given = {**tuning, **changes}
    if "conditions" in changes:
        del given["preset"]
    with pytest.raises(Exception, match=sentence) as refused:
        Study.load(write(given)).plan()
    assert type(refused.value).__module__ == "lnbench.errors"


def test_a_delta_that_was_made_again_is_another_study(tuning, write, deltas, tiny_model, tmp_path):
    study, store = Study.load(write(tuning)), Store(tmp_path / "out")
    run(study, store)
    tuned(tiny_model, 99, condition="full", seed=0)[0].save(deltas / delta_name("zh", "full", 4, 0))
    with pytest.raises(StudyError, match="--out"):
        run(study, store)
