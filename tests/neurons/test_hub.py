"""Sets from the hub: names, the cache, and what is said when the hub gives nothing."""

import logging
import time

import pytest

from lnbench.errors import NeuronFileError
from lnbench.neurons import NeuronSet, load_masks, resolve_mask
from lnbench.neurons.hub import hub_place


@pytest.fixture
def data(neurons, tmp_path):
    return neurons.save(tmp_path / "sent.safetensors").read_bytes()


def refusal(name):
    with pytest.raises(NeuronFileError) as error:
        NeuronSet.load(name)
    assert "\n" not in str(error.value) and str(error.value).startswith(f"{name} did not come from the hub: ")
    return str(error.value).split("hub: ", 1)[1].replace("http://127.0.0.1:", "PORT ")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("hf://org/repo/zh.pt", ("org/repo", "zh.pt", None, "model")),
        ("hf://org/repo/sets/zh.pt@v1", ("org/repo", "sets/zh.pt", "v1", "model")),
        ("hf://org/repo/zh.pt@refs/pr/1", ("org/repo", "zh.pt", "refs/pr/1", "model")),
        ("hf://datasets/org/repo/a/zh.pt@v1", ("org/repo", "a/zh.pt", "v1", "dataset")),
        ("hf://models/org/repo/zh.pt", ("org/repo", "zh.pt", None, "model")),
        ("hf://datasets/repo/zh.pt", ("datasets/repo", "zh.pt", None, "model")),
    ],
)
def test_names(name, place):
    found = hub_place(name)
    assert (found.repo, found.file, found.revision, found.kind) == place


@pytest.mark.parametrize(
    "name", ["hf://org/repo", "hf://repo", "hf://", "hf://org/repo/", "hf:///repo/x.pt", "hf://org/repo/../../x.pt"]
)
def test_malformed_names(name):
    with pytest.raises(NeuronFileError, match="not of the form hf://org/repo/file@revision"):
        resolve_mask(name)


def test_the_hubs_own_order_is_put_right():
    with pytest.raises(NeuronFileError, match=r"goes to the end, hf://org/repo/a/zh\.pt@v1$"):
        resolve_mask("hf://org/repo@v1/a/zh.pt")


def test_a_set_from_every_place(hub_server, neurons, data):
    first = hub_server.add("org/sets", {"zh.safetensors": data, "deep/er/zh.safetensors": data})
    hub_server.add("org/sets", {"zh.safetensors": "damaged"})
    hub_server.add("org/sets", {"new.safetensors": data}, revision="refs/pr/1")
    assert NeuronSet.load("hf://org/sets/deep/er/zh.safetensors") == neurons
    assert NeuronSet.load(f"hf://org/sets/zh.safetensors@{first}") == neurons
    assert NeuronSet.load("hf://org/sets/new.safetensors@refs/pr/1") == neurons
    names = f"hf://org/sets/zh.safetensors@{first}+hf://org/sets/deep/er/zh.safetensors"
    assert load_masks(names).content_hash == neurons.content_hash


def test_a_file_comes_once_and_a_commit_needs_no_hub(hub_server, neurons, data):
    commit = hub_server.add("org/sets", {"zh.safetensors": data})
    for _ in range(2):
        assert NeuronSet.load("hf://org/sets/zh.safetensors") == neurons
    assert hub_server.paths() == ["/org/sets/resolve/main/zh.safetensors"]
    hub_server.requests.clear()
    assert NeuronSet.load(f"hf://org/sets/zh.safetensors@{commit}") == neurons
    assert not hub_server.requests


def test_a_branch_that_moved_is_fetched_anew(hub_server, neurons, data):
    hub_server.add("org/sets", {"zh.safetensors": "old"})
    before = resolve_mask("hf://org/sets/zh.safetensors")
    hub_server.add("org/sets", {"zh.safetensors": data})
    assert NeuronSet.load("hf://org/sets/zh.safetensors") == neurons and before.read_text() == "old"


@pytest.mark.parametrize("trouble", [503, 429, "offline", "gone", "private"])
def test_without_the_hub_the_cache_is_taken_and_that_is_said(hub_server, neurons, data, monkeypatch, caplog, trouble):
    commit = hub_server.add("org/sets", {"a/zh.safetensors": data}, revision="x/y")
    path = resolve_mask("hf://org/sets/a/zh.safetensors@x/y")
    if trouble == "offline":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    elif trouble == "gone":
        hub_server.repos.clear()
    elif trouble == "private":
        hub_server.token, hub_server.repos["org/sets"].private = "secret", True
    else:
        hub_server.trouble = trouble
    with caplog.at_level(logging.WARNING, "lnbench"):
        assert resolve_mask("hf://org/sets/a/zh.safetensors@x/y") == path
    assert f"taking a/zh.safetensors of org/sets@x/y from the cache, commit {commit[:12]}" in caplog.text
    other = refusal("hf://org/sets/a/fr.safetensors@x/y")
    assert "and the cache has no copy: " in other or "or it is private, and" in other


def test_a_hub_that_does_not_answer_costs_seconds(hub_server, monkeypatch):
    monkeypatch.setattr("lnbench._hub._fetch._SECONDS", 1)
    hub_server.trouble = "silent"
    begin = time.monotonic()
    assert "does not answer (" in refusal("hf://org/sets/zh.safetensors")
    assert time.monotonic() - begin < 10 and len(hub_server.requests) == 1


def test_no_server_at_all(hub_server, monkeypatch):
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{filename}"
    )
    assert refusal("hf://org/sets/zh.safetensors").endswith(
        "and the cache has no copy: check the network, or give the path of the file"
    )


def test_something_else_than_a_hub(hub_server, data, monkeypatch):
    hub_server.add("org/sets", {"zh.safetensors": data})
    template = hub_server.endpoint + "/api/whoami-v2?{repo_id}{filename}{revision}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setenv("HF_TOKEN", "any")
    assert "does not answer as a hub does" in refusal("hf://org/sets/zh.safetensors")


def test_what_is_missing_is_named_with_what_is_like_it(hub_server, data):
    names = ["zh_ffn.safetensors", "fr_ffn.safetensors", "README.md", "deep/zh.pt", "other.bin"]
    hub_server.add("org/sets", dict.fromkeys(names, data))
    hub_server.add("org/sets", {}, revision="v1")
    assert refusal("hf://org/sets/zh_fn.safetensors") == (
        "org/sets@main has no file 'zh_fn.safetensors'; did you mean 'zh_ffn.safetensors'? check the name"
    )
    assert refusal("hf://org/sets/zh_ffn.safetensors@v2") == (
        "org/sets has no revision 'v2'; did you mean 'v1'? name a branch, tag or commit"
    )
    assert refusal("hf://org/sets/qqq.pt").startswith("org/sets@main has no file 'qqq.pt' (it has ")
    assert refusal("hf://org/others/zh.safetensors").startswith("there is no repository org/others on PORT")
    assert refusal("hf://o--rg/sets/zh.safetensors").endswith("correct the name")


def test_private_and_gated_sets(hub_server, neurons, data, monkeypatch):
    hub_server.token = "secret"
    hub_server.add("org/hidden", {"zh.safetensors": data}, private=True)
    hub_server.add("org/gated", {"zh.safetensors": data}, gated=True)
    assert "log in with `hf auth login` or set HF_TOKEN" in refusal("hf://org/hidden/zh.safetensors")
    gated = refusal("hf://org/gated/zh.safetensors")
    assert gated.startswith("access to org/gated is gated") and "ask for it at" in gated
    monkeypatch.setenv("HF_TOKEN", "wrong")
    assert "may do this" in refusal("hf://org/hidden/zh.safetensors")
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert NeuronSet.load("hf://org/hidden/zh.safetensors") == neurons
    assert NeuronSet.load("hf://org/gated/zh.safetensors") == neurons


def test_offline_is_one_sentence():
    """The suite runs with HF_HUB_OFFLINE=1."""
    assert refusal("hf://org/repo/zh.pt").endswith("unset it, or give the path of the file")


def test_a_model_by_name_does_not_wait_for_a_silent_hub(hub_server, monkeypatch, caplog):
    """The hub's own libraries would ask six times a file, and wait in between."""
    from huggingface_hub import constants

    from lnbench.errors import ModelArgumentError
    from lnbench.models import load_tokenizer

    monkeypatch.setattr("lnbench._hub._reach._SECONDS", 1)
    hub_server.trouble = "silent"
    begin = time.monotonic()
    with caplog.at_level(logging.WARNING, "lnbench"), pytest.raises(ModelArgumentError, match="cannot be loaded"):
        load_tokenizer("org/model")
    assert len(hub_server.requests) == 1 and time.monotonic() - begin < 30
    assert "looking for org/model in the cache alone" in caplog.text and constants.HF_HUB_OFFLINE is False


def test_somebody_elses_file(hub_server, tmp_path):
    """LAPE's format carries no language names; nothing but the place differs from a file on this machine."""
    import torch

    path = tmp_path / "Tiny.neuron.pth"
    torch.save([[torch.tensor([1, 5]), torch.tensor([2])], [torch.tensor([]).long(), torch.tensor([0])]], path)
    hub_server.add("org/lape", {"Tiny.neuron.pth": path})
    found = NeuronSet.load("hf://org/lape/Tiny.neuron.pth", languages=["en", "zh"])
    assert found == NeuronSet.load(path, languages=["en", "zh"])
    assert [part.tolist() for part in found.indices("en", "ffn.act")] == [[1, 5], [2]]
