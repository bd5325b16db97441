"""``lnbench neurons push``: several sets in one commit, or their card in a folder, and back by ``neurons show``."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lnbench.cli.neurons import app
from lnbench.errors import LnbenchError, NeuronFileError, OutputError
from lnbench.neurons import NeuronSet


@pytest.fixture
def token(hub_server, monkeypatch):
    hub_server.token = "secret"
    monkeypatch.setenv("HF_TOKEN", "secret")


@pytest.fixture
def sets(tmp_path):
    made = {"zh": [[1, 2], [3]], "fr": [[2], [3, 4]]}
    for label, layers in made.items():
        NeuronSet.from_indices({label: {"ffn.act": layers}}, method="by hand").save(tmp_path / f"{label}.pt")
    return [str(tmp_path / f"{label}.pt") for label in made]


def run(*given):
    result = CliRunner().invoke(app, ["push", *map(str, given)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_several_sets_go_in_one_commit(hub_server, token, sets):
    printed = run(*sets, "--repo", "org/sets", "--private", "--message", "Two", "--branch", "v1").stdout
    repo = hub_server.repos["org/sets"]
    assert repo.private and repo.at("v1").message == "Two" and len(repo.commits) == 2
    files = hub_server.files("org/sets", "v1")
    assert {"zh.pt", "fr.pt", "README.md", "pictures/zh.pt.png", "pictures/fr.pt.png"} < set(files)
    assert repo.at("v1").sha in printed and "hf://org/sets/fr.pt@v1" in printed.splitlines()
    assert NeuronSet.load("hf://org/sets/zh.pt@v1") == NeuronSet.load(sets[0])


def test_a_card_alone_needs_no_hub(sets, tmp_path):
    run(*sets, "--repo", "org/sets", "--card-only", tmp_path / "card")
    written = sorted(str(path.relative_to(tmp_path / "card")) for path in (tmp_path / "card").rglob("*.*"))
    assert written == ["README.md", "pictures/fr.pt.png", "pictures/zh.pt.png"]
    card = tmp_path / "card" / "README.md"
    card.write_text(card.read_text().replace("# license: yours to choose", "license: mit"))
    run(sets[0], "--repo", "org/sets", "--card-only", tmp_path / "card")
    assert "license: mit" in card.read_text() and card.read_text().count("\n## ") == 2


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        (["{0}", "--repo", "sets"], OutputError, "is no name of a repository: write it as org/name"),
        (["{0}", "--repo", "sets", "--card-only", "card"], OutputError, "is no name of a repository"),
        (["{0}", "--repo", "o/<b>", "--card-only", "card"], OutputError, "is no name of a repository"),
        (["{0}", "{0}", "--repo", "org/sets"], OutputError, "would both be 'zh.pt' in the repository; rename one"),
        (["no.pt", "--repo", "org/sets"], NeuronFileError, "no neuron set 'no.pt'"),
        (["{0}", "--repo", "org/sets", "--message", " "], OutputError, "the message of the commit is empty"),
        (["{0}", "--repo", "org/sets", "--card-only", "{0}"], LnbenchError, "zh.pt"),
    ],
)
def test_refusals(hub_server, token, sets, given, error, why):
    with pytest.raises(error, match=why):
        run(*(part.format(*sets) for part in given))
    assert not hub_server.requests


def test_the_real_commands_in_processes_of_their_own(hub_server, sets, tmp_path):
    """Push, show from the hub, show again with the hub gone, and a refusal, as a user types them."""
    hub_server.token = "secret"
    there = os.environ | hub_server.environment(tmp_path / "home", "secret")
    there.pop("LNBENCH_NEURON_SETS", None)

    def lnbench(*words, **more):
        command = [sys.executable, "-m", "lnbench", "neurons", *words]
        return subprocess.run(command, env=there | more, capture_output=True, text=True)

    pushed = lnbench("push", *sets, "--repo", "org/sets")
    assert pushed.returncode == 0 and "hf://org/sets/zh.pt" in pushed.stdout, pushed.stderr
    shown = lnbench("show", "hf://org/sets/zh.pt")
    assert shown.returncode == 0 and NeuronSet.load(sets[0]).content_hash in shown.stdout and not shown.stderr
    away = lnbench("show", "hf://org/sets/zh.pt", HF_ENDPOINT="http://127.0.0.1:9")
    assert away.returncode == 0 and "does not answer" in away.stderr and "from the cache, commit" in away.stderr
    off = lnbench("show", "hf://org/sets/zh.pt", HF_HUB_OFFLINE="1")
    assert off.returncode == 0 and "switched off by HF_HUB_OFFLINE: taking zh.pt of org/sets@main" in off.stderr
    missing = lnbench("show", "hf://org/sets/de.pt")
    assert missing.returncode == 1 and missing.stderr.count("\n") == 1 and "did you mean" in missing.stderr
