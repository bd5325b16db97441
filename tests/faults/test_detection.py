"""Passes of detection that two processes want at once, and shards that are not what was written."""

import os

import pytest
import torch

from lnbench.detection import ShardStore
from lnbench.detection._store import write_tensors
from lnbench.errors import DataError, OutputError
from tests.faults.test_writing import in_a_child

KEY = {"what": "statistics", "model": "m"}


def test_one_process_at_a_time_has_a_folder_of_shards(tmp_path):
    store = ShardStore(tmp_path / "shards", KEY)
    store.hold()

    def other():
        with pytest.raises(OutputError, match=r"another process is at work in .*shards'; wait until it has ended"):
            ShardStore(tmp_path / "shards", KEY).hold()
        ShardStore.existing(tmp_path / "shards")  # reading is free
        os._exit(7)

    assert in_a_child(other) == 7
    del store
    assert in_a_child(lambda: ShardStore(tmp_path / "shards", KEY).hold()) == 0


def test_a_killed_first_write_of_the_key_is_no_foreign_folder(tmp_path):
    left = tmp_path / "shards" / ".lnbench-shards.json.x.partial"
    left.mkdir(parents=True)
    (left / "part.json").write_text("{")
    store = ShardStore(tmp_path / "shards", KEY)
    store.write("zh", 0, {"x": torch.zeros(1)})
    store.clear()
    assert not store.folder.exists()


@pytest.mark.parametrize("other", ["of another place", "of other tensors"])
def test_a_shard_in_another_ones_place_is_refused(tmp_path, other):
    store = ShardStore(tmp_path / "shards", KEY)
    store.write("zh", 0, {"x": torch.zeros(2)})
    store.write("zh", 1, {"x": torch.ones(2)})
    first, second = sorted(store.folder.glob("*.shard"))
    if other == "of another place":
        second.replace(first)
    else:
        write_tensors(first, {"y": torch.zeros(2)}, {})
    with pytest.raises(DataError, match="delete it and run again"):
        store.part("zh", 0, "x", 0)
    if other == "of another place":
        with pytest.raises(DataError, match="it is the shard of zh 1"):
            store.read("zh", 0)
