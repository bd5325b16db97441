"""A leaderboard whose adding was stopped half-way goes on, and what killed processes left there is not read."""

import pytest

from lnbench.errors import DataError, OutputError
from lnbench.reporting.leaderboard import _add as add_module
from lnbench.reporting.leaderboard import add, make_bundle, read_leaderboard, verify


def test_an_adding_that_was_stopped_goes_on(toy_output, tmp_path, monkeypatch):
    bundle, board = make_bundle(toy_output, "toy"), tmp_path / "board"
    plain = add_module.write_leaderboard

    def full(made, to):
        raise OutputError("cannot write: No space left on device")

    monkeypatch.setattr(add_module, "write_leaderboard", full)
    with pytest.raises(OutputError):
        add(bundle, board)
    assert (board / "bundles" / "toy.json").is_file() and verify(board)
    monkeypatch.setattr(add_module, "write_leaderboard", plain)
    add(bundle, board)
    assert verify(board) == []
    with pytest.raises(DataError, match="is there already"):
        add(bundle, board)


def test_what_a_killed_adding_left_is_no_bundle(toy_output, tmp_path):
    board = tmp_path / "board"
    add(make_bundle(toy_output, "toy"), board)
    left = board / "bundles" / ".other.json.x1.partial"
    left.mkdir()
    (left / "part.json").write_text('{"schema": "1.0", "na')
    assert len(read_leaderboard([board]).sources) == 1 and verify(board) == []
