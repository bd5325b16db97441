"""Exported checkpoints that are kept: built once, held while in use, cleared whole; `lnbench cache`."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lnbench.cli import cache as command
from lnbench.errors import LnbenchError, OutputError
from lnbench.harness import Exports
from lnbench.models import PLAN_FILE


@pytest.fixture
def exports(tmp_path, monkeypatch) -> Exports:
    monkeypatch.setenv("LNBENCH_CACHE", str(tmp_path / "cache"))
    return Exports()


def written(folder: Path, bytes_: int = 1000) -> None:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(bytes_))
    record = {"base": {"model": "org/model"}, "description": "zero zh"}
    (folder / PLAN_FILE).write_text(json.dumps(record))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command.app, list(arguments))
    if isinstance(result.exception, LnbenchError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_of_many_that_ask_one_builds(exports):
    built, got = [], []

    def build(folder: Path) -> None:
        built.append(folder)
        time.sleep(0.2)
        written(folder)

    asking = [threading.Thread(target=lambda: got.append(Exports().get("a" * 64, build))) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(built) == 1 and len(got) == 4 and {one.folder for one in got} == {exports.root / ("a" * 64)}


def test_a_build_that_fails_leaves_nothing_and_can_be_tried_again(exports):
    def fail(folder: Path) -> None:
        raise OutputError("no space")

    with pytest.raises(OutputError, match="no space"):
        exports.get("a" * 64, fail)
    assert exports.entries() == []
    exports.get("a" * 64, written).close()
    assert [entry.model for entry in exports.entries()] == ["org/model"]


def test_what_is_in_use_stays(exports):
    held = exports.get("a" * 64, written)
    exports.get("b" * 64, written).close()
    assert "removed 1 exported checkpoint" in (said := run("clear"))
    assert "left 1 exported checkpoint" in said and "aaaaaaaaaaaa" in said
    assert held.folder.is_dir() and len(exports.entries()) == 1
    held.close()
    held.close()
    assert "left" not in run("clear")
    assert exports.entries() == [] and not list(exports.root.glob("*"))[1:]


def test_what_killed_exports_left_is_removed_and_work_in_progress_is_not(exports):
    import fcntl

    exports.get("a" * 64, written).close()
    for name in (".x-1.partial", ".x-2.partial"):
        (exports.root / name).mkdir()
    at_work = os.open(exports.root / ".x-2.partial", os.O_RDONLY)
    fcntl.flock(at_work, fcntl.LOCK_EX)
    run("clear")
    assert sorted(path.name for path in exports.root.glob(".x*")) == [".x-2.partial"]
    os.close(at_work)


def test_only_the_old_ones(exports):
    for key in "ab":
        exports.get(key * 64, written).close()
    week_ago = time.time() - 7 * 86400
    os.utime(exports.root / ("a" * 64), (week_ago, week_ago))
    assert [entry.folder.name[0] for entry in exports.entries()] == ["a", "b"]
    assert "7 days ago" in run("show")
    assert "removed 1" in run("clear", "--older-than", "6")
    assert [entry.folder.name[0] for entry in exports.entries()] == ["b"]
    exports.get("b" * 64, written).close()
    assert "removed 0" in run("clear", "--older-than", "0.5")
    with pytest.raises(OutputError, match="--older-than -1"):
        run("clear", "--older-than", "-1")
    with pytest.raises(OutputError, match="--older-than nan"):
        run("clear", "--older-than", "nan")


def test_links_to_a_model_take_no_space_of_their_own(exports, tmp_path):
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(bytes(50_000))

    def build(folder: Path) -> None:
        written(folder, 2000)
        (folder / weights.name).hardlink_to(weights)

    exports.get("a" * 64, build).close()
    (entry,) = json.loads(run("show", "--json"))
    assert entry["size"] - entry["own"] == 50_000 and entry["description"] == "zero zh" and entry["key"] == "a" * 64
    said = run("show")
    assert "52.1 kB" in said and "2.1 kB of disk" in said
    run("clear")
    assert weights.stat().st_size == 50_000


def test_an_empty_cache_and_an_unreadable_record(exports):
    assert run("show").startswith("0 exported checkpoints, 0 B of disk") and json.loads(run("show", "--json")) == []
    assert run("clear").startswith("removed 0 exported checkpoints")
    assert not exports.root.exists()
    exports.get("a" * 64, written).close()
    (exports.root / ("a" * 64) / PLAN_FILE).write_text("{")
    assert "unreadable record" in run("show")
    run("clear")
    assert exports.entries() == []
