"""Files of tensors that are no neuron sets: deltas, statistics, checkpoints, and the records beside them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.fuzz.formats import Format, of_json, of_safetensors, of_yaml
from tests.fuzz.parsers import Parser


@cache
def delta_file() -> bytes:
    import torch

    from lnbench.models.delta._delta import Delta, DeltaPart, fingerprint

    weight = torch.arange(12.0).reshape(4, 3)
    rows = DeltaPart("a.weight", (4, 3), fingerprint(weight), 0, torch.tensor([1, 3]), torch.ones(2, 3))
    columns = DeltaPart("b.weight", (4, 3), fingerprint(weight), 1, torch.tensor([0]), torch.ones(1, 4))
    whole = DeltaPart("c.bias", (2,), "ab" * 32, None, None, torch.zeros(2))
    made = Delta(
        (rows, columns, whole), {"model": "org/m", "language": "zh", "condition": "specific", "documents": 4, "seed": 0}
    )
    with tempfile.TemporaryDirectory() as folder:
        return made.save(Path(folder) / "a.safetensors").read_bytes()


def delta(path: Path) -> None:
    """A delta, and its header alone."""
    from lnbench.errors import DeltaError
    from lnbench.models import Delta
    from lnbench.models.delta._header import delta_header

    try:
        delta_header(path)
    except DeltaError:
        Delta.load(path)
        raise AssertionError("the header was refused and the file was not") from None
    found = Delta.load(path)
    assert found.numbers >= 0 and len(found.content_hash) == 64
    json.dumps(found.as_json(), allow_nan=False)


@cache
def statistics_file() -> bytes:
    import torch

    from lnbench.detection._measured import CorpusStatistics
    from lnbench.detection._statistics import Statistics
    from lnbench.neurons import Architecture

    counts = torch.arange(12).reshape(2, 3, 2)
    found = Statistics("ffn.act", ("en", "zh"), torch.tensor([20, 30]), counts, counts.double())
    architecture = Architecture(2, {"ffn.act": 3})
    made = CorpusStatistics({"ffn.act": found}, architecture, "org/m", None, {"sha256": "ab"}, {"tokens": 5})
    with tempfile.TemporaryDirectory() as folder:
        made.save(Path(folder) / "a.safetensors")
        return (Path(folder) / "a.safetensors").read_bytes()


def statistics(path: Path) -> None:
    from lnbench.detection import CorpusStatistics

    found = CorpusStatistics.load(path)
    assert found.architecture.layers > 0 and all(site in found.architecture.widths for site in found.sites)


def checkpoint_file() -> bytes:
    import torch
    from safetensors.torch import save

    return save(
        {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2), "b": torch.ones(2, dtype=torch.bfloat16)},
        {"format": "pt"},
    )


def checkpoint(path: Path) -> None:
    from lnbench.models._export._stored import Stored

    found = Stored.find(path.parent)
    assert found is not None
    for key in found.weight_map:
        found.shape(key), found.dtype(key)
        found.read(key)
    found.totals()


INDEX = b'{"metadata": {"total_size": 1}, "weight_map": {"a.weight": "x.safetensors", "a.bias": "x.safetensors"}}'


def beside(folder: Path) -> None:
    (folder / "x.safetensors").write_bytes(checkpoint_file())


CARD = b"---\nlicense: apache-2.0\ntags: [a, b]\n---\n# A model\n"


def card(path: Path) -> None:
    from lnbench.models._export._card import licence_of

    found = licence_of(path)
    assert found is None or isinstance(found, str)


def card_form() -> Format:
    return of_yaml(CARD.split(b"---\n")[1], tokens=(b"---\n", b"license: ", b"\r\n"))


def framed(path: Path) -> None:
    """The hostile YAML as the head of a model's card, or as a whole card."""
    text = path.read_bytes()
    if text.startswith(b"---"):
        card(path)
    else:
        _headed(text)


def _headed(text: bytes) -> None:
    from lnbench.models._export import _card

    class Head:
        @staticmethod
        def read_text(encoding: str) -> str:
            return f"---\n{text.decode(encoding)}\n---\n"

    found = _card.licence_of(Head())  # type: ignore[arg-type]
    assert found is None or isinstance(found, str)


def parsers() -> Iterator[Parser]:
    yield Parser("deltas", "input.safetensors", lambda: of_safetensors(delta_file()), delta)
    yield Parser("statistics", "input.safetensors", lambda: of_safetensors(statistics_file()), statistics)
    yield Parser("checkpoints", "model.safetensors", lambda: of_safetensors(checkpoint_file()), checkpoint)
    yield Parser(
        "checkpoint index",
        "model.safetensors.index.json",
        lambda: of_json(INDEX),
        checkpoint,
        named="safetensors",
        prepare=beside,
    )
    yield Parser("model card", "input.md", card_form, framed)
