"""``lnbench neurons show``: a neuron-set file at a glance."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from lnbench.cli import _neurons_options as options


def show(
    file: options.File,
    as_json: Annotated[bool, typer.Option("--json", help="Print plain JSON.")] = False,
    languages: options.Languages = None,
    site: options.Site = None,
    model: options.Model = None,
) -> None:
    """Print where the file was found, its header, counts per language, site and layer, and a layer histogram."""
    from lnbench.neurons import file_format, resolve_mask, summary, summary_text

    path = resolve_mask(file).absolute()  # not the hub's blob that a name in its cache stands for
    neurons = options.Told(languages, site, model).load(str(path))
    data = {"path": str(path), "format": file_format(path), **summary(neurons)}
    if as_json:
        print(json.dumps(data, indent=2, allow_nan=False))
        return
    printed(f"{'file':<13}{path} ({data['format']})\n{summary_text(data, unicode=_can_show('▏█'))}")


def printed(text: str) -> None:
    """Print what may hold characters that the terminal lacks."""
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding))


def _can_show(characters: str) -> bool:
    """Whether the terminal's encoding has these characters."""
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
