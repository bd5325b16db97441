"""A few documents with what the model wrote in each condition, from lm-eval's sample files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lnbench.reporting.leaderboard._schema import BundleSample, Output
from lnbench.reporting.reading import Results, Role, Scores

__all__ = ["pick_samples"]

_Json = Mapping[str, Any]
_LONGEST = 4000


def pick_samples(results: Results, number: int) -> list[BundleSample]:
    """The first documents of each generative task, in the original, one random draw and every other condition.

    Args:
        results: of one model, read from files that are still there.
        number: documents a task; 0 for none.
    """
    if number == 0:
        return []
    roles = list(dict.fromkeys(entry.role for entry in results))
    chosen = _chosen(roles)
    files: dict[str, dict[int, Scores]] = {}
    for entry in results:
        if entry.role in chosen:
            files.setdefault(entry.task, {}).setdefault(roles.index(entry.role), entry)
    return [sample for task, found in files.items() for sample in _of_task(task, found, number)]


def _chosen(roles: Sequence[Role]) -> set[Role]:
    """Every condition once: of a random control its lowest draw."""
    first: dict[tuple[str, str | None, str | None], Role] = {}
    for role in sorted(roles, key=lambda r: (r.repeat, -1 if r.seed is None else r.seed)):
        first.setdefault((role.condition, role.ablated, role.what), role)
    return set(first.values())


def _of_task(task: str, found: Mapping[int, Scores], number: int) -> Iterator[BundleSample]:
    lines = {at: _by_key(entry) for at, entry in found.items()}
    for key in next(iter(found.values())).documents.keys[:number]:
        told = {at: rows[key[:2]] for at, rows in lines.items() if key[:2] in rows}
        outputs = [output for at, row in told.items() if (output := _output(at, row)) is not None]
        if outputs:
            one = next(iter(told.values()))
            yield BundleSample(
                task=task, prompt=_cut(_arguments(one).get("arg_0")), target=_cut(one.get("target")), outputs=outputs
            )


def _by_key(entry: Scores) -> dict[tuple[str, str], _Json]:
    path = _file(entry)
    rows: dict[tuple[str, str], _Json] = {}
    for line in path.read_text(encoding="utf-8").split("\n") if path else []:
        row = json.loads(line) if line.strip() else {}
        rows.setdefault((str(row.get("doc_hash")), str(row.get("target_hash"))), row)
    return rows


def _file(entry: Scores) -> Path | None:
    """The sample file beside a results file: the one of its date."""
    date = entry.source.stem.split("_")[-1]
    near = sorted(entry.source.parent.glob(f"samples_{entry.task}*.jsonl"))
    return next((path for path in near if path.stem in (f"samples_{entry.task}_{date}", f"samples_{entry.task}")), None)


def _output(at: int, row: _Json) -> Output | None:
    """The text of one condition; None where the task asks for no text."""
    filtered = row.get("filtered_resps") or [None]
    if not isinstance(filtered[0], str) or not isinstance(_arguments(row).get("arg_1"), dict):
        return None
    found = row.get("fidelity_found")
    lines = found.get("lines") if isinstance(found, dict) else None
    named = [code if isinstance(code, str) else None for code in lines] if isinstance(lines, list) else None
    return Output(condition=at, text=_cut(filtered[0]), lines=named)


def _arguments(row: _Json) -> _Json:
    """Of the first request: ``arg_0`` is the prompt, ``arg_1`` the settings of a generation, else a continuation."""
    arguments = row.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    return first if isinstance(first, dict) else {}


def _cut(text: Any) -> str:
    """The text without halves of surrogate pairs, cut where it is very long."""
    whole = str(text or "").encode("utf-8", "replace").decode("utf-8")
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]} …"
