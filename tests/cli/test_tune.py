"""``lnbench tune``: what it prints, writes and refuses."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from lnbench._data import demo_model_dir
from lnbench.cli.tune import app
from lnbench.errors import LnbenchError
from lnbench.models import delta_header
from tests.harness.conftest import mask, neurons, tiny_model  # noqa: F401 - fixtures


def run(*given):
    result = CliRunner().invoke(app, [str(argument) for argument in given])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "zh.txt"
    path.write_text("".join(f"day {n} and {n + 1} go by\n" for n in range(14)), encoding="utf-8")
    return path


@pytest.fixture
def usual(tiny_model, mask, corpus, tmp_path):  # noqa: F811
    given = {
        "--model": tiny_model,
        "--dtype": "float32",
        "--device": "cpu",
        "--threads": 1,
        "--mask": mask,
        "--corpus": f"zh={corpus}",
        "--documents": "4",
        "--seeds": 2,
        "--conditions": "specific+random",
        "--epochs": 1,
        "--batch-size": 4,
        "--points": 1,
        "--max-length": 32,
        "--out": tmp_path / "new" / "tuned",
    }
    return lambda **changes: [
        word
        for name, value in (given | {f"--{key.replace('_', '-')}": v for key, v in changes.items()}).items()
        for word in (name, value)
        if value is not None
    ]


def test_it_tunes_writes_and_goes_on(usual, tmp_path):
    out = tmp_path / "new" / "tuned"
    printed = run(*usual()).stdout
    deltas = [f"zh-{c}-4-seed{s}.safetensors" for c in ("random", "specific") for s in (0, 1)]
    assert sorted(path.name for path in out.iterdir()) == sorted([*deltas, "tuning.json", "tuning.png"])
    for word in ("zh: specific less random", "original", "95 % t-interval over 2 seeds", "Only the rows and columns"):
        assert word in printed
    found = json.loads((out / "tuning.json").read_text(encoding="utf-8"))
    assert len(found["runs"]) == 4 and found["held_out"] == {
        "zh": {"documents": 10, "bytes": found["held_out"]["zh"]["bytes"]}
    }
    header = delta_header(out / "zh-specific-4-seed1.safetensors")
    assert header["neurons"]["count"] == 11 and header["seed"] == 1 and header["language"] == "zh"
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
    assert run(*usual()).stdout == printed
    assert before == {path.name: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"conditions": "specific+best"}, "unknown condition 'best'"),
        ({"documents": "4+x"}, "documents cannot be 'x'"),
        ({"documents": "400"}, "has 14 documents and 400 were asked for"),
        ({"documents": "14"}, "none is left to measure on"),
        ({"lang": "fr"}, "contradict each other"),
        ({"corpus": "no-label.txt"}, "names no language"),
        ({"corpus": "sw=no.txt"}, "has no language 'sw'"),
        ({"mask": "no_such_set.pt"}, "no_such_set"),
        ({"epochs": 0}, "epochs cannot be 0"),
        ({"schedule": "wild"}, "unknown schedule"),
        ({"device": "cuda:1"}, "CUDA_VISIBLE_DEVICES"),
        ({"dtype": "int8"}, "unknown dtype"),
        ({"held_out": "en=en.txt"}, "and not 'zh', which is tuned"),
        ({"sites": "attn.q"}, "attn.q"),
        ({"layers": "first:9"}, "layers"),
        ({"out": "/proc/none"}, "--out"),
        ({"model": "no/such-model"}, "cannot be loaded"),
        ({"max_length": 4096}, "positions"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_refusals_in_one_sentence(usual, tmp_path, changes, sentence):
    with pytest.raises(LnbenchError, match=sentence) as refused:
        run(*usual(**changes))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "new").exists()


def test_arguments_are_refused_before_torch_is_loaded(usual):
    words = [str(word) for word in usual(conditions="none")]
    code = (
        "import sys, lnbench.cli.tune as t\n"
        "from typer.testing import CliRunner\n"
        f"found = CliRunner().invoke(t.app, {words!r})\n"
        "print(found.exception, 'torch' in sys.modules, 'transformers' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "unknown condition 'none'" in done.stdout and done.stdout.endswith("False False\n")


@pytest.mark.skipif(not (demo_model_dir() / "model.safetensors").exists(), reason="no weights in this checkout")
def test_the_embedded_model_is_said_to_be_an_instrument(tmp_path):
    text = demo_model_dir().parent / "text" / "detection" / "sw.txt"
    printed = run(
        *("--model", "lnbench/demo", "--mask", "demo_langs_ffn.safetensors", "--corpus", f"sw={text}"),
        *("--document", "blank-line", "--documents", 8, "--conditions", "specific", "--seeds", 1, "--epochs", 1),
        *("--points", 1, "--held-out-documents", 5, "--max-length", 128, "--threads", 1, "--out", tmp_path / "out"),
    ).stdout
    assert "planted positive control" in printed
