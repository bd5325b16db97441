"""From a neuron set to a foreign file, and what such a file cannot hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lnbench._near import hint
from lnbench._write import check_writable, whole
from lnbench.errors import NeuronSetError, OutputError, SpecError
from lnbench.neurons._header_text import counted
from lnbench.neurons._sites import known_site
from lnbench.neurons.foreign import _csv, _json, _lape, _mask, _plnd
from lnbench.neurons.foreign._facts import KV_MAPS

if TYPE_CHECKING:
    from lnbench.neurons._grouped import Heads
    from lnbench.neurons._set import NeuronSet

#: Suffix -> the format that a file of this name is written in, when nothing else is said.
SUFFIXES = {
    ".safetensors": "native",
    ".pt": "native",
    ".pth": "lape",
    ".txt": "plnd",
    ".npy": "mask",
    ".json": "json",
    ".csv": "csv",
}
FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))

#: Stands in a file name for the language, where a format holds one language.
LANGUAGE = "{lang}"


def write_foreign(
    neurons: NeuronSet,
    path: str | Path,
    kind: str,
    *,
    site: str | None = None,
    heads: Heads | None = None,
    kv_map: str | None = None,
) -> tuple[str, ...]:
    """Write a set in the format of another project, all or nothing, and tell what of it the file does not hold.

    Args:
        neurons: the set.
        path: the file; for PLND, which holds one language, a name with ``{lang}`` in it writes one file for each.
        kind: ``lape``, ``plnd``, ``mask``, ``json`` or ``csv``.
        site: of a set with several sites the one that is written, for the formats that hold one (LAPE, masks).
        heads: the model's attention heads, for PLND's k and v where the header's architecture does not say them.
        kv_map: how PLND's k and v shall count in a model with grouped queries: ``layout``, as our reader takes them, or
            ``released``, for PLND's released code.

    Returns:
        What is not in the file, one sentence each.

    Raises:
        SpecError: the format has no place for some neurons, or needs to be told more.
        OutputError: the place cannot be written to.
    """
    if kind not in FORMATS or kind == "native":
        meant = hint(kind, FORMATS[1:])
        raise SpecError(f"unknown format {kind!r}: {meant}choose one of {', '.join(FORMATS[1:])}, or save a native set")
    path, lost = Path(path), list[str]()
    if kind in ("lape", "mask"):
        neurons, lost = _of_one_site(neurons, kind, site)
    elif site is not None:
        raise SpecError(f"a {kind} file holds every site, and site={site} was given: restrict the set instead")
    if kind == "plnd":
        contents, more = _plnd_files(neurons, path, heads, kv_map)
    else:
        contents, more = {path: _bytes(neurons, kind)}, []
    for each in contents:
        check_writable(each)
    for each, data in contents.items():
        with whole(Path(os.path.realpath(each))) as part:
            part.write_bytes(data)
    return (*lost, *more, *_lost(neurons, kind))


def _bytes(neurons: NeuronSet, kind: str) -> bytes:
    if kind == "json":
        return _json.to_bytes(neurons)
    if kind == "csv":
        return _csv.to_bytes(neurons)
    site = _only_site(neurons)
    return _lape.to_bytes(neurons, site) if kind == "lape" else _mask.to_bytes(neurons, site)


def _only_site(neurons: NeuronSet) -> str:
    return neurons.sites[0] if neurons.sites else "ffn.act"


def _of_one_site(neurons: NeuronSet, kind: str, site: str | None) -> tuple[NeuronSet, list[str]]:
    """The neurons of the site that is written, and which others are left out."""
    if site is not None:
        known_site(site)
        left = [f"{counted(neurons.count(site=each))} at {each}" for each in neurons.sites if each != site]
        if len(neurons) and site not in neurons.sites:
            raise SpecError(f"this neuron set has no neurons at {site}: it has {', '.join(neurons.sites)}")
        neurons = neurons.select(sites=site)
    else:
        left = []
        if len(neurons.sites) > 1:
            raise SpecError(
                f"a {kind} file holds one site, and this set has {', '.join(neurons.sites)}: choose one with site="
            )
    if kind == "lape" and _only_site(neurons).startswith("attn"):
        raise SpecError(
            f"LAPE's files are read as feed-forward neurons, and these are at {_only_site(neurons)}: write a mask, "
            "JSON or CSV file"
        )
    return neurons, left


def _plnd_files(
    neurons: NeuronSet, path: Path, heads: Heads | None, kv_map: str | None
) -> tuple[dict[Path, bytes], list[str]]:
    """The files of all languages, and what is changed in them."""
    if "attn.o" in neurons.sites:
        raise SpecError("PLND's text has no place for neurons at attn.o: restrict the set to other sites")
    heads = heads or (neurons.header.architecture.heads if neurons.header.architecture else None)
    grouped = _grouped(neurons, heads)
    if grouped is not None and kv_map is None:
        raise SpecError(
            f"{grouped.group} query heads share a key/value head in this model, and PLND's released code maps rows "
            "with i // n, which is not their layout: say kv_map=layout, as lnbench reads the file, or kv_map=released, "
            "for that code"
        )
    if kv_map not in (None, *KV_MAPS):
        raise SpecError(f"unknown map {kv_map!r} from query to key/value rows: choose {' or '.join(KV_MAPS)}")
    paths = _paths(neurons, path)
    made = {place: _plnd.to_bytes(neurons, label, grouped, kv_map or "layout") for label, place in paths.items()}
    return made, _plnd_changes(neurons, grouped, kv_map)


def _grouped(neurons: NeuronSet, heads: Heads | None) -> Heads | None:
    """The heads where k and v are to be mapped, None where there is nothing to map."""
    if not {"attn.k", "attn.v"} & set(neurons.sites):
        return None
    if heads is not None:
        _check_rows(neurons, heads)
        return heads if heads.group > 1 else None
    if neurons.header.architecture is not None and _plnd.ungrouped(neurons.header.architecture):
        return None
    raise SpecError(
        "PLND's text counts keys and values in rows of the queries, which depend on the model's heads: name the model "
        "(--model), or its heads as in --heads 32,8,128"
    )


def _check_rows(neurons: NeuronSet, heads: Heads) -> None:
    for site in ("attn.k", "attn.v"):
        if site in neurons.sites:
            last = int(neurons.rows().index[neurons.mask(site=site)].max(initial=0))
            if last >= heads.keys * heads.size:
                raise NeuronSetError(
                    f"the set has neuron {last} at {site}, and {heads.keys} key/value heads of size {heads.size} have "
                    f"rows 0 to {heads.keys * heads.size - 1}: give the heads of its model"
                )


def _paths(neurons: NeuronSet, path: Path) -> dict[str, Path]:
    """Language -> its file."""
    if LANGUAGE not in path.name:
        if len(neurons.languages) != 1:
            raise OutputError(
                f"PLND's text holds one language, and the set has {', '.join(neurons.languages) or 'none'}: put "
                f"{LANGUAGE} into the name, as in {path.stem}_{LANGUAGE}{path.suffix}, or restrict the set"
            )
        return {neurons.languages[0]: path}
    for label in neurons.languages:
        if "/" in label or os.sep in label:
            raise OutputError(f"the language {label!r} cannot be part of a file name: write that language alone")
    return {label: path.with_name(path.name.replace(LANGUAGE, label)) for label in neurons.languages}


def _plnd_changes(neurons: NeuronSet, grouped: Heads | None, kv_map: str | None) -> list[str]:
    said = []
    if "ffn.act" in neurons.sites:
        both = " and those of ffn.hidden" if "ffn.hidden" in neurons.sites else ""
        said.append(f"that {neurons.count(site='ffn.act')} neurons are of ffn.act: they{both} are up and down alike")
    if grouped is not None:
        how = "the layout of the heads; PLND's released code would take others" if kv_map == "layout" else "i // n"
        said.append(f"key/value rows as such: each is written as one row of the queries, by {how} (kv_map={kv_map})")
    return said


#: What each format holds beside layers and indices.
_HOLDS = {
    "lape": {"layers"},
    "mask": {"layers", "width"},
    "plnd": {"layers", "site"},
    "json": {"languages", "site", "scores"},
    "csv": {"languages", "site", "scores"},
}


def _lost(neurons: NeuronSet, kind: str) -> list[str]:
    """What of this set a file of the format cannot hold."""
    holds, said = _HOLDS[kind], []
    if "languages" not in holds:
        said.append(f"names of languages: name them when it is read, as in languages={'+'.join(neurons.languages)}")
    elif empty := [label for label in neurons.languages if not neurons.count(label)]:
        said.append(f"languages without neurons: {', '.join(empty)}")
    if "site" not in holds:
        said.append(f"the site: name it when it is read, as in site={_only_site(neurons)}")
    if "layers" not in holds and neurons.layers > int(neurons.rows().layer.max(initial=-1)) + 1:
        said.append(f"the number of layers, {neurons.layers}: the last of them have no neurons")
    if "scores" not in holds and neurons.scores is not None:
        said.append("scores")
    return [*said, *_measured(neurons), *_origin(neurons)]


def _measured(neurons: NeuronSet) -> list[str]:
    said = []
    if neurons.statistics:
        said.append(f"statistics: {', '.join(neurons.statistics)} on {', '.join(neurons.statistic_languages)}")
    if neurons.frequency:
        said.append(f"activation frequencies of {', '.join(neurons.frequency)}")
    if neurons.statistic_languages and not said:
        said.append(f"languages of statistics: {', '.join(neurons.statistic_languages)}")
    return said


def _origin(neurons: NeuronSet) -> list[str]:
    header = neurons.header
    names = ("model", "revision", "architecture", "method", "parameters", "corpus", "history")
    known = [name for name in names if getattr(header, name)]
    return [f"where it comes from: {', '.join(['tool', *known])}"]
