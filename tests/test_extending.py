"""The worked examples of docs/extending.md, followed to the letter in a copy of the checkout."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("lm_eval")

from lnbench.cli import app
from lnbench.neurons import NeuronSet
from tests.docs import world
from tests.docs.pages import ROOT, Block, blocks

PAGE = ROOT / "docs" / "extending.md"
#: What of the checkout the examples change or read; the sets, which are large, are linked.
COPIED = ("lnbench", "tasks", "scripts", "tests", "docs", "leaderboard/references", "pyproject.toml")


def of_section(title: str) -> list[Block]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    begin = lines.index(f"## {title}")
    end = next((at for at in range(begin + 1, len(lines)) if lines[at].startswith("## ")), len(lines))
    return [block for block in blocks(PAGE) if begin < block.line <= end]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout as it lies there, with an environment."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *COPIED],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    copy = tmp_path / "checkout"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    (copy / "neuron_sets").symlink_to(ROOT / "neuron_sets", target_is_directory=True)
    (copy / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return copy


def save(block: Block, folder: Path) -> None:
    path = folder / str(block.file)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert not path.exists(), f"{block.file} is there already"
    path.write_text(block.text, encoding="utf-8")


def run(command: str, folder: Path, given: str | None = None) -> None:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    ended = subprocess.run(
        ["bash", "-c", command], cwd=folder, input=given, capture_output=True, text=True, env=environment
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-4000:]}\n{ended.stderr[-2000:]}"


@pytest.mark.parametrize("title", ["A task", "An architecture", "A metric"])
def test_an_example_in_the_house(title: str, checkout: Path) -> None:
    ran = 0
    for block in of_section(title):
        if block.file:
            save(block, checkout)
        elif block.language == "diff":
            run("git apply", checkout, block.text)
        for command in block.commands:
            run(command.text, checkout)
            ran += "pytest" in command.text
    assert ran == 1


def test_an_example_in_a_package_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neuron_sets").symlink_to(ROOT / "neuron_sets", target_is_directory=True)
    for code in ("en", "zh", "fr"):
        world.OWN[f"{code}.txt"](tmp_path / f"{code}.txt")
    printed = ""
    for block in of_section("A method of detection"):
        if block.file:
            save(block, tmp_path)
        for command in block.commands:
            words = shlex.split(command.text)
            if words[0] == "pip":  # into a folder, since this environment is not ours to change
                run(
                    f"{shlex.quote(sys.executable)} -m pip {shlex.join(words[1:])} -q --no-index --target site",
                    tmp_path,
                )
                monkeypatch.syspath_prepend(str(tmp_path / "site"))
                continue
            ended = CliRunner().invoke(app, words[1:], prog_name="lnbench")
            assert ended.exit_code == 0, (command.text, ended.output[-2000:], ended.exception)
            printed = ended.output
    found = NeuronSet.load(tmp_path / "standout.safetensors")
    assert found.header.method == "standout" and found.count("zh") == 5 * 4
    assert "zh" in printed  # precision against the planted truth
    wrong = shlex.split("detect select --method standout --top-k 0 --stats stats.safetensors --out no.pt")
    refused = CliRunner().invoke(app, wrong)
    assert "top_k=0 is not from 1 to 512" in str(refused.exception)
