"""``lnbench neurons convert``: from any format that is read to any that is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnbench._write import check_writable
from lnbench.cli import _neurons_options as options
from lnbench.errors import OutputError, SpecError

if TYPE_CHECKING:
    from lnbench.neurons import FileFacts, NeuronSet

_FORMATS = "native, lape, plnd, mask, json or csv"


def convert(
    files: options.Files,
    out: Annotated[Path, typer.Option(help="The file to write; of PLND's, {lang} in its name is each language.")],
    to: Annotated[str | None, typer.Option("--to", help=f"{_FORMATS}; left out: by the suffix of --out.")] = None,
    languages: options.Languages = None,
    lang: options.Lang = None,
    site: options.Site = None,
    model: options.Model = None,
    revision: options.Revision = None,
    heads: options.HeadsText = None,
    kv_map: options.KvMap = None,
) -> None:
    """Read neuron sets of any format (several are joined) and write one, saying what was assumed and what is lost.

    Of a set with several sites, --site chooses the one that a LAPE file or a mask holds.
    """
    from lnbench.neurons import is_native, resolve_masks

    kind = _kind(out, to)
    if kind != "plnd" or "{lang}" not in out.name:
        check_writable(out)
    options.refuse_overwriting(out, *files)
    native = all(is_native(path) for name in files for path in resolve_masks(name))
    told = options.Told(languages, None if native else site, model, revision, heads, kv_map)
    facts = told.facts()
    neurons = told.load(*files)
    known = len(neurons.header.history)
    chosen = neurons if lang is None else neurons.select(languages=options.names(lang))
    lost = _write(chosen, out, kind, facts, site, kv_map)
    _report(chosen, out, kind, () if native else neurons.header.history[:known], lost)


def _kind(out: Path, to: str | None) -> str:
    """The format to write.

    Raises:
        SpecError: there is no such format, or nothing says which.
        OutputError: a native set with another suffix.
    """
    from lnbench.neurons.foreign import FORMATS, SUFFIXES

    kind = to or SUFFIXES.get(out.suffix)
    if kind is None:
        raise SpecError(f"the suffix of {str(out)!r} tells no format: say --to {_FORMATS}")
    if kind not in FORMATS:
        raise SpecError(f"unknown format {kind!r}: --to is {_FORMATS}")
    if kind == "native" and SUFFIXES.get(out.suffix) != "native":
        raise OutputError(f"a neuron set is a .safetensors or .pt file; call {str(out)!r} {out.name}.safetensors")
    return kind


def _write(
    neurons: NeuronSet, out: Path, kind: str, facts: FileFacts, site: str | None, kv_map: str | None
) -> tuple[str, ...]:
    from lnbench.neurons import write_foreign

    if kind == "native":
        neurons.save(out)
        return ()
    one_site = site if kind in ("lape", "mask") and len(neurons.sites) > 1 else None
    attention = facts.attention if kind == "plnd" else None
    return write_foreign(neurons, out, kind, site=one_site, heads=attention, kv_map=kv_map)


def _report(neurons: NeuronSet, out: Path, kind: str, read: tuple[str, ...], lost: tuple[str, ...]) -> None:
    from lnbench.neurons import counted

    counts = ", ".join(f"{label} {neurons.count(label)}" for label in neurons.languages)
    names = [str(out).replace("{lang}", label) for label in neurons.languages] if "{lang}" in out.name else [str(out)]
    sites = ", ".join(neurons.sites) or "no site"
    print(f"Written: {', '.join(names)} ({kind}), {counted(len(neurons))} at {sites}: {counts}")
    for line in read:
        print(f"  {line}")
    if neurons.header.architecture is None:
        print("  no model is known: layers and indices are held to the model only when the set is used (or --model)")
    for line in lost:
        print(f"  not in the file: {line}")
