"""docs/check.md: its commands run, its output is what they print, its files are the examples."""

import json
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("lm_eval")

from lnbench.reporting import read_results
from lnbench.reporting.checking import ExpectFile, check, read_baseline
from lnbench.reporting.checking._against import greater_by

from .conftest import PAGE, ROOT, blocks, call, commands


def test_the_commands_of_the_page(store, tmp_path, monkeypatch):
    shutil.copytree(store, tmp_path, dirs_exist_ok=True)
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "expectations.yaml", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    _, update, checked = commands()
    code, shown, _ = call(update)
    assert code == 0 and "baseline: baseline.json, 98 scores of 14 cells; commit it, and " in shown
    code, shown, _ = call(checked)
    assert code == 0 and shown in blocks("")
    assert (tmp_path / "check.md").read_text() in (tmp_path / "summary.md").read_text()
    assert ElementTree.parse(tmp_path / "check.xml").getroot().get("failures") == "0"
    assert json.loads((tmp_path / "check.json").read_text())["exit_code"] == 0
    namespace = {}
    exec(blocks("python")[0], namespace)
    assert namespace["report"].verdict == "holds"


def test_the_file_of_the_page(store, tmp_path):
    (tmp_path / "e.yaml").write_text(blocks("yaml")[1])
    call(["check", str(store / "results"), "--baseline", str(tmp_path / "b.json"), "--update"])
    file = ExpectFile.read(tmp_path / "e.yaml")
    report = check([read_results(store / "results")], read_baseline(tmp_path / "b.json"), file)
    assert report.exit_code == 0
    assert {one.numbers["metric"] for one in report.findings if one.kind in ("score", "effect")} == {
        "exact_match",
        "fidelity",
        "fidelity_coverage",
    }


def test_every_claim_of_the_page_is_understood(store, tmp_path):
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    claims = [row.strip(" `") for row in rows if "`" in row and any(sign in row for sign in (">", "within"))]
    assert len(claims) == 6
    sentences = "".join(f"- {claim if claim[0] != '>' else 'fidelity ' + claim}\n" for claim in claims)
    (tmp_path / "e.yaml").write_text(f"expect:\n{sentences}")
    (tmp_path / "b.json").unlink(missing_ok=True)
    code, shown, _ = call(["check", str(store / "results"), "--baseline", str(tmp_path / "b.json"), "--update",
                           "--expect", str(tmp_path / "e.yaml")])  # fmt: skip
    assert code == 0 and "expectations hold" in shown and "Cannot" not in shown


def test_the_least_p_between_two_conditions_is_the_page_s():
    harm = np.full(60, 0.3)
    _, p = greater_by([[harm]], [[0 * harm]], controls=(False, False), scale=1.0)
    assert p == pytest.approx(0.00005) and "no smaller than 0.00005" in PAGE


def test_the_workflow_is_a_workflow():
    import yaml

    steps = yaml.safe_load((ROOT / "examples" / "github-workflow.yml").read_text())["jobs"]["check"]["steps"]
    ran = [step["run"].strip() for step in steps if "run" in step]
    assert ran[:2] == ["pip install lnbench", "lnbench study run study.yaml --out results"]
    from typer.testing import CliRunner

    from lnbench.cli.check import app

    options = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert ran[2].startswith("lnbench check results") and "\n" not in ran[2]
    assert all(word in options for word in ran[2].split() if word.startswith("--"))
