"""Shards survive a kill, belong to one run, and are whole or not there; a full disk leaves what was."""

import errno
import json
import resource
import signal
import subprocess
import sys

import pytest
import torch

from lnbench.detection import ShardStore
from lnbench.detection._store import write_tensors
from lnbench.errors import DataError, OutputError

KEY = {"model": "m", "sites": ["ffn.act"]}
TENSORS = {"a": torch.arange(6).reshape(2, 3), "b": torch.ones(2, dtype=torch.bfloat16)}


@pytest.fixture
def store(tmp_path):
    return ShardStore(tmp_path / "shards", KEY)


def test_what_is_written_is_read_and_known_again(store):
    assert not store.done("zh", 0)
    store.write("zh", 0, TENSORS)
    again = ShardStore(store.folder, dict(reversed(KEY.items())))
    assert again.done("zh", 0) and not again.done("zh", 1) and not again.done("z", 0)
    assert {name: tensor.tolist() for name, tensor in again.read("zh", 0).items()} == {
        "a": [[0, 1, 2], [3, 4, 5]], "b": [1, 1],
    }  # fmt: skip
    assert again.read("zh", 0)["b"].dtype == torch.bfloat16
    assert again.part("zh", 0, "a", 1).tolist() == [3, 4, 5]


def test_any_label_is_a_file_of_its_own(store):
    labels = ["zh", "culture:da", "../up", "a/b", "ő", "zh-000000", "zh%2F"]
    for number, label in enumerate(labels):
        store.write(label, 0, {"x": torch.tensor(number)})
    assert [int(store.read(label, 0)["x"]) for label in labels] == list(range(len(labels)))
    assert len(list(store.folder.parent.iterdir())) == 1


def test_a_folder_of_another_run_is_refused(store):
    with pytest.raises(OutputError, match=r"another run \(it differs in model, seed\)"):
        ShardStore(store.folder, {**KEY, "model": "other", "seed": 0})


@pytest.mark.parametrize("content", [None, "nonsense", "[]"])
def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path, content):
    name = "notes.txt" if content is None else "lnbench-shards.json"
    (tmp_path / name).write_text(content or "mine")
    with pytest.raises(OutputError, match="holds no shards" if content is None else "is damaged"):
        ShardStore(tmp_path, KEY)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "none" / "deep"):
        with pytest.raises(OutputError, match="cannot use the folder"):
            ShardStore(folder, KEY)


def test_dropped_and_cleared_shards_are_gone(store):
    store.write("zh", 0, TENSORS)
    store.write("zh", 1, TENSORS)
    store.drop("zh", 0)
    store.drop("zh", 7)
    assert not store.done("zh", 0) and store.done("zh", 1)
    store.clear()
    assert not store.folder.exists()


def test_parts_that_a_kill_left_are_cleared_too(store):
    for name in (".zh-000000.shard.x1.partial", ".lnbench-shards.json.x1.partial"):
        (store.folder / name).mkdir()
        (store.folder / name / "part.shard").write_bytes(b"half")
    assert not store.done("zh", 0)
    store.clear()
    assert not store.folder.exists()


def test_clearing_leaves_what_others_put_there(store):
    store.write("zh", 0, TENSORS)
    (store.folder / "mine.txt").write_text("mine")
    store.clear()
    assert [path.name for path in store.folder.iterdir()] == ["mine.txt"]


def test_missing_and_damaged_shards_are_one_sentence(store):
    store.write("zh", 0, TENSORS)
    (path,) = store.folder.glob("zh-*")
    path.write_bytes(path.read_bytes()[:-1])
    for number in (0, 1):
        with pytest.raises(DataError, match="delete it and run again"):
            store.read("zh", number)
        with pytest.raises(DataError, match="delete it and run again"):
            store.part("zh", number, "a", 0)


def test_the_same_tensors_give_the_same_bytes(tmp_path):
    for name in "xy":
        write_tensors(tmp_path / name, TENSORS, {"header": json.dumps(KEY)})
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_at_the_end_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "s.safetensors"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device; free space"):
        write_tensors(path, TENSORS, {})
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_in_the_middle_leaves_the_old_file_and_no_part(tmp_path):
    code = f"""
import resource, signal, torch
from pathlib import Path
from lnbench.detection._store import write_tensors
signal.signal({int(signal.SIGXFSZ)}, signal.SIG_IGN)
resource.setrlimit({resource.RLIMIT_FSIZE}, (100_000, 100_000))
write_tensors(Path("s.safetensors"), {{"x": torch.zeros(200_000)}}, {{}})
"""
    (tmp_path / "s.safetensors").write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert "OutputError: cannot write 's.safetensors': " in done.stderr and "File too large" in done.stderr
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("s.safetensors", b"old")]
