"""``lnbench neurons show``: a neuron-set file at a glance."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer


def show(
    file: Annotated[str, typer.Argument(help="A path, the name of a shipped set, or hf://org/repo/file@revision.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print plain JSON.")] = False,
) -> None:
    """Print where the file was found, its header, counts per language, site and layer, and a layer histogram."""
    from lnbench.neurons import NeuronSet, file_format, resolve_mask, summary, summary_text

    path = resolve_mask(file).resolve()
    data = {"path": str(path), "format": file_format(path), **summary(NeuronSet.load(path))}
    if as_json:
        print(json.dumps(data, indent=2, allow_nan=False))
        return
    text = f"{'file':<13}{path} ({data['format']})\n{summary_text(data, unicode=_can_show('▏█'))}"
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding))


def _can_show(characters: str) -> bool:
    """Whether the terminal's encoding has these characters."""
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
