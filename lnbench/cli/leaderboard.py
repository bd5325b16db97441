"""``lnbench leaderboard``: build the standardized tables and the page, add a result bundle, verify what is built."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lnbench.reporting.leaderboard import Leaderboard

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

_Neurons = Annotated[str | None, typer.Option(help="The neuron-set file, where the results do not name it.")]


@app.callback()
def leaderboard() -> None:
    """Build the standardized tables and the page, add a result bundle, verify what is built."""


@app.command()
def build(
    results: Annotated[list[Path], typer.Argument(help="Study stores, lm-eval output folders, bundles, leaderboards.")],
    out: Annotated[Path, typer.Option(help="The folder for tables/ and index.html; made when it is missing.")],
    neurons: _Neurons = None,
    samples: Annotated[int, typer.Option(min=0, help="Documents a task that the page shows with their outputs.")] = 3,
    plots: Annotated[bool, typer.Option("--plots", help="Write plots/ too, each as PNG and SVG.")] = False,
) -> None:
    """Write the table of each model and dataset in every format, and a page that needs no network.

    The conditions of one table are below one folder; results of different folders are told apart.
    """
    from lnbench.reporting import leaderboard as room

    made, files = room.build(results, out, neurons=neurons, samples=samples)
    if plots:
        files += room.write_plots(made, out / "plots")
    _print_tables(made)
    print(f"{len(files)} files in {out}; open {out / 'index.html'}")


@app.command()
def add(
    results: Annotated[Path, typer.Argument(help="A finished study's store, an lm-eval output folder, or a bundle.")],
    to: Annotated[Path, typer.Option(help="The leaderboard's folder.")],
    name: Annotated[str | None, typer.Option(help="Name of the bundle and its file: letters, digits, - _ .")] = None,
    contributor: Annotated[str | None, typer.Option(help="Who adds it.")] = None,
    note: Annotated[str | None, typer.Option(help="One sentence that is shown with the table.")] = None,
    model: Annotated[str | None, typer.Option(help="Which model, where the results have several.")] = None,
    neurons: _Neurons = None,
    samples: Annotated[int, typer.Option(min=0, help="Documents a task whose outputs are published; 0: none.")] = 0,
) -> None:
    """Make a bundle of results, add it, and build the leaderboard's tables and page again."""
    from lnbench.errors import DataError
    from lnbench.reporting import leaderboard as room

    if results.is_file():
        bundle = room.read_bundle(results)
    elif name is None:
        raise DataError(f"the results in {str(results)!r} need a name; add --name NAME")
    else:
        about = {"model": model, "contributor": contributor, "note": note, "neurons": neurons}
        bundle = room.make_bundle(results, name, samples=samples, **about)
    path, board = room.add(bundle, to)
    _print_tables(board, only=bundle.name)
    print(f"{path} is added; commit {to} and open a pull request")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="The leaderboard's folder.")] = Path("leaderboard"),
) -> None:
    """Build the tables from the bundles again and compare; exit code 1 and what differs where something does."""
    from lnbench.reporting import leaderboard as room

    differences = room.verify(folder)
    for sentence in differences:
        print(room.shown(sentence), file=sys.stderr)
    if differences:
        print(f"error: {len(differences)} files differ; run `lnbench leaderboard build {folder} --out {folder}`")
        raise typer.Exit(1)
    print(f"{folder}: every table is what its bundles give")


def _width() -> int:
    """Of the terminal, where the output is one."""
    return max(60, min(160, shutil.get_terminal_size().columns)) if sys.stdout.isatty() else 100


def _print_tables(board: Leaderboard, only: str | None = None) -> None:
    from lnbench.reporting import render
    from lnbench.reporting.leaderboard import shown

    for source, tables in zip(board.sources, board.tables, strict=True):
        if only in (None, source.name):
            text = "\n".join(shown(render(table, "terminal", width=_width())) for table in tables)
            encoding = sys.stdout.encoding or "utf-8"
            print(text.encode(encoding, "replace").decode(encoding))
