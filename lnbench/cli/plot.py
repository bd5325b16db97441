"""``lnbench plot``: tables and pictures of layer blocks, of a sweep, and of the neurons of a set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lnbench._near import hint
from lnbench.cli import _plot_text
from lnbench.cli._outputs import check_outputs, check_results, write_json, write_picture
from lnbench.errors import SpecError

#: As lnbench.reporting and lnbench.analysis.workflow have them, known here before either is loaded.
FORMATS, READINGS = ("terminal", "markdown", "csv", "json", "latex"), ("own", "other")

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

_Results = Annotated[Path, typer.Argument(help="A study's store, or a folder that lm_eval --log_samples wrote.")]
_English = Annotated[
    str | None,
    typer.Option(
        help="own: English with its own neurons off; other: with each other language's. Left out: own if run."
    ),
]
_Dataset = Annotated[str | None, typer.Option(help="Only this dataset.")]
_Format = Annotated[str, typer.Option("--format", help="terminal, markdown, csv, json or latex.")]
_Png = Annotated[Path | None, typer.Option(help="Write the heat map to this PNG file.")]
_Json = Annotated[Path | None, typer.Option(help="Write every number to this JSON file.")]


for _command in (_plot_text.matrix, _plot_text.steering, _plot_text.dose):
    app.command()(_command)


#: Characters a line: the workflow table has a wide first column.
_WIDTH = 120


@app.callback()
def plot() -> None:
    """Print the tables of the papers' other experiments and draw them. Each prints without a picture too."""


@app.command()
def workflow(
    results: _Results,
    english: _English = None,
    dataset: _Dataset = None,
    form: _Format = "terminal",
    png: _Png = None,
    json: _Json = None,
) -> None:
    """Blocks of layers by structure: English, non-English, their changes and the gap, beside random sets."""
    _check(form, english, json, png)
    check_results(results)
    from lnbench.analysis.workflow import workflow_png, workflow_tables
    from lnbench.reporting import read_results, render
    from lnbench.reporting.leaderboard import shown

    read = read_results(results)
    tables = workflow_tables(read if dataset is None else read.where(dataset=dataset), english=english)
    print("\n".join(shown(render(table, form, width=_WIDTH)) for table in tables), end="")
    _write(json, [table.as_json() for table in tables], png, lambda: workflow_png(tables))


@app.command()
def sweep(
    results: _Results,
    english: _English = None,
    dataset: _Dataset = None,
    form: _Format = "terminal",
    png: _Png = None,
    json: _Json = None,
) -> None:
    """The gap for every n1 and n2 of a sweep, and a pick that is made on one half of the documents."""
    _check(form, english, json, png)
    check_results(results)
    from lnbench.analysis.workflow import render_sweep, sweep_png, sweeps
    from lnbench.reporting import read_results
    from lnbench.reporting.leaderboard import shown

    read = read_results(results)
    found = sweeps(read if dataset is None else read.where(dataset=dataset), english=english)
    print("\n".join(shown(render_sweep(one, form)) for one in found), end="")
    _write(json, [one.as_json() for one in found], png, lambda: sweep_png(found))


@app.command()
def counts(
    neurons: Annotated[str, typer.Argument(metavar="SET", help="A neuron set: a file or a shipped name.")],
    form: _Format = "terminal",
    png: _Png = None,
    json: _Json = None,
) -> None:
    """Neurons of each language by layer and site."""
    _check(form, None, json, png)
    from lnbench.neurons import NeuronSet

    loaded = NeuronSet.load(neurons)  # a set that is not there is refused before anything heavy is imported
    from lnbench.analysis.counts import counts_of, counts_png, render_counts

    found = counts_of(loaded, neurons)
    print(render_counts(found, form), end="")
    _write(json, found.as_json(), png, lambda: counts_png(found))


@app.command()
def overlap(
    neurons: Annotated[str, typer.Argument(metavar="SET", help="A neuron set: a file or a shipped name.")],
    other: Annotated[str | None, typer.Argument(metavar="[SET2]", help="Compare with its languages instead.")] = None,
    form: _Format = "terminal",
    png: _Png = None,
    json: _Json = None,
) -> None:
    """Neurons that languages share: attention and feed-forward apart, with and without those that are English too."""
    _check(form, None, json, png)
    from lnbench.neurons import NeuronSet, resolve_mask

    names = [name for name in (neurons, other) if name is not None]
    for name in names:
        resolve_mask(name)
    sets = [(name, NeuronSet.load(name)) for name in names]
    from lnbench.analysis.counts import overlap_png, overlaps_of, render_overlap

    found = overlaps_of(*sets)
    print(render_overlap(found, form), end="")
    _write(json, [one.as_json() for one in found], png, lambda: overlap_png(found))


def _check(form: str, english: str | None, json: Path | None, png: Path | None) -> None:
    """Refuse bad arguments before anything is read.

    Raises:
        SpecError: an unknown format or reading.
        OutputError: a file that could not be written.
    """
    for what, given, known in (("--format", form, FORMATS), ("--english", english, READINGS)):
        if given is not None and given not in known:
            raise SpecError(f"{what} {given!r} is unknown; {hint(given, known)}choose one of {', '.join(known)}")
    check_outputs(json, png)


def _write(json: Path | None, numbers: Any, png: Path | None, drawn: Callable[[], bytes]) -> None:
    if json is not None:
        write_json(numbers, json)
    if png is not None:
        write_picture(drawn(), png)
