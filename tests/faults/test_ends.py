"""However a command ends, it says so in one sentence and by its exit code; a fault of its own keeps its traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

from lnbench._faults import is_out_of_memory, sentence
from lnbench.errors import DataError, EngineError
from lnbench.harness import _refusals

COMMAND = """
import os, signal, sys
from lnbench._faults import ended_well, goes_on
from lnbench._write import whole
from pathlib import Path

signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have jobs in the background ignore it
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and `nohup` this one
{before}
with ended_well():
    {work}
"""


def run(work: str, *, before: str = "", **given) -> subprocess.CompletedProcess:
    code = COMMAND.format(before=before, work=work.replace("\n", "\n    "))
    return subprocess.run([sys.executable, "-c", code], text=True, stderr=subprocess.PIPE, **given)


@pytest.mark.parametrize(("name", "said"), [("SIGINT", "ctrl-C"), ("SIGTERM", "SIGTERM"), ("SIGHUP", "SIGHUP")])
def test_an_end_from_outside_leaves_nothing_half_written(tmp_path, name, said):
    work = f"""with whole(Path("a.json")) as part:
    part.write_text("half")
    os.kill(os.getpid(), signal.{name})
    for _ in range(1000): pass
    part.write_text("never")"""
    done = run(work, cwd=tmp_path)
    assert done.returncode == 128 + getattr(signal, name)
    assert done.stderr == f"\nstopped by {said}; nothing is half written; start the same command again\n"
    assert not list(tmp_path.iterdir())


def test_it_says_where_finished_parts_are():
    done = run('goes_on("finished cells", Path("results/x"))\nos.kill(os.getpid(), signal.SIGTERM)')
    assert done.stderr.strip() == "stopped by SIGTERM; finished cells are in results/x, and the same command goes on"


def test_an_error_that_a_library_makes_of_the_signal_does_not_hide_it():
    work = """try:
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000): pass
except SystemExit:
    raise RuntimeError("the callback failed")"""
    done = run(work)
    assert done.returncode == 143 and "stopped by SIGTERM" in done.stderr and "Traceback" not in done.stderr


def test_a_bar_that_is_left_open_does_not_share_its_line():
    done = run("from tqdm import tqdm\nbar = tqdm(total=9)\nbar.update()\nraise MemoryError")
    assert done.returncode == 1 and done.stderr.split("\n")[-2].startswith("error: there is not enough memory")


def test_nor_does_one_in_the_command_of_lm_eval(monkeypatch, capsys):
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(_refusals, "is_lm_eval_command", lambda: True)
    _refusals.say_in_one_sentence()
    bar = tqdm(total=9)
    bar.update()
    sys.excepthook(EngineError, EngineError("of the model"), None)
    assert capsys.readouterr().err.split("\n")[-2] == "error: of the model"


def test_nohup_is_respected():
    done = run("os.kill(os.getpid(), signal.SIGHUP)", before="signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    assert (done.returncode, done.stderr) == (0, "")


FAULTS = {
    "full": ("OSError(28, 'No space left on device', '/data/x')", ["'/data/x'", "No space left", "free space"]),
    "file size": ("OSError(27, 'File too large')", ["ulimit -f"]),
    "read-only": ("OSError(30, 'Read-only file system', 'x')", ["Read-only", "may write"]),
    "rights": ("PermissionError(13, 'Permission denied', 'x')", ["Permission denied", "you may use"]),
    "full, by torch": ("RuntimeError('[enforce fail] No space left on device')", ["free space"]),
    "full, by sqlite": ("__import__('sqlite3').OperationalError('database or disk is full')", ["free space"]),
    "file size, by sqlite": (
        "__import__('sqlite3').OperationalError('disk I/O error')",
        ["ulimit -f", "failing"],
    ),
    "memory": ("MemoryError()", ["not enough memory", "batch size"]),
    "memory, by torch": ('RuntimeError("DefaultCPUAllocator: can\'t allocate memory")', ["not enough memory"]),
    "memory, by the system": ("OSError(12, 'Cannot allocate memory')", ["not enough memory"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_machine_is_one_sentence(fault):
    error, words = FAULTS[fault]
    done = run(f"raise {error}")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and all(word in line for word in words)


def test_a_fault_of_ours_keeps_its_traceback():
    done = run('raise ValueError("a bug")')
    assert done.returncode == 1 and "Traceback" in done.stderr and "ValueError: a bug" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("work", ['print("table")', 'print("table")\nsys.exit(0)'])
def test_output_that_cannot_be_written_is_an_error(work, unbuffered):
    with Path("/dev/full").open("w") as full:
        done = run(work, stdout=full, env=os.environ | {"PYTHONUNBUFFERED": unbuffered})
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_code_that_says_worse_is_kept():
    with Path("/dev/full").open("w") as full:
        done = run('print("table")\nsys.exit(3)', stdout=full, env=os.environ | {"PYTHONUNBUFFERED": ""})
    assert done.returncode == 3 and "Exception ignored" not in done.stderr


@pytest.mark.parametrize("code", [0, 3, 4])
def test_a_commands_own_exit_code_passes(code):
    assert run(f"sys.exit({code})").returncode == code


def test_torchs_own_errors_are_known():
    import torch

    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"))
    assert is_out_of_memory(torch.cuda.OutOfMemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_what_is_known_has_a_sentence_and_nothing_else_has():
    assert sentence(DataError("as it is")) == "as it is"
    assert sentence(FileNotFoundError(2, "No such file or directory", "x")) is None
    assert sentence(KeyError("x")) is None
