"""Neuron files of other projects in a study."""

from pathlib import Path

import pytest

from lnbench.errors import LnbenchError, ModelArgumentError, ModelMismatchError, StudyError, UnknownLanguageError
from lnbench.neurons import NeuronSet, write_foreign
from lnbench.studies import Study

DEMO = {"pretrained": "lnbench/demo"}


@pytest.fixture
def shipped() -> NeuronSet:
    return NeuronSet.load("demo_langs_ffn.safetensors")


def loaded(folder: Path, neurons, model=DEMO) -> NeuronSet:
    keys = {"name": "x", "languages": ["zh", "fr"], "tasks": ["demo_mc"], "model": model, "neurons": neurons}
    return Study.model_validate(keys, context=folder).plan().neurons


def test_a_lape_file_with_its_languages(tmp_path: Path, shipped: NeuronSet):
    write_foreign(shipped, tmp_path / "a.neuron.pth", "lape")
    entry = {"file": "a.neuron.pth", "languages": list(shipped.languages)}
    for given in (entry, [entry]):
        found = loaded(tmp_path, given)
        assert found.content_hash == shipped.content_hash
        assert found.header.architecture == shipped.header.architecture


def test_plnd_files_under_their_languages(tmp_path: Path):
    plnd = NeuronSet.load("demo_langs_plnd.safetensors").select(languages=["zh", "fr"])
    write_foreign(plnd, tmp_path / "{lang}.txt", "plnd")
    found = loaded(tmp_path, {"zh": "zh.txt", "fr": "fr.txt"})
    assert found.content_hash == plnd.content_hash


def test_a_file_that_names_its_languages_gives_the_one_that_is_asked(tmp_path: Path, shipped: NeuronSet):
    write_foreign(shipped, tmp_path / "a.json", "json")
    assert loaded(tmp_path, {"zh": "a.json"}).content_hash == shipped.select(languages=["zh"]).content_hash


@pytest.mark.parametrize(
    ("neurons", "model", "kind", "says"),
    [
        (["a.neuron.pth"], DEMO, UnknownLanguageError, "has 7 languages without a name"),
        ({"zh": "a.neuron.pth"}, DEMO, UnknownLanguageError, "has 7 languages without a name"),
        ([{"file": "a.neuron.pth", "languages": ["zh"]}], DEMO, UnknownLanguageError, "7 languages, and 1 were named"),
        ([{"file": "a.npy", "languages": list("abcdefg")}], DEMO, ModelMismatchError, "counts 400 neurons of a layer"),
        ([{"file": "a.neuron.pth", "languages": list("abcdefg")}], {}, ModelArgumentError, "the study names none"),
        (["nowhere.pt"], DEMO, LnbenchError, "nowhere"),
    ],
)
def test_refusals(neurons, model, kind, says, tmp_path: Path, shipped: NeuronSet):
    write_foreign(shipped, tmp_path / "a.neuron.pth", "lape")
    import numpy as np

    np.save(tmp_path / "a.npy", np.zeros((7, 4, 400), bool))
    with pytest.raises(kind, match=says):
        loaded(tmp_path, neurons, model)


def test_a_mistyped_key_is_told(tmp_path: Path):
    text = "name: x\nlanguages: [zh]\ntasks: [demo_mc]\nneurons:\n  - file: a.pt\n    langages: [zh]\n"
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(StudyError, match=r"langages.*languages"):
        Study.load(tmp_path / "s.yaml")
