"""What is written down beside a cell: versions, device, time; and what went wrong."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lnbench import __version__
from lnbench._faults import sentence
from lnbench.errors import LnbenchError

if TYPE_CHECKING:
    from lnbench.models import Plan
    from lnbench.studies._plan import StudyPlan

#: Lines of a traceback that are kept.
TRACE_LINES = 20


class Started:
    """A moment: what the clock says, and a clock that nobody sets back, both in seconds."""

    def __init__(self) -> None:
        self.clock, self.steady = time.time(), time.monotonic()


def recorded(started: Started) -> dict[str, Any]:
    """Library versions, when a cell was started (ISO 8601, UTC) and how many seconds it took."""
    when = datetime.fromtimestamp(started.clock, timezone.utc).isoformat(timespec="microseconds")
    return {**_versions(), "started": when, "seconds": round(time.monotonic() - started.steady, 3)}


@cache
def _versions() -> dict[str, str]:
    return {"lnbench": __version__, **{name: version(name) for name in ("lm_eval", "torch", "transformers")}}


def about_model(lm: Any, plan: Plan | None) -> dict[str, Any]:
    """Device, CPU threads, batch size, engine and neurons of a model in its present condition."""
    import torch

    return {
        "device": str(lm.device),
        "threads": torch.get_num_threads(),
        "batch_size": lm.batch_size,
        "engine": lm.engine,
        "neurons": 0 if plan is None else plan.neurons,
        "plan_hash": None if plan is None else plan.plan_hash,
        "neuron_set": None if lm.neurons is None else lm.neurons.content_hash,
        **({} if lm.tuned.delta is None else {"delta": lm.tuned.delta.content_hash}),
    }


def about_failure(error: Exception) -> dict[str, Any]:
    """The error in one sentence, and where it came from unless it is a refusal."""
    if isinstance(error, LnbenchError):
        return {"error": str(error)}
    told = sentence(error)
    told = f"{type(error).__name__}: {_first_line(error)}".rstrip(": ") if told is None else told
    lines = traceback.format_exc().splitlines()[-TRACE_LINES:]
    return {"error": told, "traceback": lines}


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]


def about_study(plan: StudyPlan) -> dict[str, Any]:
    """For ``study.json``: the study as it was read, and the cells that no run will fill."""
    content: Mapping[str, Any] = plan.study.model_dump(mode="json", exclude_none=True)
    missing = [{"dataset": gap.dataset, "language": gap.language} for gap in plan.missing]
    absent = [{"condition": label, "sites": list(sites)} for label, sites in plan.absent.items()]
    about = {"name": plan.study.name, "lnbench": __version__, "study": content, "missing": missing}
    return {**about, "absent": absent} if absent else about
