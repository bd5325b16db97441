"""Passes of detection that two processes want at once, and shards that are not what was written."""

import os

import pytest
import torch

from lnbench.detection import ShardStore
from lnbench.detection._store import write_tensors
from lnbench.detection.plnd import collect_impacts
from lnbench.detection.plnd._meter import Meter
from lnbench.errors import DataError, OutputError
from tests.detection.test_plnd_select import documents_of, llama, store_of  # noqa: F401 - llama is a fixture
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


@pytest.mark.parametrize("error", [MemoryError(), DataError("not finite")], ids=["memory", "not finite"])
def test_documents_that_had_no_scores_for_a_passing_reason_are_scored_again(tmp_path, llama, monkeypatch, error):  # noqa: F811
    documents = documents_of(count=3)
    for name in ("calm", "disturbed"):
        (tmp_path / name).mkdir()
    collect_impacts(llama, documents, store_of(tmp_path / "calm", llama, documents))
    plain = Meter.measure_all

    def fails(self, batch):
        if documents["zh"][1] in list(map(list, batch)):
            raise error
        return plain(self, batch)

    monkeypatch.setattr(Meter, "measure_all", fails)
    store = store_of(tmp_path / "disturbed", llama, documents)
    assert sum(collect_impacts(llama, documents, store).failed("zh").values()) == 1
    monkeypatch.setattr(Meter, "measure_all", plain)
    resumed = []
    again = collect_impacts(llama, documents, store, done=lambda language, tokens, old: resumed.append((language, old)))
    assert again.failed("zh") == {} and ("en", True) in resumed and ("zh", True) not in resumed
    shards = [sorted((tmp_path / name / "scores").glob("*.shard")) for name in ("calm", "disturbed")]
    assert [path.read_bytes() for path in shards[0]] == [path.read_bytes() for path in shards[1]]
