"""The shipped neuron sets: what LAPE finds on the shipped model and text, without a look at the planted truth."""

import sys
from pathlib import Path

import pytest

from lnbench.neurons import NeuronSet
from scripts import make_demo_sets
from scripts.demo_model.tokenizer import MODEL_DIR

pytestmark = pytest.mark.skipif(
    not (MODEL_DIR / "model.safetensors").exists(), reason="the demo model's weights are not in this checkout"
)

_listeners: list[list[str]] = []


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        for opened in _listeners:
            opened.append(str(arguments[0]))


sys.addaudithook(_listen)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The sets detected again, and every file that was opened to do it."""
    out, opened = tmp_path_factory.mktemp("sets"), []
    _listeners.append(opened)
    try:
        make_demo_sets.main([str(MODEL_DIR), str(out)])
    finally:
        _listeners.clear()
    return out, opened


def places(neurons: NeuronSet) -> set[tuple[str, int, int]]:
    rows = neurons.rows()
    labels = (neurons.languages[i] for i in rows.language_id)
    return set(zip(labels, rows.layer.tolist(), rows.index.tolist(), strict=True))


def test_the_planted_truth_is_not_read(made) -> None:
    names = {Path(path).name for path in made[1]}
    assert {"zh.txt", "tokenizer.json"} <= names, "the list of opened files is not complete"
    assert "planted.json" not in names and "training.json" not in names


def test_the_shipped_sets_are_the_detected_ones(made) -> None:
    found, shipped = NeuronSet.load(made[0] / make_demo_sets.ALL), NeuronSet.load(make_demo_sets.ALL)
    assert found.languages == shipped.languages
    assert found.header == shipped.header.replace(tool=found.header.tool)
    # Another instruction set may round a borderline activation otherwise, so a neuron or two at the cut may change.
    assert len(places(found) ^ places(shipped)) <= 4


@pytest.mark.parametrize("language", make_demo_sets.LANGUAGES)
def test_a_language_alone_is_its_part_of_the_whole(language: str) -> None:
    whole, alone = NeuronSet.load(make_demo_sets.ALL), NeuronSet.load(f"{language}_ffn.pt")
    assert alone == whole.select(languages=[language])
    assert alone.header.model == "lnbench/demo" and len(alone) > 0
