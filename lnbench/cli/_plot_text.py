"""``lnbench plot matrix``, ``steering`` and ``dose``: the experiments of the LAPE paper, from a study's results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lnbench._near import hint
from lnbench.cli._outputs import check_outputs, check_results, write_json, write_picture
from lnbench.errors import SpecError

if TYPE_CHECKING:
    from lnbench.analysis import Section

FORMS = ("terminal", "markdown", "latex")

_Results = Annotated[Path, typer.Argument(help="A study's store, or a folder that lm_eval --log_samples wrote.")]
_Dataset = Annotated[str | None, typer.Option(help="Only this dataset.")]
_Model = Annotated[str | None, typer.Option(help="Which model, where the results have several.")]
_Format = Annotated[str, typer.Option("--format", help="terminal, markdown or latex.")]
_Png = Annotated[Path | None, typer.Option(help="Write the picture to this PNG file.")]
_Json = Annotated[Path | None, typer.Option(help="Write every number to this JSON file.")]


def matrix(
    results: _Results,
    condition: Annotated[str, typer.Option(help="The label of the ablation.")] = "specific",
    dataset: _Dataset = None,
    model: _Model = None,
    form: _Format = "terminal",
    png: _Png = None,
    json: _Json = None,
) -> None:
    """Perplexity of each language without the neurons of each: nats per token, bits per byte, beside random sets."""

    def made(read: Any) -> Section:
        from lnbench.analysis.text import matrix_section

        return matrix_section(read, dataset=dataset, condition=condition)

    _show(results, model, form, png, json, made)


def steering(
    results: _Results,
    dataset: _Dataset = None,
    model: _Model = None,
    form: _Format = "terminal",
    png: _Png = None,
    json: _Json = None,
) -> None:
    """In which language answers are when one language's neurons are off and another's on, and what quality is kept."""

    def made(read: Any) -> Section:
        from lnbench.analysis.text import steering_section

        return steering_section(read, dataset=dataset)

    _show(results, model, form, png, json, made)


def dose(
    results: _Results,
    dataset: _Dataset = None,
    model: _Model = None,
    form: _Format = "terminal",
    png: _Png = None,
    json: _Json = None,
) -> None:
    """The response to stronger steering or ablation, and to that of more neurons, as curves."""

    def made(read: Any) -> Section:
        from lnbench.analysis.text import dose_section

        return dose_section(read, dataset=dataset)

    _show(results, model, form, png, json, made)


def _show(
    folder: Path, model: str | None, form: str, png: Path | None, json: Path | None, made: Callable[[Any], Section]
) -> None:
    """Refuse bad arguments, read, print, and write.

    Raises:
        SpecError: an unknown format.
        OutputError: a file that could not be written.
        DataError: the results do not hold the experiment.
    """
    if form not in FORMS:
        raise SpecError(f"--format {form!r} is unknown; {hint(form, FORMS)}choose one of {', '.join(FORMS)}")
    check_outputs(json, png)
    check_results(folder)
    from lnbench.analysis.text import render_section
    from lnbench.reporting import read_results
    from lnbench.reporting.leaderboard import shown

    read = read_results(folder)
    section = made(read if model is None else read.where(model=model))
    print(shown(render_section(section, form)), end="")
    if json is not None:
        write_json({"key": section.key, **section.data}, json)
    if png is not None:
        write_picture(section.pictures[0].png, png)
