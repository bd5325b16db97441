"""What lm-eval itself writes: the embedded model in several conditions, and the same checkpoint by ``--model hf``."""

import json
import shutil

import numpy as np
import pytest

from lnbench.errors import DataError
from lnbench.reporting import read_results, render, standard_table
from lnbench.studies import Condition

from ..conftest import CONDITIONS, TASKS


@pytest.fixture(scope="module")
def found(lm_eval_output):
    return read_results(lm_eval_output)


def test_every_condition_is_told_from_what_lnbench_recorded(found):
    roles = {s.role for s in found if s.task == "lnbench_demo_summ_zh"}
    assert len(roles) == len(CONDITIONS)
    assert {(r.condition, r.ablated, r.seed, r.control) for r in roles} == {
        ("original", None, None, False),
        ("specific", "zh", None, False),
        ("random", "zh", 0, True),
        ("random", "zh", 1, True),
        ("scale:0.5 layers=1-2", "zh", None, False),
        ("random scale:0.5 layers=1-2", "zh", 0, True),
    }
    assert found.models == ("lnbench/demo",)
    assert set(found.datasets) == {"demo_summ", "demo_mc", "demo_ppl"}
    assert found.signatures["lnbench/demo"]["summ"]["exact_match"].startswith("exact_match|")


def test_numbers_are_those_of_the_files(found, lm_eval_output):
    """Against the files themselves, read here in another way."""
    for file in lm_eval_output.rglob("results_*.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        for task in TASKS:
            lines = file.with_name(file.name.replace("results", f"samples_{task}") + "l").read_text(encoding="utf-8")
            rows = [json.loads(line) for line in lines.splitlines() if line]
            for s in (s for s in found if s.source == file and s.task == task):
                assert s.value == content["results"][task][f"{s.metric},none"]
                assert s.higher_is_better == content["higher_is_better"][task][s.metric]
                hashes = {(row["doc_hash"], row["target_hash"], row["prompt_hash"]) for row in rows}
                kept = zip(s.documents.keys, s.documents.prompts, strict=True)
                assert {(*key[:2], prompt) for key, prompt in kept} == hashes
                if s.dataset != "demo_ppl":
                    logged = [row[s.metric] for row in sorted(rows, key=lambda row: row["doc_id"])]
                    assert np.array_equal(s.scores, np.array(logged, dtype=float), equal_nan=True)


def test_perplexities_are_per_document(found):
    bits = next(s for s in found if (s.metric, s.condition) == ("bits_per_byte", "original"))
    perplexity = next(s for s in found if (s.metric, s.condition) == ("byte_perplexity", "original"))
    assert np.log2(perplexity.scores) == pytest.approx(bits.scores)
    assert bits.scores.min() < bits.value < bits.scores.max()
    assert bits.higher_is_better is False


def test_as_the_runner_reads_them(found, lm_eval_output):
    """The same samples through lnbench.studies give the same numbers."""
    from lnbench.studies import _evaluation

    file = next(s.source for s in found if s.condition == "original")
    for task in TASKS:
        lines = file.with_name(file.name.replace("results", f"samples_{task}") + "l").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in lines.split("\n") if line]
        results = json.loads(file.read_text(encoding="utf-8"))["results"][task]
        by_runner = {s.metric: s for s in _evaluation.read_scores(Condition("original"), task, results, rows)}
        ours = {s.metric: s for s in found if s.source == file and s.task == task}
        assert by_runner.keys() == ours.keys()
        for metric, s in ours.items():
            assert np.array_equal(s.scores, by_runner[metric].samples, equal_nan=True)


def test_hf_output_is_the_original(hf_output, found):
    plain = read_results(hf_output)
    assert {s.condition for s in plain} == {"original"}
    assert [s.role.ablated for s in plain] == [None] * len(plain)
    (model,) = plain.models
    assert model.endswith("neuron_sets/demo/model")
    ours = {(s.task, s.metric): s for s in found if s.condition == "original"}
    for s in plain:  # the same checkpoint in the same precision
        assert s.documents.keys == ours[s.task, s.metric].documents.keys
        assert s.scores == pytest.approx(ours[s.task, s.metric].scores, abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("arguments", ["pretrained=org/model,dtype=bfloat16", {"pretrained": "org/model"}])
def test_output_of_another_model_class(hf_output, tmp_path, arguments):
    """What ``--model vllm`` changes: the config says the class, and nothing of what hf says of its weights."""
    shutil.copytree(hf_output, tmp_path / "vllm")
    (path,) = (tmp_path / "vllm").rglob("results_*.json")
    results = json.loads(path.read_text())
    kept = {key: value for key, value in results["config"].items() if not key.startswith("model_")}
    results["config"] = kept | {"model": "vllm", "model_args": arguments}
    results["model_name"] = "org/model"
    path.write_text(json.dumps(results))
    read, plain = read_results(tmp_path / "vllm"), read_results(hf_output)
    assert read.models == ("org/model",)
    for ours, theirs in zip(read, plain, strict=True):
        assert (ours.task, ours.metric, ours.role.condition) == (theirs.task, theirs.metric, "original")
        assert np.array_equal(ours.scores, theirs.scores, equal_nan=True)


def test_two_models_are_told_apart_never_averaged(lm_eval_output, hf_output, tmp_path):
    for at, folder in enumerate((lm_eval_output, hf_output)):
        shutil.copytree(folder, tmp_path / str(at))
    read = read_results(tmp_path)
    assert len(read.models) == 2
    with pytest.raises(DataError, match="several models"):
        standard_table(read, dataset="demo_summ")
    table = standard_table(read, dataset="demo_summ", model="lnbench/demo")
    assert table.row("original").cells["zh"].n == 4


def test_the_table_of_real_output(found):
    """Zeroing the Chinese neurons costs Chinese summaries, not English ones; random sets cost nothing."""
    table = standard_table(found, dataset="demo_summ")
    specific, random = table.row("specific", "zh"), table.row("random", "zh")
    assert specific.cells["zh"].value == 0
    assert specific.cells["en"].value == random.cells["zh"].value == 1
    assert (specific.cells["zh"].K, random.seeds) == (2, (0, 1))
    half = table.row("scale:0.5 layers=1-2", "zh")
    assert half.cells["zh"].K == 1  # its own control, not those of zeroing
    assert half.cells["zh"].mark == ""
    for form in ("terminal", "markdown", "csv", "json", "latex"):
        assert "specific" in render(table, form)


def test_perplexity_table_of_real_output(found):
    table = standard_table(found, dataset="demo_ppl")
    assert (table.metric, table.higher_is_better, table.percent) == ("bits_per_byte", False, False)
    cell = table.row("specific", "zh").cells["zh"]
    assert cell.difference > 0
    assert cell.against_random > 0
