"""Escape sequences in strangers' files: no command hands them to the terminal."""

import json

import pytest
from typer.testing import CliRunner

from lnbench.cli import app
from lnbench.errors import NeuronSetError
from lnbench.neurons import NeuronSet
from tests.fuzz import result_files

#: Sets the title, clears the screen, turns the text around, and rings.
ACTS = "\x1b]0;title\x07\x1b[2J\x9b31m\u202eabc\u2028\r"


def printed(monkeypatch, *arguments) -> str:
    command = ["lnbench", *map(str, arguments)]
    monkeypatch.setattr("sys.argv", command)
    done = CliRunner().invoke(app, command[1:])
    return done.output + (str(done.exception) if done.exception else "")


def assert_harmless(text: str, says: str) -> None:
    assert says in text
    assert [char for char in text if not char.isprintable() and char != "\n"] == []


@pytest.fixture
def neurons(tmp_path):
    about = {"method": f"lape{ACTS}", "parameters": {f"a{ACTS}": ACTS}, "corpus": {"x": ACTS}, "history": [ACTS]}
    made = NeuronSet.from_indices(
        {"zh": {"ffn.act": [[1], [2]]}, "en": {"ffn.act": [[1], []]}}, model=f"m{ACTS}", **about
    )
    return made.save(tmp_path / "a.safetensors")


@pytest.mark.parametrize("command", [("neurons", "show"), ("neurons", "diff"), ("detect", "compare")], ids=" ".join)
def test_headers_of_neuron_sets(command, neurons, monkeypatch):
    files = [neurons] if command[1] == "show" else [neurons, neurons]
    assert_harmless(printed(monkeypatch, *command, *files), "zh" if command[1] != "diff" else "")


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\x1b", "\u2028", "\0"], ids=ascii)
def test_a_label_that_turns_the_text_around_is_refused(mark):
    with pytest.raises(NeuronSetError, match="cannot be a label") as refusal:
        NeuronSet.from_indices({f"zh{mark}": {"ffn.act": [[1]]}})
    assert str(refusal.value).isprintable()


def test_names_and_errors_of_a_store(tmp_path, monkeypatch):
    store = tmp_path / "store"
    result_files.store(store)
    manifest = result_files.manifest()
    manifest["role"] |= {"condition": f"half{ACTS}", "model": f"org/m{ACTS}"}
    (store / "cells" / result_files.CELL / "manifest.json").write_text(json.dumps(manifest))
    (store / "cells" / ("b" * 24)).mkdir()
    (store / "cells" / ("b" * 24) / "failed.json").write_text(json.dumps({**result_files.FAILED, "error": ACTS}))
    (store / "study.json").write_text(json.dumps({"schema": "1.0", "name": f"x{ACTS}"}))
    baseline = tmp_path / "baseline.json"
    assert_harmless(printed(monkeypatch, "check", store, "--baseline", baseline, "--update"), "of 1 cell")
    assert_harmless(printed(monkeypatch, "check", store, "--baseline", baseline), "2 of 2 comparisons")
    assert_harmless(printed(monkeypatch, "leaderboard", "build", store, "--out", tmp_path / "out"), "no name may hold")


def test_answers_of_a_model(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": f"abc {ACTS}", "doc": {"lang": "zh"}}) + "\n")
    assert_harmless(printed(monkeypatch, "fidelity", tmp_path / "a.jsonl"), "expected")
