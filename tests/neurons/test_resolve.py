import os

import pytest

from lnbench import _data
from lnbench.errors import NeuronFileError, NeuronSetError
from lnbench.neurons import NeuronSet, load_masks, resolve_mask
from tests.neurons.conftest import full_set


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Three folders: the working folder, one of the search path, the shipped one."""
    folders = {name: tmp_path / name for name in ("here", "searched", "shipped")}
    for folder in folders.values():
        folder.mkdir()
    monkeypatch.chdir(folders["here"])
    monkeypatch.setenv("LNBENCH_NEURON_SETS", os.pathsep.join(["/nowhere", str(folders["searched"]), ""]))
    monkeypatch.setattr(_data, "packaged", lambda name: folders["shipped"])
    return folders


def test_the_nearest_file_wins(places, neurons):
    for name in ("shipped", "searched", "here"):
        path = neurons.save(places[name] / "zh_ffn.pt")
        assert resolve_mask("zh_ffn.pt").resolve() == path
    assert NeuronSet.load("zh_ffn.pt") == neurons


def test_names_are_not_completed_but_near_ones_are_told(places, neurons):
    neurons.save(places["shipped"] / "zh_ffn.pt")
    with pytest.raises(
        NeuronFileError, match=r"no neuron set 'zh_ffn'.*; did you mean 'zh_ffn\.pt'\? .*LNBENCH_NEURON_SETS"
    ):
        resolve_mask("zh_ffn")
    with pytest.raises(NeuronFileError, match=r"/nowhere, .*searched, .*shipped"):
        resolve_mask("fr.pt")


@pytest.mark.parametrize("bad", ["", "x\0y", "x" * 5000, "~nobody-of-this-name/x.pt", "/root/../x.pt", "no\nwhere"])
def test_odd_names_are_refused(places, bad):
    with pytest.raises(NeuronFileError):
        resolve_mask(bad)


def test_a_folder_is_no_set(places):
    (places["here"] / "sets").mkdir()
    with pytest.raises(NeuronFileError, match="sets is a folder"):
        resolve_mask("sets")


def test_a_missing_installation_folder_does_not_hide_the_message(tmp_path, monkeypatch):
    def lacks(name):
        raise _data.DataError("no such folder")

    monkeypatch.setattr(_data, "packaged", lacks)
    with pytest.raises(NeuronFileError, match=r"no neuron set 'x\.pt'"):
        resolve_mask("x.pt")


@pytest.mark.parametrize("how", ["a.pt+b.safetensors", ["a.pt", "b.safetensors"], ("a.pt+b.safetensors",)])
def test_several_names_are_their_union(places, neurons, how):
    neurons.select("zh").save(places["here"] / "a.pt")
    neurons.select("fr").save(places["searched"] / "b.safetensors")
    made = load_masks(how)
    assert made.languages == ("zh", "fr") and made.content_hash == neurons.content_hash
    assert made.scores.tolist() == neurons.scores.tolist()


def test_a_plus_in_a_path_is_no_list(places, neurons):
    neurons.save(places["here"] / "c++.pt")
    neurons.select("zh").save(places["here"] / "a.pt")
    assert load_masks("c++.pt") == neurons
    assert load_masks(places["here"] / "c++.pt") == neurons
    with pytest.raises(NeuronFileError, match=r"no neuron set 'b\.pt'"):
        load_masks("a.pt+b.pt")
    with pytest.raises(NeuronFileError, match="name of the neuron set is empty"):
        load_masks("a.pt+")


def test_one_set_stays_as_it_is(places, neurons):
    neurons.save(places["here"] / "a.pt")
    assert load_masks("a.pt") == neurons


def test_no_name_at_all():
    with pytest.raises(NeuronFileError, match="no neuron set is named"):
        load_masks([])


def test_sets_of_two_models_are_not_joined(places, neurons):
    neurons.save(places["here"] / "a.pt")
    full_set(header=neurons.header.replace(model="org/other")).save(places["here"] / "b.pt")
    with pytest.raises(NeuronSetError, match="model org/tiny is not org/other"):
        load_masks("a.pt+b.pt")
