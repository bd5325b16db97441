"""``lnbench lens``: what it prints, writes and refuses."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lnbench._data import demo_model_dir
from lnbench.cli.lens import app
from lnbench.errors import (
    DataError,
    LnbenchError,
    ModelArgumentError,
    NeuronFileError,
    OutputError,
    SpecError,
    UnknownLanguageError,
)

needs_weights = pytest.mark.skipif(
    not (demo_model_dir() / "model.safetensors").exists(), reason="the demo model's weights are not in this checkout"
)


def run(*given):
    result = CliRunner().invoke(app, [str(argument) for argument in given])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@needs_weights
def test_the_embedded_model_needs_no_prompts(tmp_path):
    out = tmp_path / "new"
    printed = run("--model", "lnbench/demo", "--documents", 2, "--new-tokens", 3, "--out", out).stdout
    assert "planted positive control" in printed
    assert sorted(path.name for path in out.iterdir()) == ["lens-areas.png", "lens-heat.png", "lens.json"]
    (lens,) = json.loads((out / "lens.json").read_text(encoding="utf-8"))["lenses"]
    assert lens["model"] == "lnbench/demo" and lens["condition"] == "original"
    assert list(lens["languages"]) == ["en", "zh", "fr", "es", "de", "ru", "sw"] == lens["judge"]["candidates"]
    for language, found in lens["languages"].items():
        assert found["documents"] == 2 and f"{language}, original:" in printed
        for part in ("prompt", "generated"):
            assert [row["layer"] for row in found[part]["layers"]] == ["embeddings", "0", "1", "2", "3"]
            for row in found[part]["layers"]:
                assert sum(row["shares"].values()) == pytest.approx(1, abs=1e-5)
                assert sum(row["labels"].values()) == pytest.approx(1, abs=1e-5)
    # what a language of its own script is read as, the judge cannot miss
    assert lens["languages"]["zh"]["text"]["prompt"]["layers"][0]["shares"]["own"] > 0.6


@needs_weights
def test_an_ablated_model_stands_beside_the_original(tmp_path):
    (tmp_path / "zh.txt").write_text("大卫在家。\n今天是星期三。\n", encoding="utf-8")
    numbers, areas, heat = tmp_path / "n.json", tmp_path / "a.png", tmp_path / "h.png"
    prompts = ("--prompts", f"zh={tmp_path / 'zh.txt'}", "--candidates", "fr+ru", "--new-tokens", 4)
    files = ("--json", numbers, "--plot", areas, "--heatmap", heat)
    printed = run("--model", "lnbench/demo", *prompts, "--mask", "zh_ffn.pt", *files).stdout
    original, ablated = json.loads(numbers.read_text(encoding="utf-8"))["lenses"]
    assert original["condition"] == "original" and "zh" in ablated["condition"]
    assert ablated["condition"] in printed and original["judge"]["candidates"] == ["en", "zh", "fr", "ru"]
    first, last = (each["languages"]["zh"]["prompt"]["layers"] for each in (original, ablated))
    assert first[0] == last[0]  # nothing is ablated before the first layer
    assert last[-1]["shares"]["own"] < first[-1]["shares"]["own"]
    assert areas.read_bytes()[:4] == heat.read_bytes()[:4] == b"\x89PNG"


def refusals(folder):
    (folder / "zh.txt").write_text("水\n", encoding="utf-8")
    (folder / "empty.txt").write_text("\n", encoding="utf-8")
    zh = ("--prompts", f"zh={folder / 'zh.txt'}")
    demo = ("--model", "lnbench/demo")
    return {
        "no prompts": (("--model", "other"), SpecError, "no prompts of its own"),
        "no language": ((*demo, "--prompts", "zh.txt"), SpecError, "names no language"),
        "unknown language": ((*demo, "--prompts", "xx=x.txt"), UnknownLanguageError, "xx"),
        "twice": ((*demo, *zh, *zh), SpecError, "twice"),
        "no file": ((*demo, "--prompts", "zh=none.txt"), DataError, "none.txt"),
        "no text": ((*demo, "--prompts", f"zh={folder / 'empty.txt'}"), DataError, "empty.txt"),
        "candidate": ((*demo, *zh, "--candidates", "xx"), UnknownLanguageError, "xx"),
        "weight": ((*demo, *zh, "--weight", "all"), SpecError, "'all'"),
        "spec alone": ((*demo, *zh, "--spec", "zero"), SpecError, "no --mask"),
        "mask": ((*demo, *zh, "--mask", "nowhere.pt"), NeuronFileError, "nowhere.pt"),
        "spec": ((*demo, *zh, "--mask", "zh_ffn.pt", "--spec", "nil"), SpecError, "nil"),
        "device": ((*demo, *zh, "--device", "nowhere"), ModelArgumentError, "nowhere"),
        "json": ((*demo, *zh, "--json", folder / "no" / "a.json"), OutputError, "no folder"),
        "plot": ((*demo, *zh, "--plot", folder / "a.pdf"), OutputError, "PNG"),
        "one picture": ((*demo, *zh, "--plot", folder / "a.png", "--heatmap", folder / "a.png"), OutputError, "two"),
        "out": ((*demo, *zh, "--out", folder / "zh.txt"), OutputError, "zh.txt"),
    }


CASES = (
    *("no prompts", "no language", "unknown language", "twice", "no file", "no text", "candidate", "weight"),
    *("spec alone", "mask", "spec", "device", "json", "plot", "one picture", "out"),
)


def test_every_refusal_is_tried(tmp_path):
    assert set(refusals(tmp_path)) == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_before_a_model_is_loaded(case, tmp_path, monkeypatch):
    import lnbench.models

    monkeypatch.setattr(lnbench.models, "load_model", lambda *_, **__: pytest.fail("a model was loaded"))
    given, kind, word = refusals(tmp_path)[case]
    with pytest.raises(kind, match=word) as caught:
        run(*given)
    assert isinstance(caught.value, LnbenchError) and "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.txt", "zh.txt"]


@needs_weights
def test_a_language_that_the_set_lacks_is_refused(tmp_path):
    (tmp_path / "zh.txt").write_text("水\n", encoding="utf-8")
    with pytest.raises(LnbenchError, match="fr"):
        run("--model", "lnbench/demo", "--prompts", f"zh={tmp_path / 'zh.txt'}", "--mask", "zh_ffn.pt", "--lang", "fr")


def test_help_needs_no_torch():
    program = (
        "import sys; sys.argv = ['lnbench', 'lens', '--help']\n"
        "from lnbench.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "--top-k" in shown.stdout
