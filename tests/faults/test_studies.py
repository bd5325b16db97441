"""Studies whose model, memory, clock or files go wrong: what was finished stays, and the table comes out the same."""

import json
import shutil
import time

import pytest
import torch

from lnbench.errors import LnbenchError, OutputError
from lnbench.studies import Store, Study, forecast, run, status
from lnbench.studies._session import Session
from tests.studies.test_resume import table


@pytest.fixture
def small(keys, write):
    """Two cells: the original and the ablated model on a task that generates and one that chooses."""
    few = {"original": {}, "specific": {"op": "zero"}}
    return Study.load(write({**keys, "languages": ["zh"], "conditions": few, "repeat_original": False, "limit": 2}))


@pytest.fixture(scope="session")
def undisturbed():
    """The table of `small`, once it is known."""
    return {}


@pytest.fixture
def calm(small, tmp_path, undisturbed):
    """The table of an undisturbed run."""
    if not undisturbed:
        run(small, Store(tmp_path / "calm"))
        undisturbed.update(table(Store(tmp_path / "calm")))
    return undisturbed


FAULTS = {
    "memory": (MemoryError(), "not enough memory"),
    "the device's memory": (torch.OutOfMemoryError("CUDA out of memory. Tried"), "not enough memory"),
    "the allocator": (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "not enough memory"),
    "another": (RuntimeError("shapes\nand more"), "RuntimeError: shapes"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_one_cell_costs_that_cell(small, tmp_path, monkeypatch, calm, fault):
    error, said = FAULTS[fault]
    store, plain = Store(tmp_path / "out"), Session.evaluate

    def evaluate(self, role):
        if role.condition.name == "specific" and role.task.name == "tiny_gen":
            raise error
        return plain(self, role)

    monkeypatch.setattr(Session, "evaluate", evaluate)
    report = run(small, store)
    assert (report.ran, report.failed) == (report.cells - 1, 1)
    (told,) = status(small, store).failed.values()
    assert told.startswith(said) or said in told
    assert "\n" not in told
    monkeypatch.setattr(Session, "evaluate", plain)
    assert run(small, store).ran == 1 and table(store) == calm


def test_logits_that_are_no_numbers_fail_their_cells_and_no_other(small, tmp_path, monkeypatch, calm):
    from transformers import LlamaModel

    store, plain, evaluate = Store(tmp_path / "out"), LlamaModel.forward, Session.evaluate
    state = {"sound": True}

    def forward(self, *given, **named):
        found = plain(self, *given, **named)
        if not state["sound"]:
            found.last_hidden_state.fill_(float("nan"))
        return found

    def of_role(self, role):
        state["sound"] = role.condition.name != "specific"
        return evaluate(self, role)

    monkeypatch.setattr(LlamaModel, "forward", forward)
    monkeypatch.setattr(Session, "evaluate", of_role)
    report = run(small, store)
    failed = status(small, store).failed
    assert report.failed == len(failed) == 2 and {place[0] for place in failed} == {"specific"}
    assert all("no finite numbers (condition: " in told and "bfloat16" in told for told in failed.values())
    monkeypatch.undo()
    run(small, store)
    assert table(store) == calm


def test_a_clock_that_is_set_back_costs_no_time(small, tmp_path, monkeypatch, calm):
    readings = [0]
    plain = time.time

    def behind():
        readings[0] += 1
        return plain() - 3600.0 * readings[0]  # an hour at every look

    store = Store(tmp_path / "out")
    monkeypatch.setattr(time, "time", behind)
    run(small, store)
    assert table(store) == calm and readings[0] > 3
    seconds = [manifest["recorded"]["seconds"] for manifest in store.finished().values()]
    assert all(0 <= one < 600 for one in seconds)
    assert all(one.seconds > 0 for one in forecast(small, store).timed)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def noise(path):
    path.write_bytes(bytes(range(256)))


def other_types(path):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({key: [value] for key, value in content.items()}))


def a_list(path):
    path.write_text("[]")


def deep(path):
    path.write_text("[" * 100_000)


def of_another_cell(path):
    others = [other for other in path.parent.parent.iterdir() if other != path.parent]
    shutil.copy(others[0] / path.name, path)


def unhashable(path):
    content = json.loads(path.read_text())
    content["role"]["condition"] = ["specific"]
    path.write_text(json.dumps(content))


DAMAGE = [cut, empty, noise, other_types, a_list, deep]


@pytest.fixture(scope="module")
def finished():
    """A finished store, once there is one: [folder]."""
    return []


@pytest.fixture
def store(small, calm, finished, tmp_path, tmp_path_factory):
    """A copy of a finished store."""
    if not finished:
        finished.append(tmp_path_factory.mktemp("finished") / "out")
        run(small, Store(finished[0]))
    return Store(shutil.copytree(finished[0], tmp_path / "out"))


@pytest.mark.parametrize("damage", [*DAMAGE, of_another_cell, unhashable], ids=lambda each: each.__name__)
def test_a_damaged_manifest_is_refused_by_its_name_and_its_cell_alone_is_run_again(small, store, calm, damage):
    cell = sorted(store.cells.iterdir())[0]
    damage(cell / "manifest.json")
    before = {path: path.stat().st_mtime_ns for path in store.cells.glob("*/manifest.json") if path.parent != cell}
    for ask in (run, status):
        with pytest.raises(LnbenchError) as refused:
            ask(small, store)
        assert cell.name in str(refused.value) and "delete" in str(refused.value) and "\n" not in str(refused.value)
    shutil.rmtree(cell)  # as it says
    report = run(small, store)
    assert (report.ran, report.finished) == (1, 3) and table(store) == calm
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda each: each.__name__)
def test_a_damaged_study_file_costs_no_cell(small, store, calm, damage):
    damage(store.folder / "study.json")
    with pytest.raises(LnbenchError, match=r"study\.json") as refused:
        run(small, store)
    assert "its folder" not in str(refused.value)
    (store.folder / "study.json").unlink()
    report = run(small, store)
    assert (report.ran, report.finished) == (0, 4) and table(store) == calm


def test_a_store_without_its_study_file_is_not_taken_for_another_study(keys, write, store):
    (store.folder / "study.json").unlink()
    with pytest.raises(LnbenchError, match=r"holds no study\.json"):
        run(Study.load(write({**keys, "name": "other"}, "other.yaml")), store)


@pytest.mark.parametrize("name", ["results", "samples"])
def test_a_file_that_is_gone_has_its_cell_run_again(small, store, calm, name):
    cell = sorted(store.cells.iterdir())[0]
    next(cell.glob(f"{name}_*")).unlink()
    with pytest.raises(LnbenchError, match="delete the folder to have the cell run again"):
        run(small, store)
    shutil.rmtree(cell)
    assert run(small, store).ran == 1 and table(store) == calm


@pytest.mark.parametrize("at", [1, 2, 4, 6])
def test_a_disk_that_is_full_ends_the_run_and_loses_nothing(small, tmp_path, monkeypatch, calm, at):
    store, plain, calls = Store(tmp_path / "out"), __import__("os").fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) >= at:
            raise OSError(28, "No space left on device")
        plain(handle)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises((OutputError, OSError), match="No space left"):
        run(small, store)
    monkeypatch.setattr("os.fsync", plain)
    done = set(store.finished())
    assert not list(store.folder.rglob("*.partial"))
    report = run(small, store)
    assert report.finished == len(done) and report.ran == 4 - len(done) and table(store) == calm
