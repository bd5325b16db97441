"""``lnbench neurons diff``: what is in one set and not in another."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from lnbench.cli import _neurons_options as options

#: Exit code of sets that differ; 0: the same neurons, 1: refused, 2: the command line is wrong.
DIFFERENT = 3


def diff(
    first: options.File,
    second: options.File,
    as_json: Annotated[bool, typer.Option("--json", help="Print every number and neuron as plain JSON.")] = False,
    most: Annotated[int, typer.Option(min=0, help="How many neurons of each set alone to list.")] = 10,
    languages: options.Languages = None,
    site: options.Site = None,
    model: options.Model = None,
) -> None:
    """Print how the rows of two sets differ by language and site. Exit codes: 0 the same rows, 3 others, 1 refused."""
    from lnbench.cli._neurons_show import printed
    from lnbench.neurons import diff as compare
    from lnbench.neurons import diff_text

    a, b = options.Told(languages, site, model).load_each([first, second])
    found = compare(a, b)
    if as_json:
        print(json.dumps(found.as_json(), indent=1, allow_nan=False))
    else:
        printed(diff_text(found, (first, second), most))
    raise typer.Exit(0 if found.same else DIFFERENT)
