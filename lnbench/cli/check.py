"""``lnbench check``: hold results to a baseline and to expectations, for continuous integration."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnbench._faults import sentence
from lnbench._write import check_writable, whole
from lnbench.cli._outputs import write_json
from lnbench.errors import OutputError

if TYPE_CHECKING:
    from lnbench.reporting.checking import Baseline, Report

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: Also for a command line that is wrong, and for files that cannot be read.
_INCOMPARABLE = 2


@app.command()
def check(
    results: Annotated[list[Path], typer.Argument(help="Study stores or lm-eval output folders of one model.")],
    baseline: Annotated[Path, typer.Option(help="What to compare with; made and renewed with --update.")],
    expect: Annotated[Path | None, typer.Option(help="YAML with tolerances and expectations.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a summary for a pull request to this file.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write every finding with its numbers to this file.")] = None,
    update: Annotated[bool, typer.Option("--update", help="Show the difference, then write a new baseline.")] = False,
) -> None:
    """Compare results with a baseline. Exit codes: 0 holds, 1 something regressed, 2 something cannot be compared.

    Results and baseline are joined by role (task, language, condition, ablated language, seed), so that the results
    may be of a new model. With GITHUB_STEP_SUMMARY set, the summary is added to that file too.
    """
    try:
        _check_paths([path for path in (markdown, junit, json) if path is not None], baseline, update)
        report, now = _compared(results, baseline, expect, update)
        _show(report, markdown, junit, json)
        sys.stdout.flush()  # a report that nobody gets is none
        if update:
            _renew(now, baseline, first=not baseline.exists())
    except Exception as error:
        told = sentence(error)
        if told is None:
            raise
        from lnbench.reporting.checking import plain_text

        print(f"error: {plain_text(told)}", file=sys.stderr)
        raise typer.Exit(_INCOMPARABLE) from None
    raise typer.Exit(0 if update else report.exit_code)


def _check_paths(outputs: list[Path], baseline: Path, update: bool) -> None:
    """Before anything is read: no output replaces another, or the baseline."""
    named = [path.absolute() for path in (*outputs, baseline)]
    twice = next((path for path in named if named.count(path) > 1), None)
    if twice is not None:
        raise OutputError(f"two of the files are {str(twice)!r}; name different ones")
    for path in [*outputs, *([baseline] if update else [])]:
        check_writable(path)


def _compared(results: list[Path], baseline: Path, expect: Path | None, update: bool) -> tuple[Report, Baseline]:
    """The report, and the results as a baseline; the first baseline is what its results are compared with."""
    from lnbench.reporting import checking as room
    from lnbench.reporting import read_results

    file = None if expect is None else room.ExpectFile.read(expect)
    is_first = update and not baseline.exists()
    before = None if is_first else room.read_baseline(baseline)
    read = [read_results(folder) for folder in results]
    now = room.baseline_of(read)
    name = f"itself, for there is no {baseline.name} yet" if is_first else baseline.name
    return room.check(read, before or now, file, name=name), now


def _show(report: Report, markdown: Path | None, junit: Path | None, json: Path | None) -> None:
    from lnbench.reporting import checking as room

    print(room.as_text(report), end="")
    renderings: list[tuple[Path | None, Callable[[Report], str]]] = [
        (markdown, room.as_markdown),
        (junit, room.as_junit),
    ]
    for path, render in renderings:
        if path is not None:
            with whole(path) as part:
                part.write_text(render(report), encoding="utf-8")
    if json is not None:
        write_json(room.as_json(report), json)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append(Path(summary), room.as_markdown(report))


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"GITHUB_STEP_SUMMARY {str(path)!r} cannot be written: {error.strerror}; unset it") from error


def _renew(now: Baseline, path: Path, first: bool) -> None:
    from lnbench.reporting import checking as room

    room.write_baseline(now, path)
    cells, scores = len({cell.place for cell in now.cells}), len(now.cells)
    what = f"{scores} score{'s' * (scores != 1)} of {cells} cell{'s' * (cells != 1)}"
    rest = "; commit it, and run the same command without --update to hold new results to it" if first else ""
    print(f"baseline: {path}, {what}{rest}")
