"""What the plug-in adds to lm-eval: tasks in the right order, broken task files named, the output folder checked."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import SimpleNamespace

import lm_eval.tasks
import pytest
from lm_eval.api.registry import get_model, model_registry

from lnbench.errors import OutputError, TaskError
from lnbench.harness import LnbenchLM, _output, _plugin, _versions, register


@pytest.fixture(autouse=True)
def ours(tmp_path_factory, monkeypatch) -> Path:
    """A task folder that stands for the packaged one, with two tasks."""
    register()
    folder = tmp_path_factory.mktemp("ours")
    write_task(folder, "ln_one", "ours")
    write_task(folder, "ln_two", "ours")
    monkeypatch.setattr(_plugin, "packaged", lambda name: folder)
    return folder


@pytest.fixture(autouse=True)
def few_built_in(tmp_path_factory, monkeypatch) -> Path:
    """Stands for lm-eval's own 10,000 tasks, whose index takes seconds."""
    folder = tmp_path_factory.mktemp("built_in")
    write_task(folder, "built_in", "lm-eval's")
    write_task(folder, "ln_two", "lm-eval's")
    monkeypatch.setattr(lm_eval.tasks.manager, "__file__", str(folder / "manager.py"))
    return folder


def write_task(folder: Path, name: str, owner: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(f"task: {name}\ndataset_path: json\ndescription: {owner}\n")


def owner(manager, name: str) -> str:
    return Path(_versions.task_index(manager)[name].yaml_path).read_text().split("description: ")[1].strip()


def test_model_is_registered_lazily_and_once():
    assert get_model("lnbench") is LnbenchLM
    register()
    assert model_registry.get("lnbench") is LnbenchLM
    assert f"{LnbenchLM.__module__}:{LnbenchLM.__name__}" == _plugin.MODEL_TARGET


def test_order_is_built_in_ours_the_users(tmp_path: Path):
    write_task(tmp_path / "a", "ln_one", "user's")
    write_task(tmp_path / "b", "mine", "user's")
    for given in (str(tmp_path), tmp_path, [tmp_path / "a", str(tmp_path / "b")]):
        manager = lm_eval.tasks.TaskManager(include_path=given)
        found = {name: owner(manager, name) for name in manager.all_subtasks}
        assert found == {"built_in": "lm-eval's", "ln_one": "user's", "ln_two": "ours", "mine": "user's"}
        assert manager.include_path == given


def test_not_beside_include_defaults_false(tmp_path: Path):
    write_task(tmp_path, "mine", "user's")
    manager = lm_eval.tasks.TaskManager(None, str(tmp_path), False)
    assert manager.all_subtasks == ["mine"]
    assert lm_eval.tasks.TaskManager(include_defaults=False).all_tasks == []


def test_our_folder_given_by_the_user_is_read_once(ours: Path, caplog):
    manager = lm_eval.tasks.TaskManager(include_path=ours)
    assert "ln_one" in manager.all_subtasks
    assert [r for r in caplog.records if "overrides" in r.message and "ln_one" in r.message] == []


def test_missing_task_folder_leaves_lm_eval_alone(monkeypatch, caplog):
    def gone(name):
        raise FileNotFoundError(name)

    monkeypatch.setattr(_plugin, "packaged", gone)
    assert lm_eval.tasks.TaskManager().all_subtasks == ["built_in", "ln_two"]
    assert "lnbench's tasks are not listed" in caplog.text


def test_errors_of_ours_do_not_reach_lm_eval(monkeypatch, caplog):
    monkeypatch.setattr(_plugin._broken_tasks, "broken_tasks", None)
    assert "ln_one" in lm_eval.tasks.TaskManager().all_subtasks
    assert "did not look for broken task files" in caplog.text


BROKEN = {
    "syntax": ("task: mine\ndoc_to_text: [unclosed\n", 3),
    "tab": ("task: mine\ngeneration_kwargs:\n\tuntil: x\n", 3),
    "tag": ("task: mine\ndoc_to_text: !functoin utils.f\n", 2),
    "include": ("include: nowhere\ntask: mine\n", None),
    "not a mapping": ("- task: mine\n", None),
}


@pytest.mark.parametrize(("text", "line"), BROKEN.values(), ids=BROKEN)
def test_broken_task_is_named(text: str, line: int | None, tmp_path: Path, caplog):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with caplog.at_level(logging.WARNING, "lnbench"):
        manager = lm_eval.tasks.TaskManager(include_path=str(tmp_path))
    assert str(file) in caplog.text
    with pytest.raises(TaskError) as caught:
        manager.match_tasks(["mine"])
    assert "'mine'" in str(caught.value)
    assert str(file) in str(caught.value)
    assert line is None or f"line {line}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert manager.match_tasks(["ln_*"]) == ["ln_one", "ln_two"]
    folder = manager.match_tasks([str(tmp_path)])  # lm-eval asks this of a folder of tasks
    assert not _versions.found_by(manager, folder)


def test_error_in_an_included_file_is_placed_there(tmp_path: Path, caplog):
    (tmp_path / "base").write_text("a: 1\nb: [\n")
    (tmp_path / "mine.yaml").write_text("include: base\ntask: mine\n")
    lm_eval.tasks.TaskManager(include_path=str(tmp_path))
    assert f"{tmp_path / 'base'}, line 3" in caplog.text


def test_templates_are_not_broken(tmp_path: Path, caplog):
    (tmp_path / "template.yaml").write_text("dataset_path: json\n")
    write_task(tmp_path, "mine", "user's")
    manager = lm_eval.tasks.TaskManager(include_path=str(tmp_path))
    assert "cannot be read" not in caplog.text
    assert not _versions.found_by(manager, manager.match_tasks(["nothing"]))


def test_our_own_tasks_all_parse(monkeypatch, caplog):
    monkeypatch.undo()
    from lnbench._data import packaged

    lm_eval.tasks.TaskManager(include_path=str(packaged("tasks")), include_defaults=False)
    assert "cannot be read" not in caplog.text


@pytest.mark.parametrize("name", ["out", "out/deep/er", "new.json"])
def test_writable_output_passes_and_leaves_nothing(name: str, tmp_path: Path):
    _output.check_writable(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "deep/er", "x.json"])
def test_output_below_a_file_is_refused(below: str, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        _output.check_writable(tmp_path / "file" / below)


def test_model_refuses_before_it_loads_anything(tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("")
    tracker = type("Tracker", (SimpleNamespace,), {})(output_path=str(tmp_path / "file" / "out"))
    monkeypatch.setattr(_output, "_last_tracker", None)
    _output.remember(tracker)
    with pytest.raises(OutputError, match="--output_path"):
        LnbenchLM.create_from_arg_obj({"mask": "not even looked for"})
    del tracker
    _output.refuse_unwritable()  # the run is over, and so is the question


def test_results_that_are_missing_are_an_error(tmp_path: Path):
    before = _output.results_files(tmp_path)
    with pytest.raises(OutputError, match="could not save"):
        _output.check_written(tmp_path, before)
    (tmp_path / "model").mkdir()
    written = tmp_path / "model" / "results_2026.json"
    written.write_text("{}")
    os.utime(written, (0, 0))  # by a clock that was set back
    _output.check_written(tmp_path, before)
    with pytest.raises(OutputError):  # an earlier run's
        _output.check_written(tmp_path, _output.results_files(tmp_path))


@pytest.mark.parametrize("results", ["", '{"configs": {"mgsm"', "[]"])
def test_results_that_are_cut_short_are_an_error(tmp_path: Path, results):
    (tmp_path / "a_2026.json").write_text(results)
    with pytest.raises(OutputError, match="could not save"):
        _output.check_written(tmp_path / "a.json", set())


@pytest.mark.parametrize("rows", [None, "", '{"doc_id": 0}\n{"doc'])
def test_samples_that_are_cut_short_are_an_error(tmp_path: Path, rows):
    (tmp_path / "a_2026.json").write_text('{"configs": {"mgsm_zh": {}}}')
    if rows is not None:
        (tmp_path / "samples_mgsm_zh_2026.jsonl").write_text(rows)
    _output.check_written(tmp_path / "a.json", set())
    with pytest.raises(OutputError, match="could not save"):
        _output.check_written(tmp_path / "a.json", set(), samples=True)
    (tmp_path / "samples_mgsm_zh_2026.jsonl").write_text('{"doc_id": 0}\n')
    _output.check_written(tmp_path / "a.json", set(), samples=True)


def test_results_are_found_whatever_the_file_is_called(tmp_path: Path):
    (tmp_path / "run[1]_2026.json").write_text("{}")
    _output.check_written(tmp_path / "run[1].json", set())
