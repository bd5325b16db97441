"""The script of `make test-matrix`, on made-up environments: no column is installed here."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import matrix

ROOT = Path(__file__).resolve().parents[2]
REPORT = """<testsuites><testsuite time="90.0">
<testcase classname="tests.a" name="good"/>
<testcase classname="tests.a" name="left out"><skipped message="no data"/></testcase>
<testcase classname="tests.a" name="wrong"><failure message="no"/></testcase>
<testcase classname="tests.b" name="broken"><error message="no"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two environments that need no pip: `python` in them is this one, and `pytest` writes a report of its own."""
    monkeypatch.setattr(matrix, "HOME", tmp_path)
    monkeypatch.setattr(matrix, "_installed", lambda name, column, interpreter: name != "pinned")
    monkeypatch.setattr(matrix, "_python", lambda name: Path(sys.executable))
    return tmp_path


def reporting(monkeypatch, report):
    """Have the tests of a column leave this report."""
    asked = []

    def kept(command, log):
        asked.append(shlex.join(command[1:-1]))
        if report is not None:
            Path(command[-1].removeprefix("--junitxml=")).write_text(report)

    monkeypatch.setattr(matrix, "_kept", kept)
    return asked


def test_one_column_with_what_pytest_takes(home, monkeypatch, capsys):
    asked = reporting(monkeypatch, REPORT)
    assert matrix.main(["oldest", "--", "tests/neurons", "-k", "a b"]) == 1
    assert asked == ["-m pytest tests/neurons -k 'a b'"]
    titles, row, *failed = capsys.readouterr().out.strip().splitlines()[-4:]
    assert titles.split()[:4] == ["column", "python", "lm_eval", "transformers"]
    assert row.split()[0] == "oldest" and row.split()[-4:] == ["1", "2", "1", "1.5"]
    assert failed == ["oldest: tests.a::wrong", "oldest: tests.b::broken"]


def test_every_column_runs_and_what_cannot_be_installed_is_a_failure(home, monkeypatch, capsys):
    reporting(monkeypatch, '<testsuites><testsuite time="60"><testcase/></testsuite></testsuites>')
    assert matrix.main([]) == 1
    captured = capsys.readouterr()
    assert re.findall(r"^(oldest|pinned|newest) .*?(did not run|1  +0  +0  +1.0)", captured.out, re.M | re.S)[1] == (
        "pinned",
        "did not run",
    )
    assert "constraints.txt cannot be installed" in captured.err


def test_tests_that_did_not_start_are_no_success(home, monkeypatch):
    (home / "oldest.xml").write_text(REPORT)  # of an earlier run
    reporting(monkeypatch, None)
    assert matrix.run("oldest", matrix.COLUMNS["oldest"], []).counts == {}
    assert matrix.main(["oldest"]) == 1


def test_an_unknown_column_names_those_there_are(capsys):
    with pytest.raises(SystemExit):
        matrix.main(["older"])
    assert "'older'" in capsys.readouterr().err


def test_the_oldest_versions_are_the_bounds():
    """The pin of every requirement agrees with its lower bound in its first two numbers."""
    tomllib = pytest.importorskip("tomllib")  # from Python 3.11 on
    lines = (ROOT / "constraints-oldest.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(line) for line in project["dependencies"]]
    assert len(wanted) > 20
    for requirement in wanted:
        if requirement.name != "torch":
            pinned = pins[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(pinned), requirement
            bound = next(one.version for one in requirement.specifier if one.operator == ">=")
            assert pinned.split(".")[:2] == [*bound.split("."), "0"][:2], (requirement, pinned)
