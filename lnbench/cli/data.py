"""``lnbench data``: look at a folder of published data."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lnbench.harness.task_data import Served

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

_CHECKSUM = 12


@app.callback()
def data() -> None:
    """Look at a folder of published data."""


@app.command()
def check(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="What LNBENCH_DATA or --metadata data_dir= would name.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print plain JSON, every data set and language.")] = False,
) -> None:
    """Say which tasks a folder can serve: the file of each language, its rows, its checksum, its problem."""
    from tqdm import tqdm

    from lnbench.harness.task_data import survey

    found = list(tqdm(survey(folder), desc="data", unit="file", leave=False, disable=None))
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False))
    else:
        print(_table(found, folder.resolve()))
    if not any(one.tasks for one in found):
        raise typer.Exit(1)


def _table(found: Sequence[Served], folder: Path) -> str:
    from tabulate import tabulate

    served = [one for one in found if one.tasks]
    rows = [(", ".join(one.tasks), _rows(one), (one.sha256 or "")[:_CHECKSUM], _below(one, folder)) for one in served]
    table = tabulate(rows, headers=("tasks", "rows", "sha256", "file"), disable_numparse=True)
    problems = [f"problem: {one.problem}" for one in found if one.problem]
    return "\n".join([*([table, ""] if rows else []), *problems, *_lacking(found), _summary(served, folder)])


def _rows(one: Served) -> str:
    """How many there are, of how many: a file of a published data set may be a sample."""
    from lnbench.languages import DATASETS

    if one.published is None:
        return f"{one.rows} (full size not known)" if one.dataset in DATASETS else str(one.rows)
    return str(one.rows) if one.rows == one.published else f"{one.rows} of {one.published}"


def _below(one: Served, folder: Path) -> str:
    path = Path(one.file or "")
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _lacking(found: Iterable[Served]) -> list[str]:
    """One line for each data set that has no file in some of its languages, or in none."""
    of_dataset: dict[str, list[Served]] = {}
    for one in found:
        of_dataset.setdefault(one.dataset, []).append(one)
    lines = []
    for dataset, rows in of_dataset.items():
        lacking = [one for one in rows if not one.tasks and one.problem is None]
        which = f"for {' '.join(one.language for one in lacking)}" if len(lacking) < len(rows) else "in any language"
        lines += [f"{dataset}: no file {which} ({lacking[0].expects})"] if lacking else []
    return lines


def _summary(served: Sequence[Served], folder: Path) -> str:
    tasks = [task for one in served for task in one.tasks]
    if not tasks:
        return f"{folder} serves no task of lnbench"
    metadata = shlex.quote(json.dumps({"data_dir": str(folder)}, ensure_ascii=False))
    run = f"lm_eval --model lnbench --model_args pretrained=MODEL --tasks {tasks[0]} --metadata {metadata}"
    return f"{len(tasks)} task{'s' * (len(tasks) != 1)} can run, for example: {run}"
