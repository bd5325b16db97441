"""Running a study: what is written, what is compared, what fails alone, what is refused before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lm_eval.evaluator import simple_evaluate
from lm_eval.tasks import TaskManager
from lm_eval.utils import sanitize_list

from lnbench import LnbenchError
from lnbench.errors import StudyError
from lnbench.harness import LnbenchLM
from lnbench.studies import Store, Study, _runner, run, status
from lnbench.studies._session import Session


def results(store: Store, condition: str, task: str, **role) -> dict:
    """lm-eval's results of one cell, its samples under ``samples``."""
    for name, manifest in store.finished().items():
        held = manifest["role"]
        if (held["condition"], manifest["cell"]["task"]) == (condition, task) and role.items() <= held.items():
            folder, files = store.cell(name), manifest["files"]
            found = json.loads((folder / files["results"][0]).read_text())
            lines = (folder / files["samples"][task][0]).read_text().splitlines()
            return found | {"samples": [json.loads(line) for line in lines], "manifest": manifest}
    raise AssertionError(f"no cell {condition} {task} {role}")


def test_every_cell_is_written_whole(study, tmp_path, mask):
    store = Store(tmp_path / "out")
    report = run(study, store)
    assert (report.cells, report.ran, report.failed, report.complete) == (16, 16, 0, True)
    finished = store.finished()
    assert len(finished) == 16
    places = {
        (m["role"]["condition"], m["role"]["ablated"], m["role"]["seed"], m["role"]["repeat"])
        for m in finished.values()
    }
    assert places == {
        ("original", None, None, 0),
        ("original", None, None, 1),
        *(("random", language, seed, 0) for language in ("zh", "fr") for seed in (0, 1)),
        *(("specific", language, None, 0) for language in ("zh", "fr")),
    }
    for name, manifest in finished.items():
        assert manifest["schema"] == "1.0" and manifest["id"] == name == store.cell(name).name
        assert manifest["role"]["study"] == "tiny"
        assert manifest["cell"]["data"]["rows"] == 4
        recorded = {"lnbench", "lm_eval", "torch", "transformers", "device", "batch_size", "started", "seconds"}
        assert recorded <= set(manifest["recorded"]) and manifest["recorded"]["threads"] == 1
        files = [manifest["files"]["results"], *manifest["files"]["samples"].values()]
        assert {file[0] for file in files} | {"manifest.json"} == {file.name for file in store.cell(name).iterdir()}
    assert json.loads((store.folder / "study.json").read_text())["name"] == "tiny"
    assert run(study, store).ran == 0


def test_a_cell_is_what_lm_eval_itself_finds(study, tmp_path, mask, tiny_model, task_folder):
    store = Store(tmp_path / "out")
    run(study, store)
    lm = LnbenchLM(mask=str(mask), lang="zh", batch_size=4, device="cpu")
    manager = TaskManager(include_path=str(task_folder), include_defaults=False)
    for task in ("tiny_gen", "tiny_mc"):
        alone = simple_evaluate(lm, tasks=[task], task_manager=manager, limit=4, bootstrap_iters=0)
        cell = results(store, "specific", task, ablated="zh")
        assert cell["results"][task] == json.loads(json.dumps(alone["results"][task]))
        for ours, theirs in zip(cell["samples"], alone["samples"][task]):
            for key in ("doc_id", "doc", "doc_hash", "prompt_hash", "target_hash"):
                assert ours[key] == json.loads(json.dumps(theirs[key])), key
            assert ours["filtered_resps"] == json.loads(json.dumps(sanitize_list(theirs["filtered_resps"])))
        assert set(alone) - {"samples"} <= set(cell), "a results file says everything that lm-eval's says"
        assert set(alone["config"]) - {"model_sha"} <= set(cell["config"])
        assert cell["config"]["lnbench"]["output_key"] == cell["manifest"]["cell"]["output_key"] == lm.output_key()


def test_few_shot_prompts_are_the_same_in_all_conditions_and_as_lm_eval_draws_them(
    keys, write, tmp_path, mask, task_folder
):
    study, store = Study.load(write(keys, num_fewshot=2)), Store(tmp_path / "out")
    run(study, store)
    prompts = {}
    for manifest in store.finished().values():
        rows = results(store, **{k: manifest["role"][k] for k in ("condition",)}, task=manifest["cell"]["task"])[
            "samples"
        ]
        prompts.setdefault(manifest["cell"]["task"], set()).add(tuple(row["prompt_hash"] for row in rows))
    assert all(len(found) == 1 for found in prompts.values())
    manager = TaskManager(include_path=str(task_folder), include_defaults=False)
    lm = LnbenchLM(mask=str(mask), lang="zh", device="cpu")
    alone = simple_evaluate(lm, tasks=["tiny_gen"], task_manager=manager, limit=4, num_fewshot=2, bootstrap_iters=0)
    assert {tuple(row["prompt_hash"] for row in alone["samples"]["tiny_gen"])} == prompts["tiny_gen"]
    assert {m["cell"]["num_fewshot"] for m in store.finished().values()} == {2}


def test_prompts_that_change_between_conditions_fail_loudly(study, tmp_path, monkeypatch):
    build = Session.open.__func__

    def opened(cls, *arguments):
        session = build(cls, *arguments)
        task = session.tasks["tiny_gen"].built
        plain, calls = task.doc_to_text, []

        def drifting(doc, *rest):
            calls.append(doc)
            return plain(doc, *rest) + ("!" if len(calls) > 4 else "")

        monkeypatch.setattr(task, "doc_to_text", drifting)
        return session

    monkeypatch.setattr(Session, "open", classmethod(opened))
    report = run(study, Store(tmp_path / "out"))
    assert (report.ran, report.failed) == (9, 7)  # the first evaluation still has the prompts of the plan
    errors = [record["error"] for record in Store(tmp_path / "out").failed().values()]
    assert all("'tiny_gen'" in error and "document 0" in error for error in errors)


def test_a_failed_cell_is_recorded_and_the_others_go_on(study, tmp_path, monkeypatch):
    store, plain = Store(tmp_path / "out"), Session.evaluate

    def evaluate(self, role):
        if str(role.condition) == "specific zh" and role.task.name == "tiny_mc":
            raise RuntimeError("the device fell off\nwith details")
        return plain(self, role)

    monkeypatch.setattr(Session, "evaluate", evaluate)
    report = run(study, store)
    assert (report.ran, report.failed, report.complete) == (15, 1, False)
    (record,) = store.failed().values()
    assert record["error"] == "RuntimeError: the device fell off"
    assert record["role"]["condition"] == "specific" and record["cell"]["task"] == "tiny_mc"
    assert any("the device fell off" in line for line in record["traceback"])
    now = status(study, store)
    assert (
        len(now.finished) == 15
        and list(now.failed.values()) == ["RuntimeError: the device fell off"]
        and len(now.left) == 1
    )
    monkeypatch.setattr(Session, "evaluate", plain)
    report = run(study, store)
    assert (report.finished, report.ran, report.failed) == (15, 1, 0)
    assert store.failed() == {} and not list(store.cells.glob("*/failed.json"))


def test_an_interrupted_run_leaves_a_consistent_store_and_the_original_model(study, tmp_path, monkeypatch):
    store, plain, seen, models = Store(tmp_path / "out"), Session.evaluate, [], []

    def evaluate(self, role):
        models.append(self.lm)
        if len(seen) == 5:
            raise KeyboardInterrupt
        seen.append(role.place)
        return plain(self, role)

    monkeypatch.setattr(Session, "evaluate", evaluate)
    with pytest.raises(KeyboardInterrupt):
        run(study, store)
    assert len(store.finished()) == 5
    assert models[-1].plan is None and "generate_until" not in vars(models[-1])
    monkeypatch.setattr(Session, "evaluate", plain)
    report = run(study, store)
    assert (report.finished, report.ran) == (5, 11)


def test_shards_do_all_cells_once(study, tmp_path):
    store = Store(tmp_path / "out")
    reports = [run(study, store, shard=(at, 3)) for at in (1, 2, 3)]
    assert [report.ran for report in reports] == [report.cells for report in reports]
    assert sum(report.ran for report in reports) == 16 == len(store.finished())
    assert min(report.ran for report in reports) >= 4
    with pytest.raises(LnbenchError, match="4/3"):
        run(study, store, shard=(4, 3))


def test_a_cell_that_another_process_runs_is_left_to_it(study, tmp_path):
    store = Store(tmp_path / "out")
    run(study, store)
    name = next(iter(store.finished()))
    (store.cell(name) / "manifest.json").unlink()
    with store.lock(name) as mine:
        assert mine
        report = run(study, Store(tmp_path / "out"))
    assert (report.finished, report.elsewhere, report.ran, report.complete) == (15, 1, 0, False)
    assert run(study, store).ran == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"limit": 3}, ["another version", "documents"]),
        ({"num_fewshot": 1}, ["another version"]),
        ({"gen_kwargs": {"max_gen_toks": 3}}, ["another version", "generation"]),
        ({"model": {"device": "cpu", "dtype": "bfloat16"}}, ["another version", "model"]),
        ({"seeds": {"torch": 5}}, ["another version", "seeds"]),
        ({"conditions": {"original": {}, "specific": {"op": "scale", "value": 0.5}}}, ["specific zh", "operation"]),
        ({"name": "other"}, ["'tiny'", "'other'", "--out"]),
    ],
)
def test_a_store_of_another_version_is_refused(change, says, keys, write, tmp_path):
    store = Store(tmp_path / "out")
    run(Study.load(write({**keys, "repeat_original": False, "ablate": ["zh"]})), store)
    before = {path: path.read_bytes() for path in sorted(store.folder.rglob("*")) if path.is_file()}
    with pytest.raises(StudyError) as refusal:
        run(Study.load(write({**keys, "repeat_original": False, "ablate": ["zh"], **change})), store)
    for part in says:
        assert part in str(refusal.value)
    assert {path: path.read_bytes() for path in sorted(store.folder.rglob("*")) if path.is_file()} == before


def test_a_study_may_grow_and_rename_and_keeps_its_cells(keys, write, tmp_path):
    store = Store(tmp_path / "out")
    small = {
        **keys,
        "ablate": ["zh"],
        "repeat_original": False,
        "conditions": {"original": {}, "zeroed": {"op": "zero"}},
    }
    assert run(Study.load(write(small)), store).ran == 4
    report = run(Study.load(write(keys)), store)
    assert (report.finished, report.ran) == (4, 12)
    assert {m["role"]["condition"] for m in store.finished().values()} == {"original", "random", "specific"}


def test_an_empty_set_is_the_original_and_has_cells_of_its_own(keys, write, tmp_path, neurons, mask):
    empty = neurons.select(languages=["zh"]).without(neurons)
    empty.save(tmp_path / "empty.pt")
    study, store = Study.load(write(keys, neurons="empty.pt", ablate=["zh"])), Store(tmp_path / "out")
    assert run(study, store).ran == 10
    held = [m for m in store.finished().values() if m["cell"]["task"] == "tiny_mc"]
    assert len({m["cell"]["output_key"] for m in held}) == 1 and len(held) == 5
    assert sorted(m["cell"]["repeat"] for m in held) == [0, 1, 2, 3, 4]
    values = [results(store, m["role"]["condition"], "tiny_mc")["results"]["tiny_mc"] for m in held]
    assert all(value == values[0] for value in values)
    assert run(study, store).ran == 0


def test_neurons_that_do_not_fit_leave_no_store(keys, write, tmp_path, neurons):
    from lnbench.neurons import Architecture, NeuronSet

    wide = Architecture(layers=32, widths={"ffn.act": 11008})
    made = NeuronSet.from_indices({"zh": {"ffn.act": {31: [11007]}}}, architecture=wide, model=neurons.header.model)
    made.save(tmp_path / "wide.pt")
    with pytest.raises(LnbenchError, match="layer 31"):
        run(Study.load(write(keys, neurons="wide.pt")), Store(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_language_under_its_own_file_brings_no_other_neurons(keys, write, tmp_path, neurons, mask):
    study = Study.load(write(keys, neurons={"fr": str(mask)}))
    plan = study.plan()
    assert plan.neurons is not None and plan.neurons.languages == ("fr",)
    assert {cell.condition.ablated for cell in plan.cells} == {None, "fr"}


def test_chat_template_and_system_instruction_reach_the_prompt(keys, write, tmp_path):
    plain, chat = Store(tmp_path / "plain"), Store(tmp_path / "chat")
    few = {**keys, "conditions": {"original": {}}, "repeat_original": False}
    run(Study.load(write(few)), plain)
    run(Study.load(write(few, apply_chat_template=True, system_instruction="Be brief.")), chat)
    one, other = (results(store, "original", "tiny_gen") for store in (plain, chat))
    assert one["samples"][0]["arguments"]["gen_args_0"]["arg_0"] == "0 + 3 ="
    assert other["samples"][0]["arguments"]["gen_args_0"]["arg_0"] == "<system>Be brief.<user>0 + 3 =<assistant>"
    assert one["manifest"]["cell"]["chat_template"] is None and len(other["manifest"]["cell"]["chat_template"]) == 64
    assert other["chat_template"] and other["system_instruction"] == "Be brief."


def test_results_that_cannot_be_written_end_the_run(study, tmp_path, monkeypatch):
    store = Store(tmp_path / "out")

    def truncated(self, task_name, samples):
        (next(store.cells.iterdir()) / f"samples_{task_name}_1.jsonl").write_text('{"cut')

    from lm_eval.loggers import EvaluationTracker

    monkeypatch.setattr(EvaluationTracker, "save_results_samples", truncated)
    with pytest.raises(LnbenchError, match=r"written whole; free space, or raise .*ulimit -f"):
        run(study, store)
    assert store.finished() == {}


def test_progress_is_told_of_every_cell(study, tmp_path):
    told = []

    class Told(_runner.Progress):
        def start(self, cells, work):
            told.append((cells, work))

        def begin(self, role):
            told.append(role.place)

        def done(self, role, work):
            told.append(work)

    run(study, Store(tmp_path / "out"), progress=Told())
    (cells, work), *rest = told
    assert cells == 16 and rest[0::2] == [role.place for role in study.plan().cells] and sum(rest[1::2]) == work


def test_paths_beside_the_study_file_come_first(keys, write, tmp_path, neurons):
    neurons.save(tmp_path / "zh_ffn.pt")  # a shipped set has this name too
    plan = Study.load(write(keys, neurons="zh_ffn.pt")).plan()
    assert plan.neurons == neurons and Path("zh_ffn.pt").exists() is False
