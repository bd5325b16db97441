"""``lnbench detect compare`` and ``score``: what they print and write, and what they refuse."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lnbench._data import packaged
from lnbench.cli import main
from lnbench.neurons import NeuronSet

TRUTH = packaged("neuron_sets") / "demo" / "planted.json"
SHIPPED = "demo_langs_ffn.safetensors"
AP = ["ap", "--model", "lnbench/demo", "--corpus", "en=x.txt", "--corpus", "zh=x.txt"]


def in_a_process(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "lnbench", "detect", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def detect(monkeypatch, capsys):
    """The same command in this process, where torch is loaded already, with what it prints and its exit code."""
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["lnbench", "detect", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        told = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=told.out, stderr=told.err)

    return command


def test_compare_prints_and_writes(tmp_path, detect):
    done = detect("compare", SHIPPED, "zh_ffn.pt", "--json", tmp_path / "c.json", "--plot", tmp_path / "c.png")
    assert done.returncode == 0, done.stderr
    line = next(line.split() for line in done.stdout.splitlines() if line.split()[:1] == ["zh"])
    size = str(NeuronSet.load("zh_ffn.pt").count())
    assert line[1:4] == [size, size, size]
    assert "1.00" in line
    (written,) = json.loads((tmp_path / "c.json").read_text())
    assert (written["a"], written["b"]) == (SHIPPED, "zh_ffn.pt")
    assert {one["jaccard"] for one in written["layers"]} == {1.0}
    assert (tmp_path / "c.png").stat().st_size > 1000


def test_one_set_alone_shows_how_its_languages_overlap(detect):
    done = detect("compare", SHIPPED)
    assert "first:" not in done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines() if line.split()[:1] == ["en"]][-1] == "100"


def test_score_prints_and_writes(tmp_path, detect):
    done = detect(
        "score", SHIPPED, "--truth", TRUTH, "--layers", "--json", tmp_path / "s.json", "--plot", tmp_path / "s.png"
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "s.json").read_text())
    assert {row["recall"] for row in rows if row["layer"] is None} == {1.0}
    assert (tmp_path / "s.png").stat().st_size > 1000
    several = detect("score", SHIPPED, "zh_ffn.pt", "--truth", TRUTH)
    assert "Mean over the languages" in several.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "nothing.pt"], "nothing.pt"),
        (["compare", SHIPPED, "--plot", "x.jpg"], "call it x.png"),
        (["compare", SHIPPED, "--json", "no/such/x.json"], "there is no folder"),
        (["compare", SHIPPED, "--json", "x.png", "--plot", "./x.png"], "are two files"),
        (["score", "--truth", TRUTH], "nothing to score"),
        (["score", SHIPPED, "--truth", "nothing.json"], "no truth at 'nothing.json'"),
        (["score", SHIPPED, "--truth", TRUTH, "--grid", "top-rate=0.1"], "name them with --stats"),
        (["score", "--stats", "no.safetensors", "--truth", TRUTH, "--grid", "top-rate"], "names no values"),
        (["score", "--stats", "no.safetensors", "--truth", TRUTH], "no statistics at 'no.safetensors'"),
        (["select", "--stats", "s", "--out", "x.pt", "--method", "guess"], "no method 'guess'"),
        (["select", "--stats", "s", "--out", "x.pt", "--top-rat", "1"], "no parameter 'top_rat'"),
        (["select", "--stats", "s", "--out", "x.pt", "--top-rate"], "no option with a value"),
        (["score", "--stats", "s", "--truth", TRUTH, "--grid", "top-rate=0.1", "--grid", "top-rate=1"], "twice"),
        (["select", "--stats", "x.pt", "--out", "./x.pt"], "are two files"),
        ([*AP, "--out", "x.pt", "--stats-out", "x.pt"], "are two files"),
        ([*AP, "--out", "x.pt", "--device", "meta"], "it holds no values"),
        ([*AP, "--out", "x.pt", "--top-k", "0"], "whole number above 0"),
        (["select", "--stats", "s", "--out", "x.txt"], "a neuron set is a .safetensors or .pt file"),
        (["ap", "--model", "lnbench/demo", "--corpus", "en=x.txt", "--out", "x.pt"], "names only en; give two"),
        (
            [
                "ap",
                "--model",
                "lnbench/demo",
                "--corpus",
                "en=x",
                "--corpus",
                "zh=x",
                "--out",
                "x.pt",
                "--which",
                "mid",
            ],
            "which='mid' is no end of the ranking",
        ),
    ],
)
def test_bad_input_is_one_sentence(arguments, says, tmp_path, monkeypatch, detect):
    monkeypatch.chdir(tmp_path)
    assert_one_sentence(detect(*arguments), says)
    assert list(tmp_path.iterdir()) == []


def test_the_real_command_is_refused_in_one_sentence():
    assert_one_sentence(in_a_process("compare", "nothing.pt"), "nothing.pt")


def assert_one_sentence(done, says):
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
