"""The long commands, small: what each is called with, and what of its output must be the same after a fault."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lnbench._data import packaged

_TEXT = packaged("neuron_sets") / "demo" / "text" / "detection"
#: What another run writes differently, and may: times, and the order in which memory was measured.
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+-]+|in \d+ s")


@dataclass(frozen=True)
class Command:
    """A command that works for long.

    Attributes:
        name: in the table.
        argv: of every process that a run of it takes, in its working folder ``out`` is where it writes.
        result: what must be the same, of a working folder in which it has ended well.
        kept: finished parts, which a run that goes on must not touch: a glob below the folder.
        inputs: makes the input files in the working folder.
        passes: whether it runs a model.
        foreign: it is somebody else's, with a model of ours: signals end it at once, and what cannot be saved it logs.
    """

    name: str
    argv: Sequence[Sequence[str]]
    result: Callable[[Path], Any]
    kept: str = ""
    inputs: Callable[[Path], None] = lambda folder: None
    passes: bool = True
    foreign: bool = False


def sha256(path: Path) -> str:
    """Of a file's bytes, hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(*patterns: str) -> Callable[[Path], Any]:
    """The bytes of all files that match."""

    def read(folder: Path) -> Any:
        found = sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
        return {str(path.relative_to(folder)): sha256(path) for path in found}

    return read


def _texts(*patterns: str) -> Callable[[Path], Any]:
    """The same of text files, without times."""

    def read(folder: Path) -> Any:
        found = sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
        return {str(p.relative_to(folder)): _TIMES.sub("", p.read_text(encoding="utf-8")) for p in found}

    return read


def _cells(folder: Path) -> Any:
    """Every value and every sample of a store, by cell."""
    found = {}
    for manifest in sorted(folder.glob("out/cells/*/manifest.json")):
        content = json.loads(manifest.read_text(encoding="utf-8"))
        results = json.loads((manifest.parent / content["files"]["results"][0]).read_text(encoding="utf-8"))
        samples = {task: one[1] for task, one in content["files"]["samples"].items()}
        found[manifest.parent.name] = [results["results"], samples, content["role"]]
    return found


def _lm_eval(folder: Path) -> Any:
    """Values and answers of lm-eval's own output, the last run's."""
    results = sorted(folder.glob("out/*/results_*.json"))[-1]
    samples = sorted(folder.glob("out/*/samples_*.jsonl"))[-1]
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    return [json.loads(results.read_text(encoding="utf-8"))["results"], sorted(map(json.dumps, rows))]


def _corpora(*languages: str) -> list[str]:
    return [word for code in languages for word in ("--corpus", f"{code}={_TEXT / code}.txt")]


STUDY = """name: small
model: {pretrained: lnbench/demo, batch_size: 16, device: cpu, threads: 1}
neurons: demo_langs_ffn.safetensors
languages: [zh]
tasks: [demo_summ, demo_mc]
conditions:
  original: {}
  random: {control: random, seeds: 1}
  specific: {op: zero}
repeat_original: false
limit: 2
"""

DETECTING = (
    STUDY.replace("neurons: demo_langs_ffn.safetensors\n", "")
    + f"""detect:
  method: lape
  corpora: {{en: {_TEXT}/en.txt, zh: {_TEXT}/zh.txt, fr: {_TEXT}/fr.txt}}
  documents: 60
  document: blank-line
"""
)


def _study(text: str = STUDY) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        (folder / "study.yaml").write_text(text, encoding="utf-8")

    return made


_DETECT = ["--model", "lnbench/demo", "--dtype", "float32", "--document", "blank-line"]
_LAPE = ["lnbench", "detect", "lape", *_DETECT, *_corpora("en", "zh", "fr"), "--tokens", "3k", "--max-length", "128"]
_PLND = ["lnbench", "detect", "plnd", *_DETECT, *_corpora("en", "zh"), "--documents", "20", "--form", "fast"]
_PLND += ["--top-k", "20"]
_AP = ["lnbench", "detect", "ap", *_DETECT, *_corpora("en", "zh"), "--documents", "66"]
_STATS = ["lnbench", "neurons", "stats", "zh_ffn.pt", "--replace", *_DETECT, *_corpora("en", "zh"), "--documents", "66"]
_TUNE = [
    *["lnbench", "tune", "--model", "lnbench/demo", "--dtype", "float32", "--device", "cpu", "--threads", "1"],
    *["--mask", "zh_ffn.pt", "--corpus", f"zh={_TEXT / 'zh'}.txt", "--documents", "8", "--seeds", "1"],
    *["--epochs", "1", "--batch-size", "4", "--points", "1", "--max-length", "64", "--held-out-documents", "4"],
]
_EVAL = ["--model", "lnbench", "--model_args", "mask=zh_ffn.pt", "--tasks", "lnbench_demo_summ_zh", "--limit", "4"]
_EVAL += ["--device", "cpu", "--batch_size", "2", "--output_path", "out", "--log_samples", "--use_cache", "out/answers"]
_PAPER = ["lnbench", "paper", "lape", "--model", "lnbench/demo", "--limit", "2", "--seeds", "2", "--languages", "en+zh"]
_RUN = ["lnbench", "study", "run", "study.yaml", "--out", "out"]


def commands(store: Path) -> dict[str, Command]:
    """All of them, by name.

    Args:
        store: of a finished study, for those that read results.
    """
    demo = ["lnbench", "demo", "--limit", "1", "--seeds", "1", "--ablate", "zh"]
    listed = [
        Command("demo", [[*demo, "--json", "out/rows.json", "--plot", "out/matrix.png"]], _files("out/*")),
        Command(
            "detect lape",
            [[*_LAPE, "--out", "out/set.safetensors", "--stats-out", "out/stats.safetensors"]],
            _files("out/*.safetensors"),
            kept="out/*.shards/*.shard",
        ),
        Command(
            "detect plnd",
            [[*_PLND, "--out", "out/set.safetensors", "--stats-out", "out/scores"]],
            _files("out/**/*"),
            kept="out/scores/*.shard",
        ),
        Command(
            "detect ap", [[*_AP, "--out", "out/set.safetensors"]], _files("out/*"), kept="out/*.shards/*.shard"
        ),
        Command(
            "neurons stats",
            [[*_STATS, "--out", "out/set.safetensors", "--stats-out", "out/stats.safetensors"]],
            _files("out/*.safetensors"),
            kept="out/*.shards/*.shard",
        ),
        Command("study run", [_RUN], _cells, kept="out/cells/*/manifest.json", inputs=_study()),
        Command(
            "study run --shard",
            [[*_RUN, "--shard", "1/2"], [*_RUN, "--shard", "2/2"]],
            _cells,
            kept="out/cells/*/manifest.json",
            inputs=_study(),
        ),
        Command(
            "study run with detect:", [_RUN], _cells, kept="out/cells/*/manifest.json", inputs=_study(DETECTING)
        ),
        Command("tune", [[*_TUNE, "--out", "out"]], _files("out/*.*"), kept="out/*.safetensors"),
        Command(
            "leaderboard build",
            [["lnbench", "leaderboard", "build", str(store), "--out", "out"]],
            _files("out/**/*"),
            passes=False,
        ),
        Command(
            "leaderboard add",
            [["lnbench", "leaderboard", "add", str(store), "--to", "out", "--name", "one"]],
            _files("out/**/*"),
            passes=False,
        ),
        Command(
            "check --update",
            [["lnbench", "check", str(store), "--baseline", "out/baseline.json", "--update", "--junit", "out/j.xml"]],
            _files("out/*"),
            passes=False,
        ),
        Command(
            "export",
            [["lnbench", "export", "--mask", "zh_ffn.pt", "--out", "out/model", "--copy"]],
            _files("out/model/*.safetensors", "out/model/*.json", "out/.*"),
            passes=False,
        ),
        Command(
            "lens",
            [["lnbench", "lens", "--model", "lnbench/demo", "--documents", "2", "--new-tokens", "4", "--out", "out"]],
            _files("out/*"),
        ),
        Command("paper lape", [[*_PAPER, "--out", "out"]], _texts("out/report.md", "out/report.json"),
                kept="out/work/*/cells/*/manifest.json"),
        Command("eval --use_cache", [["lnbench", "eval", *_EVAL]], _lm_eval),
        Command("lm_eval --use_cache", [["lm_eval", *_EVAL]], _lm_eval, foreign=True),
    ]  # fmt: skip
    return {command.name: command for command in listed}
