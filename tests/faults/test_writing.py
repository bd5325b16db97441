"""A file appears whole or not at all, and what a killed process left of it is gone with the next writing."""

import errno
import os
import signal
from contextlib import suppress

import pytest

from lnbench import _write
from lnbench._lock import hold
from lnbench._write import whole
from lnbench.errors import OutputError


def in_a_child(work) -> int:
    """The exit code of a forked process that does ``work``, negative for a signal."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            work()
            os._exit(0)
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_while_writing(path):
    def work():
        with whole(path) as part:
            part.write_text("half")
            (part.parent / ".tmpAbC").write_text("a part of a library's own")
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_child(work) == -signal.SIGKILL


def test_what_a_killed_process_left_is_no_file_and_goes_with_the_next_writing(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    killed_while_writing(path)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    assert [file.name for file in tmp_path.glob("*.json")] == ["a.json"]  # nothing that a reader of a folder trips over
    with whole(path) as part:
        part.write_text("new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.json", "new")]


def test_work_in_progress_of_another_process_is_left_alone(tmp_path):
    path = tmp_path / "a.json"
    with whole(path) as part:
        part.write_text("mine")

        def work():
            with whole(path) as other:
                other.write_text("theirs")

        assert in_a_child(work) == 0
        assert path.read_text() == "theirs" and part.read_text() == "mine"
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.json", "mine")]


def test_a_folder_that_is_swept_away_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    plain, calls = _write.hold, []

    def swept(folder):
        calls.append(folder)
        if len(calls) == 1:
            folder.rmdir()
        return None if len(calls) == 2 else plain(folder)  # the second time somebody else is just looking

    monkeypatch.setattr(_write, "hold", swept)
    with whole(tmp_path / "a") as part:
        part.write_text("x")
    assert (tmp_path / "a").read_text() == "x" and len(calls) == 3


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_takes_no_more_leaves_what_was(tmp_path, monkeypatch, number):
    path = tmp_path / "a.json"
    path.write_text("old")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OutputError, match=os.strerror(number)), whole(path) as part:
        part.write_text("new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.json", "old")]


def test_a_limit_on_the_size_of_files_is_no_matter_of_space(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OutputError, match=r"File too large; raise the limit .*ulimit -f\)$"), whole(tmp_path / "a"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_is_of_a_process_and_ends_with_it(tmp_path):
    def held_elsewhere() -> bool:
        return in_a_child(lambda: os._exit(hold(tmp_path) is None)) == 1

    first, second = hold(tmp_path), hold(tmp_path)
    assert first is not None and second is not None  # a process does not shut itself out
    first.release()
    first.release()
    assert held_elsewhere()
    second.release()
    assert not held_elsewhere()
