"""Started by test_ranks.py through `accelerate launch`: lm-eval's own command in two processes, and what each did.

Each process prints nothing of its own but writes ``rank-N.json``: requests by run, and the plan and place it had.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from lm_eval import tasks
from lm_eval.__main__ import cli_evaluate

from lnbench.harness import LnbenchLM, register

KINDS = ("loglikelihood", "loglikelihood_rolling", "generate_until")
TASKS = "lnbench_demo_summ_zh,lnbench_demo_mc_fr,lnbench_demo_ppl_zh,lnbench_demo_packed_zh"
#: Name of the run -> documents a task, and how the model is made. 5 documents are no equal shares.
RUNS: dict[str, tuple[int, dict[str, Any]]] = {
    "original": (4, {"mask": "demo_langs_ffn.safetensors", "lang": "zh", "spec": "scale:1"}),
    "random": (5, {"mask": "demo_langs_ffn.safetensors", "lang": "zh", "control": "random", "seed": 3}),
    "again": (5, {"mask": "demo_langs_ffn.safetensors", "lang": "zh", "control": "random", "seed": 3}),
}
models: list[LnbenchLM] = []


def watch(asked: Counter[str]) -> None:
    """Count what gets past the caches to the model, and keep the models that are made."""
    for kind in KINDS:
        setattr(LnbenchLM, kind, counted(asked, kind, getattr(LnbenchLM, kind)))
    made = LnbenchLM.__init__
    LnbenchLM.__init__ = lambda self, *a, **k: (made(self, *a, **k), models.append(self))[0]  # type: ignore


def counted(asked: Counter[str], kind: str, plain: Any) -> Any:
    def method(self: Any, requests: list[Any], disable_tqdm: bool = False) -> Any:
        asked[kind] += len(requests)
        return plain(self, requests, disable_tqdm=disable_tqdm)

    return method


def our_tasks_only() -> None:
    """lm-eval's own thousands of task files are not needed here and take seconds to read."""
    plain = tasks.TaskManager.__init__
    folder = str(Path(__file__).parents[2] / "tasks/demo")

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **{**kwargs, "include_defaults": False, "include_path": folder})

    tasks.TaskManager.__init__ = __init__  # type: ignore[method-assign]


def main(folder: Path) -> None:
    asked: Counter[str] = Counter()
    register()
    our_tasks_only()
    watch(asked)
    found = {}
    for name, (limit, arguments) in RUNS.items():
        asked.clear()
        line = ["run", "--model", "lnbench", "--model_args", json.dumps(arguments), "--tasks", TASKS]
        line += ["--limit", str(limit), "--use_cache", str(folder / "cache"), "--log_samples", "--device", "cpu"]
        sys.argv = ["lm_eval", *line, "--output_path", str(folder / name)]
        cli_evaluate()
        lm = models[-1]
        place = {"rank": lm.rank, "world": lm.world_size, "plan": lm.plan and lm.plan.plan_hash}
        found[name] = {"asked": dict(asked), "key": lm.output_key(), "fit": lm.fit.as_json(), **place}
    (folder / f"rank-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
