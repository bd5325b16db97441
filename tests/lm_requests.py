"""A request as lm-eval hands it to a model, made on every version of lm-eval that lnbench runs with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lm_eval.api.instance import Instance

#: 0.5 takes the task and the document's number by name; before, they are the first two of the metadata.
_BY_NAME = any(field.name == "target" for field in fields(Instance))


def lm_request(
    kind: str, arguments: tuple[Any, ...], idx: int = 0, doc: Mapping[str, Any] | None = None, task: str = "lnbench_x"
) -> Instance:
    """The request ``idx`` of a task, which is on the document of that number."""
    if _BY_NAME:
        return Instance(kind, doc or {}, arguments, task, doc_id=idx)
    return Instance(kind, doc or {}, arguments, 0, metadata=(task, idx, 1))
