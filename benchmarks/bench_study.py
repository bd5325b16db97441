"""A study in one process against one ``lm_eval`` command per condition, and what a study adds to its evaluations."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks._models import model_dir, neurons
from benchmarks._ratio import Ratio, ratio, seconds

#: Conditions of the study: the original and 19 random controls.
CONDITIONS = 20
LANGUAGES = ("en", "zh", "fr")
DATASETS = ("demo_summ", "demo_mc")
_TASKS = ",".join(f"lnbench_{dataset}_{language}" for dataset in DATASETS for language in LANGUAGES)
_LIMIT = 10


def run(*, quick: bool) -> list[Ratio]:
    """Whole commands on the embedded model; the overhead on a model where a condition is work."""
    return [_commands(), _overhead(runs=1 if quick else 5)]


def _commands() -> Ratio:
    """The study's command, start-up and all, against 20 times one ``lm_eval`` command, the ablated one."""
    with TemporaryDirectory(prefix="lnbench-bench-") as folder:
        single = _command(_lm_eval(), folder)
        study = _command(["-m", "lnbench", "study", "run", str(_study_file(Path(folder)))], folder)
    found, extra = study / (CONDITIONS * single), study - CONDITIONS * single
    against = f"{CONDITIONS} `lm_eval` commands (1 timed, scaled)"
    what, spread = f"study of {CONDITIONS} conditions, one command", (found, found, found, extra, 1)
    return Ratio(what, against, "<= 0.2", found <= 0.2, *spread)


def _study_file(folder: Path) -> Path:
    file = folder / "study.yaml"
    keys = {
        "name": "bench",
        "model": {"pretrained": "lnbench/demo", "batch_size": 16, "device": "cpu"},
        "neurons": "demo_langs_ffn.safetensors",
        "languages": list(LANGUAGES),
        "ablate": ["zh"],
        "tasks": list(DATASETS),
        "conditions": {"original": {}, "random": {"control": "random", "seeds": CONDITIONS - 1}},
        "repeat_original": False,
        "limit": _LIMIT,
    }
    file.write_text(yaml.safe_dump(keys))
    return file


def _lm_eval() -> list[str]:
    arguments = "mask=demo_langs_ffn.safetensors,lang=zh,control=random"
    line = ["-m", "lm_eval", "--model", "lnbench", "--model_args", arguments, "--tasks", _TASKS, "--limit", str(_LIMIT)]
    return [*line, "--batch_size", "16", "--device", "cpu", "--log_samples", "--output_path", "single"]


def _command(line: list[str], folder: str) -> float:
    """Seconds of a whole process."""
    return seconds(lambda: subprocess.run([sys.executable, *line], check=True, capture_output=True, cwd=folder))


def _overhead(runs: int) -> Ratio:
    """One condition through the study (plan, checks, files on the disk) against its evaluations alone."""
    from lnbench.studies import Progress, Store
    from lnbench.studies._evaluation import evaluate_tasks, quiet
    from lnbench.studies._runner import _Run

    with _session() as (session, folder), quiet(session.lm):
        number = count()
        cells = [(role, cell) for role, cell in session.cells if role.condition.name == "specific"]
        built = {role.task.name: session.tasks[role.task.name].built for role, _ in cells}
        plan = session.plans[cells[0][0].condition]

        def study() -> None:
            store = Store(folder / str(next(number)))
            store.open({"name": "bench"})
            _Run(session, store, Progress()).all(cells)

        def alone() -> None:
            for name, task in built.items():
                evaluate_tasks(session.lm, {name: task}, session.settings)

        session.lm.set_plan(plan)
        return ratio(
            "condition in a study, 60M parameters", "its evaluations alone", "<= 1.05",
            lambda median, _: median <= 1.05, a=study, b=alone, runs=runs,
            after_a=lambda: session.lm.set_plan(plan),
        )  # fmt: skip


@contextmanager
def _session() -> Iterator[tuple[Any, Path]]:
    from transformers import AutoModelForCausalLM

    from lnbench.studies import Study
    from lnbench.studies._model import load_model
    from lnbench.studies._session import Session

    with TemporaryDirectory(prefix="lnbench-bench-") as folder:
        file = neurons(AutoModelForCausalLM.from_pretrained(model_dir())).save(Path(folder) / "set.safetensors")
        keys = {"name": "bench", "languages": ["zh"], "tasks": list(DATASETS), "limit": 16, "neurons": str(file)}
        keys["model"] = {"pretrained": str(model_dir()), "device": "cpu", "dtype": "float32"}
        keys["conditions"] = {"specific": {"op": "zero"}}
        plan = Study.model_validate(keys).plan()
        yield Session.open(plan, load_model(plan.study, plan.neurons), plan.neurons), Path(folder) / "stores"
