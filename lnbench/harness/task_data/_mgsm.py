"""MGSM: 250 word problems in eleven languages, and eight worked examples in each.

Upstream publishes ``mgsm_zh.tsv`` (``question<TAB>answer``, no header, the answer a number with thousands commas) and
``exemplars.py``, of which ``exemplars.json`` holds the same values. The hub has both as columns ``question``,
``answer`` (the worked answer, of examples only), ``answer_number``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lnbench.errors import DataError
from lnbench.harness.task_data._reading import Raw, field, json_file, refuse, tab_lines, text_of
from lnbench.harness.task_data._sources import Benchmark, Files, Row

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
#: ``Question: ``, ``Réponse étape par étape : ``, ``逐步解答：``: what the published examples begin with.
_LABEL = re.compile(r"\A[^:：]{1,40}[:：]\s*")
_EXAMPLES = "MGSM_EXEMPLARS"
_ANSWERS = "EXEMPLAR_NUMBER_ANSWERS"


def _row(raw: Raw) -> Row:
    where, columns = raw
    number = int(where.rsplit(" ", 1)[1])
    return {"id": str(number), "question": field(raw, "question"), "answer": _answer(where, columns)}


def _shot(raw: Raw) -> Row:
    """An example: the question and the worked answer without their published labels."""
    return {
        **_row(raw),
        "question": _LABEL.sub("", field(raw, "question"), count=1),
        "steps": _LABEL.sub("", field(raw, "answer"), count=1),
    }


def _answer(where: str, columns: Mapping[str, Any]) -> str:
    """The number, as digits without commas."""
    digits = str(columns.get("answer_number", "")).strip().replace(",", "")
    if not _NUMBER.fullmatch(digits):
        raise refuse(where, f"the answer {columns.get('answer_number')!r} is no number")
    return digits.removesuffix(".0")


def _find(folder: Path, name: str) -> Files | None:
    path = folder / f"mgsm_{name}.tsv"
    if not path.is_file():
        return None
    return Files(str(path), tab_lines(path, ("question", "answer_number")), _examples(folder, name))


def _examples(folder: Path, name: str) -> Iterator[Raw]:
    """The published examples of a language, in their order; none without their file."""
    path = next((folder / f for f in ("exemplars.json", "exemplars.py") if (folder / f).is_file()), None)
    if path is None:
        return
    published = json_file(path) if path.suffix == ".json" else _assignments(path)
    try:
        examples = published[_EXAMPLES][name]
        for number, (key, answer) in enumerate(zip(sorted(examples, key=int), published[_ANSWERS], strict=True), 1):
            row = {"question": examples[key]["q"], "answer": examples[key]["a"], "answer_number": answer}
            yield f"{path}, {name}, example {number}", row
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        wanted = f"{_EXAMPLES}[{name!r}] (eight of q and a) and {_ANSWERS}"
        raise DataError(f"{path} does not hold {wanted} as published; fetch it again") from error


def _assignments(path: Path) -> dict[str, Any]:
    """The literal values that a Python file assigns to names; nothing in it is run."""
    try:
        tree = ast.parse(text_of(path))
        return {
            statement.targets[0].id: ast.literal_eval(statement.value)
            for statement in tree.body
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        }
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:  # deep brackets
        raise DataError(f"{path} holds something else than published examples; fetch it again") from error


MGSM = Benchmark(
    name="mgsm",
    title="MGSM",
    folders=("mgsm",),
    expects="mgsm_{name}.tsv",
    find=_find,
    row=_row,
    shot=_shot,
    repository="juletxara/mgsm",
    split="test",
    shots_split="train",
    size=250,
)
