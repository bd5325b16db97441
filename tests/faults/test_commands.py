"""Commands in this process, stopped by real signals, refused a folder that another process has, out of memory."""

import os
import signal

import pytest
from typer.testing import CliRunner

from lnbench._faults import ended_well
from lnbench._lock import hold
from lnbench.cli import check as check_command
from lnbench.cli import main
from lnbench.cli import paper as paper_command
from lnbench.errors import OutputError
from lnbench.studies import Store, Study, run
from lnbench.studies._session import Session
from tests.faults.test_writing import in_a_child
from tests.studies.test_resume import table


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"])
def test_a_study_that_is_stopped_says_where_its_cells_are_and_goes_on(
    keys, write, tmp_path, monkeypatch, capsys, number, code
):
    few = {"original": {}, "specific": {"op": "zero"}}
    file = write({**keys, "languages": ["zh"], "conditions": few, "repeat_original": False, "limit": 2})
    out, plain = tmp_path / "out", Session.evaluate

    def evaluate(self, role):
        if role.condition.name == "specific":
            os.kill(os.getpid(), number)
        return plain(self, role)

    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = handlers[number]
    own = signal.signal(number, before)  # shells have jobs in the background ignore ctrl-C
    monkeypatch.setattr(Session, "evaluate", evaluate)
    monkeypatch.setattr("sys.argv", ["lnbench", "study", "run", str(file), "--out", str(out)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == code and signal.signal(number, own) == before
    assert f"finished cells are in {out}, and the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(Session, "evaluate", plain)
    assert len(Store(out).finished()) == 2 and not list(out.rglob("*.partial"))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    run(Study.load(file), Store(tmp_path / "calm"))
    assert table(Store(out)) == table(Store(tmp_path / "calm"))


def test_a_check_that_runs_out_of_memory_is_no_regression(tmp_path, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(check_command, "_compared", fail)
    done = CliRunner().invoke(check_command.app, [str(tmp_path), "--baseline", str(tmp_path / "b.json")])
    assert done.exit_code == 2 and done.stderr.startswith("error: there is not enough memory")


def test_one_process_at_a_time_makes_a_report(tmp_path):
    held = hold(tmp_path)

    def other():
        with pytest.raises(OutputError, match="another process is at work"), paper_command._alone(tmp_path):
            pass
        os._exit(7)

    assert held is not None and in_a_child(other) == 7
    held.release()
    assert in_a_child(lambda: paper_command._alone(tmp_path).__enter__()) == 0


@pytest.fixture
def as_python_starts():
    """The handlers of a new process, whatever libraries have set in this one."""
    at_start = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    own = {number: signal.signal(number, handler) for number, handler in at_start.items()}
    yield at_start
    for number, handler in own.items():
        signal.signal(number, handler)


def test_the_boundary_leaves_handlers_as_they_were(as_python_starts):
    with ended_well():
        for number, before in as_python_starts.items():
            assert signal.getsignal(number) is not before
    assert {number: signal.getsignal(number) for number in as_python_starts} == as_python_starts


def test_the_boundary_leaves_a_handler_that_somebody_set(as_python_starts):
    def handler(*_):
        raise AssertionError

    signal.signal(signal.SIGTERM, handler)
    with ended_well():
        assert signal.getsignal(signal.SIGTERM) is handler
    assert signal.getsignal(signal.SIGTERM) is handler
