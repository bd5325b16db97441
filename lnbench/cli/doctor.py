"""``lnbench doctor``: is everything here that lnbench needs, and what to do where it is not."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def doctor(
    network: Annotated[bool, typer.Option("--network", help="Also ask whether the hub answers (5 seconds).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print plain JSON.")] = False,
) -> None:
    """Print versions, devices, folders and settings, and what to do about anything that is wrong.

    Exit codes: 0 everything that the main job needs is here, 1 something is missing. Nothing is written, and nothing
    leaves this machine without --network.
    """
    from lnbench import doctor as parts

    found = [
        parts.versions(),
        parts.extras(),
        parts.devices(),
        parts.threads(),
        parts.plugin(),
        parts.embedded(),
        parts.neuron_sets(),
        parts.task_data(),
        parts.caches(),
        parts.hub(network=network),
    ]
    report = parts.as_json(found)
    print(json.dumps(report, indent=1, ensure_ascii=False) if as_json else parts.as_text(found))
    raise typer.Exit(0 if report["fine"] else 1)
