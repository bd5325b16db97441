"""``lnbench study``: plan, run and follow a study that one YAML file describes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnbench._faults import goes_on
from lnbench._near import hint
from lnbench.cli._outputs import quiet_libraries
from lnbench.errors import SpecError

if TYPE_CHECKING:
    from lnbench.studies import Store, Study

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

#: Exit codes beside 0 (every cell is finished), 1 (refused) and 2 (the command line is wrong).
FAILED, UNFINISHED = 3, 4

_File = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study file.")]
_Out = Annotated[Path | None, typer.Option(help="The store; results/NAME when left out.")]


@app.callback()
def study() -> None:
    """Plan, run and follow a study. Exit codes: 0 all cells finished, 1 refused, 3 cells failed, 4 cells are left."""


@app.command()
def plan(
    file: _File,
    out: _Out = None,
    measure: Annotated[bool, typer.Option("--measure", help="Load the model and time it on a few documents.")] = False,
    tokens_per_second: Annotated[
        str | None, typer.Option(metavar="F,G", help="Forward and generated tokens that a device does in a second.")
    ] = None,
) -> None:
    """Print the cells of a study, what they cost in tokens and device-hours, and what is finished.

    Device-hours come from the finished cells, or from --measure or --tokens-per-second. Nothing is written.
    """
    quiet_libraries()
    if measure and tokens_per_second is not None:
        raise SpecError(f"--measure and --tokens-per-second {tokens_per_second} are both given; drop one of them")
    from lnbench import studies

    rates = None if tokens_per_second is None else studies.given_rates(tokens_per_second)
    found, store = _opened(file, out)
    expected = studies.forecast(found, store)
    if measure:
        rates = studies.measured_rates(expected.status.plan, expected.status.plan.neurons)
    print(studies.plan_text(expected, store.folder, rates))


@app.command()
def run(
    file: _File,
    out: _Out = None,
    shard: Annotated[str, typer.Option(help="i/n: the i-th of n shares, for one process of a job array.")] = "1/1",
    executor: Annotated[str, typer.Option(help="local: in this process; ray: on a Ray cluster.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster (auto, host:port); one on this machine when left out.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="On Ray: how many hold a model each; one for each GPU, else each node.")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=0, help="On Ray: GPUs of each worker (1 where there are any, 0 for device: cpu).")
    ] = None,
) -> None:
    """Run what is unfinished of a study; a run that was stopped goes on where it stopped."""
    quiet_libraries()
    share = _shard(shard)
    _check_executor(executor, share, {"--address": address, "--workers": workers, "--gpus": gpus})
    found, store = _opened(file, out)
    from lnbench import studies

    bar = studies.Bar()
    goes_on("finished cells", store.folder)
    if executor == "ray":
        report = studies.run_on_ray(found, store, address=address, workers=workers, gpus=gpus, progress=bar)
    else:
        report = studies.run(found, store, shard=share, progress=bar)
    print(studies.report_text(report, store.folder))
    raise typer.Exit(0 if report.complete else FAILED if report.failed else UNFINISHED)


@app.command()
def status(file: _File, out: _Out = None) -> None:
    """Count finished, failed and unfinished cells, and say why cells failed."""
    quiet_libraries()
    found, store = _opened(file, out)
    from lnbench import studies

    now = studies.status(found, store)
    print(f"store {store.folder}{'' if store.folder.exists() else ' (nothing there yet; is it another --out?)'}\n")
    print(studies.status_text(now))
    raise typer.Exit(FAILED if now.failed else UNFINISHED if now.left else 0)


def _opened(file: Path, out: Path | None) -> tuple[Study, Store]:
    from lnbench.studies import Store, Study

    found = Study.load(file)
    return found, Store(out or Path("results") / found.name)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise SpecError(f"--shard {text!r} is no share; write i/n, counted from 1/n to n/n, of at most 999999")
    return int(match[1]), int(match[2])


def _check_executor(executor: str, share: tuple[int, int], on_ray: dict[str, str | int | None]) -> None:
    """Refuse options that would have no effect."""
    if executor not in ("local", "ray"):
        raise SpecError(f"unknown executor {executor!r}; {hint(executor, ('local', 'ray'))}choose local or ray")
    if executor == "ray" and share != (1, 1):
        raise SpecError(
            f"--shard {share[0]}/{share[1]} has no effect on Ray, which hands out all cells; drop one of them"
        )
    for name, value in on_ray.items():
        if executor == "local" and value is not None:
            raise SpecError(f"{name} {value} has no effect without Ray; add --executor ray, or drop it")
