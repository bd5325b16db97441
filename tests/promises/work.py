"""What is done in processes of their own: neurons are found, a study is run, its tables are built, all on local files.

``python -m tests.promises.work OUT THREADS BATCH [THREADS BATCH ...]``: once for each pair, in ``OUT/THREADS-BATCH``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
import yaml
from typer.testing import CliRunner

from lnbench._data import demo_model_dir, packaged
from lnbench.cli import app
from tests.promises import network

LANGUAGES = ("en", "zh", "fr")
#: A folder that could as well be somebody's repository on the hub.
MODEL = "models/mine"
TEXT = packaged("neuron_sets") / "demo" / "text" / "detection"


def command(*line: object) -> None:
    ended = CliRunner().invoke(app, [str(part) for part in line])
    if ended.exit_code:
        raise RuntimeError(f"{line}: {ended.output[-500:]}") from ended.exception


def detect(batch: int) -> None:
    corpora = [part for code in LANGUAGES for part in ("--corpus", f"{code}={TEXT / code}.txt")]
    common = ["--model", MODEL, "--dtype", "float32", "--device", "cpu", *corpora, "--document", "blank-line"]
    lape = ["--tokens", "1500", "--order", "shuffled", "--sites", "ffn,attn.q", "--batch-size", batch]
    keep = ["--top-rate", "0.05", "--out", "lape.safetensors", "--stats-out", "statistics.safetensors"]
    command("detect", "lape", *common, *lape, *keep)
    plnd = ["--documents", "8", "--top-k", "20", "--sites", "ffn.hidden,attn.q,attn.v", "--form", "fast"]
    command("detect", "plnd", *common, *plnd, "--consistency", "0.8", "--remove", "shared", "--out", "plnd.safetensors")


def study(threads: int, batch: int) -> None:
    keys = {
        "name": "small",
        "model": {"pretrained": MODEL, "dtype": "float32", "batch_size": batch, "device": "cpu", "threads": threads},
        "neurons": "lape.safetensors",
        "languages": ["zh", "fr"],
        "tasks": ["demo_summ", "demo_mc"],
        "conditions": {"original": {}, "random": {"control": "random", "seeds": 2}, "specific": {"op": "zero"}},
        "limit": 4,
    }
    Path("study.yaml").write_text(yaml.safe_dump(keys), encoding="utf-8")
    command("study", "run", "study.yaml", "--out", "results")
    command("leaderboard", "build", "results", "--out", "board")


def main(out: Path, pairs: list[tuple[int, int]]) -> None:
    sys.addaudithook(network.hear)
    for threads, batch in pairs:
        folder = out / f"{threads}-{batch}"
        (folder / "models").mkdir(parents=True)
        (folder / MODEL).symlink_to(demo_model_dir())
        os.chdir(folder)
        torch.set_num_threads(threads)
        detect(batch)
        study(threads, batch)
    (out / "asked.json").write_text(json.dumps(network.asked), encoding="utf-8")


if __name__ == "__main__":
    numbers = [int(part) for part in sys.argv[2:]]
    main(Path(sys.argv[1]).resolve(), list(zip(numbers[::2], numbers[1::2])))
