"""``lnbench neurons combine``: sets from sets."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnbench.cli import _detect_options as outputs
from lnbench.cli import _neurons_options as options
from lnbench.errors import SpecError

if TYPE_CHECKING:
    from lnbench.neurons import NeuronSet

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

_Out = Annotated[Path, typer.Option(help="The neuron set to write, .safetensors or .pt.")]
_Layers = Annotated[str | None, typer.Option(help="first:8, last:4, middle, or 0-7+12.")]
_Sites = Annotated[str | None, typer.Option(help="ffn.act,attn.q; ffn and attn stand for all of theirs.")]


@app.callback()
def combine() -> None:
    """Make a set of others. Its header says how; rows are (language, site, layer, index)."""


@app.command()
def union(files: options.Files, out: _Out, languages: options.Languages = None) -> None:
    """The rows of all sets."""
    _fold(files, out, languages, lambda a, b: a.union(b))


@app.command()
def intersection(files: options.Files, out: _Out, languages: options.Languages = None) -> None:
    """The rows that all sets have."""
    _fold(files, out, languages, lambda a, b: a.intersection(b))


@app.command()
def difference(
    files: options.Files,
    out: _Out,
    any_language: Annotated[
        bool, typer.Option("--any-language", help="Also without neurons that the others have in another language.")
    ] = False,
    languages: options.Languages = None,
) -> None:
    """The rows of the first set that no other set has."""
    _fold(files, out, languages, lambda a, b: a.without(b) if any_language else a.difference(b))


@app.command("symmetric-difference")
def symmetric_difference(files: options.Files, out: _Out, languages: options.Languages = None) -> None:
    """The rows that only one of two sets has."""
    if len(files) != 2:
        raise SpecError(f"a symmetric difference is that of two sets, and {len(files)} are named; name two")
    _fold(files, out, languages, lambda a, b: a.symmetric_difference(b))


@app.command()
def exclusive(files: options.Files, out: _Out, lang: options.Lang = None, languages: options.Languages = None) -> None:
    """The neurons that one language alone has, among all languages of the sets (for --lang, or for each)."""
    _made(files, out, languages, lambda joined: joined.exclusive(options.names(lang)))


@app.command()
def shared(
    files: options.Files,
    out: _Out,
    lang: options.Lang = None,
    label: Annotated[
        str | None, typer.Option(help="Keep them once under this label; left out: under every language.")
    ] = None,
    languages: options.Languages = None,
) -> None:
    """The neurons that all languages of the sets have (or all of --lang)."""
    _made(files, out, languages, lambda joined: joined.shared(options.names(lang), label))


@app.command()
def top(
    files: options.Files,
    out: _Out,
    k: Annotated[int, typer.Option("--k", min=1, help="How many of each group.")],
    per: Annotated[str, typer.Option(help="language, site, layer, several as language+layer, or set.")] = "language",
    languages: options.Languages = None,
) -> None:
    """The rows with the highest scores."""
    groups = () if per == "set" else options.names(per) or ()
    _made(files, out, languages, lambda joined: joined.top(k, groups))


@app.command()
def restrict(
    files: options.Files,
    out: _Out,
    lang: options.Lang = None,
    sites: _Sites = None,
    layers: _Layers = None,
    languages: options.Languages = None,
) -> None:
    """The rows of some languages, sites and layers."""
    from lnbench.models import select_layers

    if lang is None and sites is None and layers is None:
        raise SpecError("nothing says what to restrict the set to; give --lang, --sites or --layers")

    def made(joined: NeuronSet) -> NeuronSet:
        chosen = None if layers is None else select_layers(layers, joined.layers)
        return joined.select(options.names(lang), options.names(sites), chosen)

    _made(files, out, languages, made)


def _fold(files: list[str], out: Path, languages: str | None, two: Callable[[NeuronSet, NeuronSet], NeuronSet]) -> None:
    """Combine the sets one after the other."""
    if len(files) < 2:
        raise SpecError(f"only {files[0]} is named, and this takes two sets or more; name another")
    _check(files, out)
    _finish(reduce(two, options.Told(languages).load_each(files)), out)


def _made(files: list[str], out: Path, languages: str | None, one: Callable[[NeuronSet], NeuronSet]) -> None:
    """Make a set of the union of the sets."""
    _check(files, out)
    _finish(one(options.Told(languages).load(*files)), out)


def _check(files: list[str], out: Path) -> None:
    outputs.check_set_path(out)
    options.refuse_overwriting(out, *files)


def _finish(neurons: NeuronSet, out: Path) -> None:
    from lnbench.neurons import counted

    neurons.save(out)
    counts = ", ".join(f"{label} {neurons.count(label)}" for label in neurons.languages)
    print(f"Written: {out}, {counted(len(neurons))} at {', '.join(neurons.sites) or 'no site'}: {counts}")
    for line in neurons.header.history:
        print(f"  {line}")
