"""``lnbench neurons random``: a random control as a set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lnbench.cli import _detect_options as outputs
from lnbench.cli import _neurons_options as options


def random(
    file: options.File,
    out: Annotated[Path, typer.Option(help="The neuron set to write, .safetensors or .pt.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another draw.")] = 0,
    match: Annotated[str, typer.Option(help="What each language keeps of its own: layer-site, site or activation.")] = (
        "layer-site"
    ),
    lang: options.Lang = None,
    languages: options.Languages = None,
    site: options.Site = None,
    model: options.Model = None,
    revision: options.Revision = None,
) -> None:
    """Draw as many random neurons for each language as it has, and none of its own: what control=random draws."""
    from lnbench.neurons import counted, random_set

    outputs.check_set_path(out)
    options.refuse_overwriting(out, file)
    neurons = options.Told(languages, site, model, revision).load(file)
    made = random_set(neurons, seed, match, options.names(lang))
    made.save(out)
    counts = ", ".join(f"{label} {made.count(label)}" for label in made.languages)
    print(f"Written: {out}, {counted(len(made))} at {', '.join(made.sites) or 'no site'}: {counts}")
    if made.header.parameters["reused"]:
        print(f"  {made.header.parameters['reused']} of them are targets, because there were too few others")
