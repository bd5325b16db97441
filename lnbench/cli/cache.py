"""``lnbench cache``: the exported checkpoints that ``--model lnbench-vllm`` keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lnbench.errors import OutputError

if TYPE_CHECKING:
    from lnbench.harness import KeptExport

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

_KEY = 12
_DAY = 86400


@app.callback()
def cache() -> None:
    """Look at, or remove, the exported checkpoints that are kept for vLLM (in LNBENCH_CACHE, or ~/.cache/lnbench)."""


@app.command()
def show(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print plain JSON, sizes in bytes, times in seconds.")
    ] = False,
) -> None:
    """List what is kept: the model, what was done to it, its size, and when an engine last ran on it."""
    from lnbench.harness import Exports

    exports = Exports()
    found = exports.entries()
    if as_json:
        print(json.dumps([_plain(entry) for entry in found], indent=1, ensure_ascii=False))
        return
    if found:
        print(_table(found))
    print(f"{_summary(found)} in {exports.root}")


@app.command()
def clear(
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Only what no engine has run on in so many days.")
    ] = None,
) -> None:
    """Remove what is kept; what an engine runs on now stays, and any of it is made again when it is asked for."""
    from lnbench.harness import Exports

    if older_than is not None and not older_than >= 0:
        raise OutputError(f"--older-than {older_than} is no number of days; give 0 or more")
    exports = Exports()
    removed, left = exports.clear(older_than)
    print(f"removed {_summary(removed)} from {exports.root}")
    if left:
        print(f"left {_summary(left)}, in use: {', '.join(entry.folder.name[:_KEY] for entry in left)}")


def _summary(entries: Sequence[KeptExport]) -> str:
    count = f"{len(entries)} exported {'checkpoint' if len(entries) == 1 else 'checkpoints'}"
    return f"{count}, {_bytes(sum(entry.own for entry in entries))} of disk"


def _table(entries: Sequence[KeptExport]) -> str:
    from tabulate import tabulate

    rows = [
        (
            entry.folder.name[:_KEY],
            entry.model,
            entry.description,
            _bytes(entry.size),
            _bytes(entry.own),
            _ago(entry.used),
        )
        for entry in entries
    ]
    head = ("export", "model", "what was done", "size", "of its own", "last used")
    return str(tabulate(rows, headers=head, disable_numparse=True))


def _plain(entry: KeptExport) -> dict[str, str | float]:
    return {
        "key": entry.folder.name,
        "folder": str(entry.folder),
        "model": entry.model,
        "description": entry.description,
        "size": entry.size,
        "own": entry.own,
        "used": entry.used,
    }


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _ago(moment: float) -> str:
    days = max(time.time() - moment, 0.0) / _DAY
    return "today" if days < 1 else "yesterday" if days < 2 else f"{days:.0f} days ago"
