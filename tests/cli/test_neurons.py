import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lnbench.cli.neurons import app
from lnbench.errors import NeuronFileError
from lnbench.neurons import NeuronSet, counted, histogram, summary, summary_text
from lnbench.neurons.hub._card import card_section
from tests.neurons.conftest import full_set


@pytest.fixture
def path(tmp_path):
    return full_set().save(tmp_path / "set.pt")


def show(*arguments):
    result = CliRunner().invoke(app, ["show", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def command(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", "from lnbench.cli import main; main()", "neurons", "show", *map(str, arguments)],
        capture_output=True, encoding="utf-8", errors="replace", check=False, env=os.environ | environment,
    )  # fmt: skip


def test_json_says_all(path):
    made, data = full_set(), json.loads(show(path, "--json").stdout)
    assert data["path"] == str(path) and data["format"] == "pt"
    assert data["content_hash"] == made.content_hash and data["neurons"] == 5
    assert (data["languages"], data["sites"], data["layers"]) == (["zh", "fr"], ["ffn.act", "attn.q"], 3)
    assert data["header"] == made.header.to_json()
    assert data["counts"] == {
        "language": {"zh": 3, "fr": 2},
        "site": {"ffn.act": 4, "attn.q": 1},
        "layer": [2, 1, 2],
        "language_site": {"zh": {"ffn.act": 2, "attn.q": 1}, "fr": {"ffn.act": 2, "attn.q": 0}},
        "language_layer": {"zh": [1, 1, 1], "fr": [1, 0, 1]},
    }
    assert data["scores"] is True and data["frequency"] == ["ffn.act"]
    assert data["statistics"] == {"kinds": ["diff", "mean"], "languages": ["zh", "fr", "en"]}


def test_text_says_the_same(path):
    text = show(path).stdout
    lines = [line.split() for line in text.splitlines()]
    for line in (
        ["file", str(path), "(pt)"],
        ["neurons", "5", "in", "3", "layers"],
        ["content", "hash", full_set().content_hash],
        ["model", "org/tiny", "@", "abc"],
        ["method", "lape", "rate=0.01"],
        ["statistics", "of", "all", "tokens:", "diff,", "mean"],
        ["on", "text", "in", "zh,", "fr,", "en"],
        ["language", "ffn.act", "attn.q", "all"],
        ["zh", "2", "1", "3"],
        ["fr", "2", "0", "2"],
        ["all", "4", "1", "5"],
        ["layer", "1", "1", "█" * 20],
        ["layer", "2", "2", "█" * 40],
    ):
        assert line in lines


def test_a_name_is_resolved_and_the_file_told(path, monkeypatch):
    monkeypatch.setenv("LNBENCH_NEURON_SETS", str(path.parent))
    assert json.loads(show("set.pt", "--json").stdout)["path"] == str(path)


def test_a_bare_set(tmp_path):
    bare = NeuronSet.from_indices({"culture:da": {}}).save(tmp_path / "bare.safetensors")
    assert "0 in 0 layers" in show(bare).stdout
    assert json.loads(show(bare, "--json").stdout)["counts"]["layer"] == []


def test_a_missing_file_is_refused():
    with pytest.raises(NeuronFileError, match=r"no neuron set 'zh_fn\.pt'"):
        show("zh_fn.pt")


def test_the_real_command_ends_with_one_sentence(tmp_path):
    (tmp_path / "page.pt").write_text("<html>" * 9)
    for name in ("nothing-there.pt", tmp_path / "page.pt", tmp_path):
        done = command(name, "--json")
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and str(name) in done.stderr


def test_terminals_without_blocks_get_plain_bars(path):
    done = command(path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert f"layer 2 2 {'#' * 40}" in done.stdout.splitlines()


def test_labels_that_the_terminal_lacks_do_not_break_it(tmp_path):
    made = NeuronSet.from_indices({"中文": {"ffn.act": [[1]]}}).save(tmp_path / "set.safetensors")
    done = command(made, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "??" in done.stdout
    assert json.loads(command(made, "--json", PYTHONIOENCODING="ascii").stdout)["languages"] == ["中文"]


def test_a_header_cannot_command_the_terminal(tmp_path):
    made = NeuronSet.from_indices({"zh": {}}, method="\x1b[2J\x07", history=["a\nneurons 99"])
    text = show(made.save(tmp_path / "set.safetensors")).stdout
    assert "\x1b" not in text and "\x07" not in text and r"\x1b[2J\x07" in text and r"a\nneurons 99" in text


def test_looking_at_safetensors_needs_no_torch(tmp_path):
    path = full_set().save(tmp_path / "set.safetensors")
    code = "import sys; sys.modules['torch'] = None; from lnbench.cli.neurons import app; app()"
    subprocess.run([sys.executable, "-c", code, "show", path], check=True, capture_output=True)


def test_histogram_bars_are_in_proportion():
    assert histogram([0, 1, 8, 4]) == ["layer 0 0", "layer 1 1 █████", f"layer 2 8 {'█' * 40}", f"layer 3 4 {'█' * 20}"]
    assert histogram([1, 1000])[0] == "layer 0    1 ▏"
    assert histogram([]) == []
    assert histogram([0]) == ["layer 0 0"]


def test_many_layers_are_grouped():
    lines = histogram([1] * 100)
    assert len(lines) == 34 and lines[0].startswith("layer   0-2 3 ") and lines[-1].startswith("layer    99 1 ")


def test_headers_are_shown_in_lines_and_not_as_dicts(tmp_path):
    parameters = {"rate": 0.01, "tokens": [3, 4], "measured": {"dtype": "float32", "seed": 0}}
    corpus = {"sha256": "ab" * 32, "documents": {"zh": 2}, "sources": {f"l{i}": "x" * 50 for i in range(90)}}
    made = NeuronSet.from_indices({"zh": {}}, method="lape", parameters=parameters, corpus=corpus)
    lines = show(made.save(tmp_path / "set.safetensors")).stdout.splitlines()
    assert "method       lape rate=0.01" in lines
    assert "             measured: dtype float32, seed 0" in lines and "             tokens: 3, 4" in lines
    assert "corpus       sha256=abababababab" in lines and "             documents: zh 2" in lines
    assert "             sources:" in lines and f"               l0   {'x' * 50}" in lines
    assert "               and 82 more" in lines, "of many texts by name the first stand one below the other"
    assert all(len(line) <= 120 and "{" not in line for line in lines if "hash" not in line and "file" not in line[:5])
    assert sum("xxx" in line for line in lines) == 8
    card = card_section("org/sets", "set.safetensors", made)
    assert "`measured: dtype float32, seed 0`" in card and "`tokens: 3, 4`" in card and "{'" not in card


def test_one_is_one():
    assert [counted(number) for number in (0, 1, 2)] == ["0 neurons", "1 neuron", "2 neurons"]
    one = NeuronSet.from_indices({"zh": {"ffn.act": [[3]]}})
    assert "1 neuron of zh" in repr(one) and "1 in 1 layer\n" in summary_text(summary(one))
