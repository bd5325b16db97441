"""Where the documents of lnbench's tasks come from; named in task YAML as ``custom_dataset``.

lm-eval calls a loader with the task's ``dataset_kwargs`` and with everything in its metadata, the user's
``--metadata`` and all model arguments among it. So our own keys begin with ``lnbench_`` (``data_dir`` is the one
exception) and all others are ignored.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from lnbench._lazy import lazy
from lnbench.harness._packing import block_of, cut_for
from lnbench.harness.task_data._demo import demo, demo_text
from lnbench.harness.task_data._documents import body
from lnbench.harness.task_data._loading import benchmark, text
from lnbench.harness.task_data._packed import packed, packed_scores
from lnbench.harness.task_data._record import loaded
from lnbench.harness.task_data._survey import Served, survey

if TYPE_CHECKING:
    from lnbench.harness.task_data._shots import Shots

__all__ = [
    "Served",
    "Shots",
    "benchmark",
    "block_of",
    "body",
    "cut_for",
    "demo",
    "demo_text",
    "loaded",
    "packed",
    "packed_scores",
    "survey",
    "text",
]

__getattr__, __dir__ = lazy(__name__, {"Shots": "lnbench.harness.task_data._shots"})


class _Expected(logging.Filter):
    """Drops what lm-eval warns of and is so by design: tasks with a loader, and a group over unlike tasks."""

    _MESSAGES = (
        re.compile(r"lnbench_\w+: Custom kwargs can be passed"),
        re.compile(r"Group 'lnbench_demo': metric '\S+' is missing in"),
    )

    def filter(self, record: logging.LogRecord) -> bool:
        return not any(pattern.match(str(record.msg)) for pattern in self._MESSAGES)


for _name in ("lm_eval.api.task", "lm_eval.api.group"):
    logging.getLogger(_name).addFilter(_Expected())
