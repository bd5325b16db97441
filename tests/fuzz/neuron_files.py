"""Neuron files: our two formats, and those of other projects."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lnbench.errors import UnknownLanguageError
from lnbench.neurons import SITES, Architecture, Heads, NeuronSet, write_foreign
from tests.fuzz.formats import Format, json_text, of_json, of_npy, of_safetensors, of_table, of_zip, plain
from tests.fuzz.parsers import Parser
from tests.fuzz.torch_zip import Text as _Text
from tests.fuzz.torch_zip import saved, torch_zip
from tests.neurons.conftest import full_set

HEADS = Heads(4, 2, 4)
MODEL = Architecture(3, {"ffn.act": 16, "ffn.hidden": 16, "attn.q": 16, "attn.k": 8, "attn.v": 8}, heads=HEADS)


def load(path: Path, *languages: str, architecture: Architecture | None = None) -> NeuronSet:
    """The set, when it is one that holds what it promises."""
    how: dict[str, Any] = {"heads": HEADS} if architecture is None else {"architecture": architecture}
    made = NeuronSet.load(path, list(languages) or None, **how)
    rows = made.rows()
    assert len(made) == len(rows.index) and set(made.sites) <= set(SITES) and len(made.content_hash) == 64
    for column, limit in zip(rows.columns, (len(made.languages), len(made.sites), made.layers), strict=False):
        assert not len(column) or (column.min() >= 0 and column.max() < limit)
    assert made.scores is None or (made.scores.shape == rows.index.shape and np.isfinite(made.scores).all())
    json.dumps(made.header.to_json(), allow_nan=False, ensure_ascii=False).encode()
    return made


def ours(suffix: str) -> list[bytes]:
    """Two sets: with everything that a set can have, and with hardly anything."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}{suffix}" for name in "ab"]
        full_set().save(paths[0])
        NeuronSet.from_indices({"zh": {"ffn.act": [[1], []]}}).save(paths[1])
        return [path.read_bytes() for path in paths]


def foreign(kind: str, made: NeuronSet, languages: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write_foreign(made.select(languages=languages), Path(folder) / "a", kind)
        return (Path(folder) / "a").read_bytes()


def in_both() -> NeuronSet:
    return NeuronSet.from_indices(
        {"zh": {"ffn.act": [[3, 7], [], [1]]}, "fr": {"ffn.act": [[1], [15], []]}}, architecture=MODEL
    )


def two_sets(kind: str) -> list[bytes]:
    return [foreign(kind, in_both(), ["zh", "fr"]), foreign(kind, in_both(), ["zh"])]


def pt_form() -> Format:
    """The tree is the JSON header; the arrays stay."""
    import torch

    def read(data: bytes) -> Any:
        return json.loads(torch.load(io.BytesIO(data), weights_only=True)["lnbench.neurons"])

    def write(tree: Any) -> bytes:
        text = json_text(tree).encode("utf-8", "surrogatepass")
        return torch_zip(
            lambda add: {"lnbench.neurons": _Text(text), **{name: add(each) for name, each in arrays.items()}}
        )

    seeds = ours(".pt")
    arrays = torch.load(io.BytesIO(seeds[0]), weights_only=True)
    del arrays["lnbench.neurons"]
    return of_zip(*seeds, read=read, write=write)


def lape_form() -> Format:
    import torch

    def read(data: bytes) -> Any:
        return [[layer.tolist() for layer in each] for each in torch.load(io.BytesIO(data), weights_only=True)]

    def write(tree: Any) -> bytes:
        return torch_zip(lambda add: _tensors(plain(tree), add))

    return of_zip(*two_sets("lape"), read=read, write=write)


#: What lies below so many lists and dicts stays what it is: this writes files, and what reads them is under test.
_DEEPEST = 100


def _tensors(value: Any, add: Any, depth: int = 0) -> Any:
    """The innermost lists of numbers as tensors."""
    import torch

    if depth > _DEEPEST or not isinstance(value, dict | list):
        return value
    if isinstance(value, dict):
        return {key: _tensors(each, add, depth + 1) for key, each in value.items()}
    if all(isinstance(each, (int, float)) for each in value):
        with suppress(ValueError, RuntimeError, OverflowError):
            return add(torch.tensor(value, dtype=None if value else torch.int64))
    return [_tensors(each, add, depth + 1) for each in value]


def torch_mask_form() -> Format:
    import torch

    mask = torch.zeros(2, 3, 16, dtype=torch.bool)
    mask[0, 1, 5] = mask[1, 2, 0] = True
    return of_zip(saved(mask), saved({"zh": mask[0], "fr": mask[1]}))


def safetensors_mask_form() -> Format:
    from safetensors.numpy import save

    mask = np.zeros((3, 16), bool)
    mask[1, 5] = True
    return of_safetensors(save({"zh": mask, "fr": mask}), save({"zh": mask[:2]}))


def npy_form() -> Format:
    def saved(array: Any, how: Any = np.save) -> bytes:
        buffer = io.BytesIO()
        how(buffer, array)
        return buffer.getvalue()

    mask = np.zeros((2, 3, 16), bool)
    mask[0, 1, 5] = True
    return of_npy(saved(mask), saved(mask.astype(np.int8)))


_PLND = (
    b"{",
    b"}",
    b"set()",
    b"{0: {1, 2}}",
    b"np.int64(5)",
    b"frozenset({1})",
    b"0: ",
    b", ",
    b"{0: set()}\n",
    b"1: [3]",
    b"'5'",
)
_COLUMNS = (
    b"layer",
    b"unit",
    b"neuron",
    b"language",
    b"site",
    b"score",
    b"ffn.act",
    b"zh",
    b'"layer"',
    b";",
    b"\t",
    b"LAYER",
)


def plnd_form() -> Format:
    made = NeuronSet.from_indices(
        {"zh": {"ffn.hidden": [[3, 7], [], [1]], "attn.q": [[1], [], [15]]}}, architecture=MODEL
    )
    as_numpy = b"{0: {np.int64(3)}, 1: set(), 2: {1, 5}}\n" * 5
    return Format((foreign("plnd", made, ["zh"]), as_numpy), _PLND)


def json_form() -> Format:
    scored = b'[{"layer": 1, "neuron": 5, "language": "zh", "site": "ffn.act", "score": 0.5, "x": 1}, '
    scored += b'{"layer": 0, "neuron": 2, "language": "fr", "site": "ffn.act", "score": 0.1, "x": 1}]'
    others = (b"[[[3, 7], []], [[1], [2]]]", b'{"0": [3, 7], "2": [1]}', b'{"ffn.act": [[1], []], "attn.q": [[], [2]]}')
    named = (
        b'{"zh": {"ffn.act": [[1], [3]]}, "fr": {"ffn.act": [[], [2]]}}',
        b'{"zh": [{"layer": 1, "neuron": 5}], "fr": []}',
    )
    return of_json(scored, *others, *named, tokens=_COLUMNS)


def csv_form() -> Format:
    scored = b"language,site,layer,unit,score\nzh,ffn.act,1,5,0.5\nfr,ffn.act,0,2,0.1\n"
    return of_table(
        scored, b"layer,neuron\n1,5\n0,2\n", b'"layer","unit","language","x"\n1,"5","zh","a"\n', tokens=_COLUMNS
    )


def either(path: Path, architecture: Architecture | None = None) -> NeuronSet:
    """A foreign file read with two names of languages, with none and with one: which is right depends on the file."""
    for names in (("zh", "fr"), ()):
        with suppress(UnknownLanguageError):
            return load(path, *names, architecture=architecture)
    return load(path, "zh", architecture=architecture)


def parsers() -> Iterator[Parser]:
    fits = partial(either, architecture=MODEL)
    yield Parser("neurons .safetensors", "input.safetensors", lambda: of_safetensors(*ours(".safetensors")), load)
    yield Parser("neurons .pt", "input.pt", pt_form, load)
    yield Parser("LAPE .pth", "input.neuron.pth", lape_form, fits)
    yield Parser("mask .pt", "input.pt", torch_mask_form, either)
    yield Parser("mask .npy", "input.npy", npy_form, either)
    yield Parser("mask .safetensors", "input.safetensors", safetensors_mask_form, either)
    yield Parser("PLND text", "input.txt", plnd_form, fits)
    yield Parser("neurons JSON", "input.json", json_form, either)
    yield Parser("neurons CSV", "input.csv", csv_form, either)
