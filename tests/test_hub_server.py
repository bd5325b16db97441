"""The stand-in for the hub answers `huggingface_hub` as the real one does."""

from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


def text(path):
    return Path(path).read_text()


def test_files_come_back(hub_server):
    first = hub_server.add("org/sets", {"a/zh.txt": "one", "README.md": "# Sets"})
    hub_server.add("org/sets", {"a/zh.txt": "two"}, revision="refs/pr/1")
    found = hf_hub_download("org/sets", "a/zh.txt")
    assert text(found) == "one" and first in found
    assert text(hf_hub_download("org/sets", "a/zh.txt", revision="refs/pr/1")) == "two"
    assert text(hf_hub_download("org/sets", "a/zh.txt", revision=first)) == "one"
    assert HfApi().list_repo_files("org/sets") == ["README.md", "a/zh.txt"]
    assert [entry.path for entry in HfApi().list_repo_tree("org/sets", recursive=True)] == ["README.md", "a/zh.txt"]


def test_what_is_missing(hub_server):
    hub_server.add("org/sets", {"zh.txt": "one"})
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("org/other", "zh.txt")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download("org/sets", "fr.txt")
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download("org/sets", "zh.txt", revision="v9")


def test_private_and_gated(hub_server, monkeypatch):
    hub_server.token = "secret"
    hub_server.add("org/hidden", {"zh.txt": "one"}, private=True)
    hub_server.add("org/gated", {"zh.txt": "one"}, gated=True)
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("org/hidden", "zh.txt")
    with pytest.raises(GatedRepoError):
        hf_hub_download("org/gated", "zh.txt")
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert text(hf_hub_download("org/hidden", "zh.txt")) == "one"
    assert text(hf_hub_download("org/gated", "zh.txt")) == "one"


def test_a_commit_of_small_and_large_files(hub_server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "any")
    api = HfApi()
    api.create_repo("org/new", private=True)
    api.create_repo("org/new", exist_ok=True)
    api.create_branch("org/new", branch="v1/x")
    card = b"---\ntags:\n- a\n---\n# Hi\n"
    adds = [CommitOperationAdd("README.md", card), CommitOperationAdd("m.safetensors", b"12")]
    made = api.create_commit("org/new", adds, commit_message="both", revision="v1/x")
    assert hub_server.files("org/new", "v1/x") == {
        ".gitattributes": b"",
        "README.md": card,
        "m.safetensors": b"12",
    }
    assert hub_server.repos["org/new"].private and hub_server.repos["org/new"].commits[made.oid].message == "both"
    assert len(hub_server.stored) == 1  # the safetensors file went through the large-file storage
    assert list(hub_server.files("org/new")) == [".gitattributes"]
    bad = CommitOperationAdd("README.md", b"---\ntags: 5\n---\n")
    with pytest.raises(ValueError, match="tags"):
        api.create_commit("org/new", [bad], commit_message="no")


def test_nobody_writes_without_a_token(hub_server, monkeypatch):
    with pytest.raises(HfHubHTTPError, match="401"):
        HfApi().create_repo("org/new")
    hub_server.token = "secret"
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi().create_repo("org/new")
    assert not hub_server.repos
