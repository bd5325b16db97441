"""``lnbench check``: exit codes, files, and bad input in one sentence with nothing half-written."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from tests.checking.conftest import call
from tests.reporting.conftest import sample, write_cell, write_run

TASK = "lnbench_demo_mc_zh"


def run(folder, right, n=30, task=TASK, **more):
    rows = [sample(at, {"acc": float(at < right)}) for at in range(n)]
    return write_run(folder, task, rows, {"acc,none": right / n}, better={"acc": True}, **more)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "good", 30)
    assert call(["check", "good", "--baseline", "b.json", "--update"])[0] == 0
    return tmp_path


def check(*arguments):
    return call(["check", *arguments, "--baseline", "b.json"])


def test_exit_codes(folder):
    run(folder / "bad", 15)
    run(folder / "few", 20, n=20)
    run(folder / "both", 5, n=20)
    run(folder / "more", 35, n=35)
    for name, code, last in (
        ("good", 0, "holds"),
        ("bad", 1, "regressed: 1 score(s) worse"),
        ("few", 2, "cannot compare: 1 cell(s) with fewer samples"),
        ("both", 1, "regressed: 1 score(s) worse, 1 cell(s) with fewer samples"),
        ("more", 0, "holds"),
    ):
        found, shown, _ = check(name)
        assert (found, shown.splitlines()[-1]) == (code, last), name


def test_the_first_baseline_says_what_was_done_and_what_comes_next(folder):
    (folder / "b.json").unlink()
    code, shown, _ = check("good", "--update")
    assert code == 0 and shown.splitlines()[0].endswith("against itself, for there is no b.json yet (m)")
    assert shown.splitlines()[-1] == (
        "baseline: b.json, 1 score of 1 cell; "
        "commit it, and run the same command without --update to hold new results to it"
    )
    assert check("good", "--update")[1].splitlines()[-1] == "baseline: b.json, 1 score of 1 cell"


def test_update_shows_the_difference_and_writes(folder):
    run(folder / "bad", 15)
    before = (folder / "b.json").read_bytes()
    code, shown, _ = check("bad", "--update")
    assert code == 0 and "50 points worse" in shown and "baseline: b.json, 1 score of 1 cell" in shown
    assert (folder / "b.json").read_bytes() != before
    assert check("bad")[0] == 0


def test_update_that_fails_leaves_the_old_baseline(folder, monkeypatch):
    run(folder / "bad", 15)
    before = (folder / "b.json").read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda self, to: (_ for _ in ()).throw(OSError(28, "disk full")))
    code, _, said = check("bad", "--update")
    assert code == 2 and "disk full" in said
    assert (folder / "b.json").read_bytes() == before and sorted(p.name for p in folder.iterdir()) == [
        "b.json", "bad", "good",
    ]  # fmt: skip


def test_several_folders_and_stores(folder):
    rows = [sample(at, {"acc": 1.0}) for at in range(30)]
    write_cell(folder / "store", "id", "lnbench_demo_mc_en", rows, {"ablated": None})
    code, shown, _ = check("good", "store")
    assert code == 0 and "new cell: lnbench_demo_mc_en, original: acc: not in the baseline" in shown
    assert check("good", "store", "--update")[0] == 0
    assert check("good")[0] == 2


def test_the_step_summary_is_added_to(folder, monkeypatch):
    (folder / "summary.md").write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    check("good", "--markdown", "m.md")
    assert (folder / "summary.md").read_text() == "before\n" + (folder / "m.md").read_text()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "none" / "summary.md"))
    code, _, said = check("good")
    assert code == 2 and "GITHUB_STEP_SUMMARY" in said


def test_hostile_names(folder, monkeypatch):
    """A model may be called anything that JSON can say."""
    run(folder / "evil", 10, model_name="<script>\ud800\x1b[31m\u202e|\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    code, shown, _ = check("evil", "--markdown", "m.md", "--junit", "j.xml", "--json", "j.json", "--update")
    assert code == 0 and "50 points" not in shown and "66.7 points worse" in shown
    assert "\x1b" not in shown and "\u202e" not in shown
    assert "<script>" not in (folder / "m.md").read_text() and ElementTree.parse(folder / "j.xml")
    assert json.loads((folder / "j.json").read_text())["model"].startswith("<script>")
    assert check("evil")[0] == 0


def _newer(folder):
    content = json.loads((folder / "b.json").read_text())
    (folder / "b.json").write_text(json.dumps({**content, "schema": "2.1"}))


def _cut_baseline(folder):
    (folder / "b.json").write_bytes((folder / "b.json").read_bytes()[:-40])


def _cut_results(folder):
    file = next((folder / "good").glob("results_*"))
    file.write_text(file.read_text()[:-20])


def _mixed(folder):
    run(folder / "good" / "other", 30, model_name="other", task="lnbench_demo_mc_en")


def _duplicated(folder):
    run(folder / "good", 30, name="2027-01-02T03-04-05.678901")


def _no_hashes(folder):
    file = next((folder / "good").glob("samples_*"))
    file.write_text(file.read_text().replace('"doc_hash"', '"hash"'))


def _word(folder):
    (folder / "e.yaml").write_text("expect:\n  - zhh: acc >= 0.9\n")


BAD = {
    "newer schema": (_newer, [], "b.json has schema 2.1, and this lnbench reads 1.0; update lnbench"),
    "newer schema, update": (_newer, ["--update"], "schema 2.1"),
    "truncated baseline": (_cut_baseline, [], "b.json is no complete JSON"),
    "truncated results": (_cut_results, [], "is no complete JSON"),
    "mixed models": (_mixed, [], "2 models ('m', 'other'); check the results of one model at a time"),
    "duplicated": (_duplicated, [], "two results for lnbench_demo_mc_zh"),
    "no hashes": (_no_hashes, [], "lacks one of doc_hash"),
    "unknown word": (_word, ["--expect", "e.yaml"], "e.yaml, line 2: 'zhh' is no language"),
    "no expectations": (lambda folder: None, ["--expect", "none.yaml"], "cannot read the expectations|cannot be read"),
    "no results": (lambda folder: None, ["nowhere"], "there is no folder 'nowhere'"),
    "no folder": (lambda folder: None, ["--json", "none/x.json"], "there is no folder 'none'"),
    "baseline as output": (lambda folder: None, ["--json", "b.json"], "name different ones"),
    "two outputs": (lambda folder: None, ["--json", "x", "--junit", "./x"], "name different ones"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name, folder):
    spoil, arguments, said = BAD[name]
    spoil(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, shown, error = check("good", *arguments)
    assert (code, shown) == (2, "")
    assert error.startswith("error: ") and error.count("\n") == 1
    assert any(part in error for part in said.split("|"))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_wrong_command_line(folder):
    assert (
        call(["check", "good"])[0] == call(["check", "--baseline", "b.json"])[0] == check("good", "--nothing")[0] == 2
    )


def test_the_real_command(folder):
    run(folder / "few", 20, n=20)
    command = [sys.executable, "-m", "lnbench", "check", "few", "--baseline", "b.json"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 2 and "20 samples, the baseline has 30" in found.stdout and not found.stderr
