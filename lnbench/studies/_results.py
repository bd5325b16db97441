"""A cell's results as lm-eval's own files, written by lm-eval's own writer, and seen to be there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lnbench.errors import OutputError
from lnbench.studies._evaluation import Settings

_Json = dict[str, Any]


@dataclass(frozen=True)
class About:
    """What lm-eval's command adds to the results of ``evaluate``.

    Attributes:
        lm: the model.
        info: its ``get_model_info()`` in the present condition.
        arguments: the model arguments, as in ``--model_args``.
        settings: of the evaluation.
        gen_kwargs: as in ``--gen_kwargs``, None for none.
        started: seconds since the epoch.
    """

    lm: Any
    info: Mapping[str, Any]
    arguments: Mapping[str, Any]
    settings: Settings
    gen_kwargs: Mapping[str, Any] | None
    started: float
    tracker: Any = field(default=None)


def new_tracker(folder: Path) -> Any:
    """lm-eval's writer for a folder; its clock starts now."""
    from lm_eval.loggers import EvaluationTracker

    return EvaluationTracker(output_path=str(folder / "results.json"))  # a .json path: no folder named by the model


def write_results(folder: Path, found: Mapping[str, Any], about: About) -> _Json:
    """Write ``results_*.json`` and one ``samples_*.jsonl`` per task into an empty folder.

    Args:
        folder: the cell's.
        found: what ``evaluate`` returned, samples included; the samples are changed as lm-eval changes them.
        about: everything else.

    Returns:
        ``{"results": file, "samples": {task: file}}``.

    Raises:
        OutputError: lm-eval could not write a file, which it only logs.
    """
    samples = found["samples"]
    content = {key: value for key, value in found.items() if key != "samples"}
    content |= {"config": _config(about), "date": about.started, **_environment(), **_tokenizer(about.lm)}
    _tell(about)
    about.tracker.save_results_aggregated(results=content, samples=samples)
    for task, rows in samples.items():
        about.tracker.save_results_samples(task_name=task, samples=rows)
    return _seen(folder, {task: len(rows) for task, rows in samples.items()})


def _tell(about: About) -> None:
    chat = about.settings.apply_chat_template
    about.tracker.general_config_tracker.log_experiment_args(
        model_source="lnbench",
        model_args={"pretrained": about.lm.model_name},
        system_instruction=about.settings.system_instruction,
        chat_template=about.lm.chat_template(chat) if chat else None,
        fewshot_as_multiturn=about.settings.fewshot_as_multiturn,
    )


def _config(about: About) -> _Json:
    lm, settings = about.lm, about.settings
    return {
        "model": "lnbench",
        "model_args": dict(about.arguments),
        **about.info,
        "batch_size": about.arguments.get("batch_size"),
        "batch_sizes": list(lm.batch_sizes.values()),
        "device": str(lm.device),
        "use_cache": None,
        "limit": settings.limit,
        "bootstrap_iters": 0,
        "gen_kwargs": about.gen_kwargs,
        **{f"{name}_seed": seed for name, seed in settings.seeds.items()},
    }


@cache
def _environment() -> _Json:
    """Half a second of looking around, so once per process."""
    from lm_eval.loggers.utils import add_env_info, get_commit_from_path

    found: _Json = {"git_hash": get_commit_from_path(Path.cwd())}
    add_env_info(found)
    return found


def _tokenizer(lm: Any) -> _Json:
    from lm_eval.loggers.utils import add_tokenizer_info

    found: _Json = {}
    add_tokenizer_info(found, lm)
    return found


def _seen(folder: Path, rows: Mapping[str, int]) -> _Json:
    """The files, read back far enough to know that they are whole."""
    results = next(folder.glob("results_*.json"), None)
    samples = {task: next(folder.glob(f"samples_{task}_*.jsonl"), None) for task in rows}
    for file, whole in ((results, _is_json), *((samples[task], _has_rows(count)) for task, count in rows.items())):
        if file is None or not whole(file):
            raise OutputError(
                f"the results in {str(folder)!r} could not be written whole; free space, or raise the limit on the "
                "size of files (ulimit -f), then run the study again"
            )
    return {"results": results, "samples": samples}


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _has_rows(count: int) -> Any:
    def whole(file: Path) -> bool:
        with file.open("rb") as lines:
            ends = [line.endswith(b"\n") for line in lines]
        return len(ends) == count and all(ends)

    return whole
