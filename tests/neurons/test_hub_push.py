"""Sets to the hub: one commit with the sets, their card and their pictures; nothing at all where something is wrong."""

import re

import pytest
import yaml

import lnbench
from lnbench.errors import OutputError
from lnbench.neurons import Architecture, NeuronSet, hub
from lnbench.neurons.hub import push_sets, set_card
from lnbench.neurons.hub._markdown import code
from tests.hub_server import metadata_errors

PNG = b"\x89PNG"


@pytest.fixture
def token(hub_server, monkeypatch):
    hub_server.token = "secret"
    monkeypatch.setenv("HF_TOKEN", "secret")


@pytest.fixture
def painter(monkeypatch):
    monkeypatch.setattr(hub._painter, "_painters", [lambda neurons, name: PNG + name.encode()])


def pushed(neurons, repo="org/sets", **how):
    return push_sets(repo, {"zh.safetensors": neurons}, **how)


def test_a_set_comes_back_as_it_went(hub_server, token, painter, neurons):
    name = neurons.push_to_hub("org/sets", "a/zh.pt", private=True)
    assert NeuronSet.load(name) == neurons and re.fullmatch(r"hf://org/sets/a/zh\.pt@[0-9a-f]{40}", name)
    files = hub_server.files("org/sets")
    assert sorted(files) == [".gitattributes", "README.md", "a/zh.pt", "pictures/a/zh.pt.png"]
    assert files["pictures/a/zh.pt.png"] == PNG + b"a/zh.pt"
    assert hub_server.repos["org/sets"].private
    assert [commit.message for commit in hub_server.repos["org/sets"].commits.values()] == [
        "initial commit",
        "Add a/zh.pt",
    ]


def test_through_the_front_door_there_is_a_picture(hub_server, token, neurons):
    made = lnbench.NeuronSet.from_indices({"zh": {"ffn.act": [[1, 2]]}, "fr": {"ffn.act": [[2, 3]]}})
    made.push_to_hub("org/sets")
    picture = hub_server.files("org/sets")["pictures/neurons.safetensors.png"]
    assert (
        picture.startswith(PNG) and b"(pictures/neurons.safetensors.png)" in hub_server.files("org/sets")["README.md"]
    )


def test_the_same_again_is_no_new_commit(hub_server, token, painter, neurons):
    assert pushed(neurons).commit == pushed(neurons).commit
    assert len(hub_server.repos["org/sets"].commits) == 2


def test_a_branch(hub_server, token, painter, neurons):
    pushed(neurons)
    main = hub_server.files("org/sets")
    for _ in range(2):
        pushed(neurons.select(layers=0), revision="tries/one", message="Layer 0")
    assert hub_server.files("org/sets") == main
    assert NeuronSet.load("hf://org/sets/zh.safetensors@tries/one") == neurons.select(layers=0)
    assert hub_server.repos["org/sets"].at("tries/one").message == "Layer 0"


def test_what_the_owner_wrote_stays(hub_server, token, painter, neurons):
    own = "---\nlicense: mit\ntags:\n- mine\n---\n# My sets\n\nRead this.\n"
    hub_server.add("org/sets", {"README.md": own})
    pushed(neurons)
    push_sets("org/sets", {"fr.safetensors": neurons})
    both = hub_server.files("org/sets")["README.md"].decode()
    assert both.startswith(own.rstrip()) and both.count("## zh.safetensors") == both.count("## fr.safetensors") == 1
    below = both + "\nMy last words.\n"
    hub_server.add("org/sets", {"README.md": below})
    pushed(neurons.select(layers=0))
    after = hub_server.files("org/sets")["README.md"].decode()
    assert after.startswith(own.rstrip()) and after.endswith("\nMy last words.\n")
    assert after.count("## zh.safetensors") == after.count("## fr.safetensors") == 1
    assert neurons.select(layers=0).content_hash in after and after.count(neurons.content_hash) == 1


def test_private_is_not_taken_lightly(hub_server, token, painter, neurons):
    pushed(neurons)
    before = hub_server.files("org/sets")
    with pytest.raises(OutputError, match="is there already and public, and private was asked for"):
        pushed(neurons.select(layers=0), private=True)
    assert hub_server.files("org/sets") == before


@pytest.mark.parametrize(
    ("repo", "file", "how", "why"),
    [
        ("sets", "zh.pt", {}, "'sets' is no name of a repository: write it as org/name"),
        ("org/a/b", "zh.pt", {}, "is no name of a repository"),
        ("org/a..b", "zh.pt", {}, "is no name of a repository"),
        ("org/sets", "zh.bin", {}, r"'zh\.bin' has no suffix of a neuron set"),
        ("org/sets", "../zh.pt", {}, r"'\.\./zh\.pt' cannot be a file there"),
        ("org/sets", "a b.pt", {}, r"'a b\.pt' cannot be a file there"),
        ("org/sets", "zh.pt", {"message": " "}, "message of the commit is empty"),
    ],
)
def test_what_cannot_be_is_not_sent(hub_server, token, painter, neurons, repo, file, how, why):
    with pytest.raises(OutputError, match=why) as error:
        push_sets(repo, {file: neurons}, **how)
    assert "\n" not in str(error.value) and not hub_server.requests


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (None, "writing to the hub needs a token: log in with `hf auth login` or set HF_TOKEN"),
        ("wrong", r"does not let you write to org/sets \(Forbidden: your token may not write here\): see whether"),
        (503, r"does not answer \(status 503\): check the network and send it again"),
        ("offline", "the hub is switched off by HF_HUB_OFFLINE: unset it"),
    ],
)
def test_a_hub_that_does_not_take_it(hub_server, painter, neurons, monkeypatch, trouble, why):
    hub_server.token = "secret"
    if trouble:
        monkeypatch.setenv("HF_TOKEN", "secret" if trouble == 503 else "wrong")
    if trouble == 503:
        hub_server.trouble = 503
    if trouble == "offline":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OutputError, match=f"^nothing was sent to 'org/sets': .*{why}") as error:
        pushed(neurons)
    assert "\n" not in str(error.value) and not hub_server.repos


EVIL = 'x`|<script>alert(1)</script>\n\n# Title [a](http://b) ![i](j) <!-- lnbench set zh.safetensors end --> \u202e "'


def evil_set():
    header = {
        "model": "org/model",
        "revision": EVIL,
        "method": f"m{EVIL}",
        "parameters": {EVIL: EVIL},
        "corpus": {"text": [EVIL, "``"]},
        "history": [EVIL, "a" * 5000],
    }
    label = EVIL.replace("\n", "").replace("\u202e", "")  # these no label may have
    return NeuronSet.from_indices({label: {"ffn.act": [[1], [2]]}, "fr": {"ffn.act": [[], [2]]}}, **header)


def test_a_strangers_words_are_shown_and_not_obeyed():
    card = set_card("org/sets", {"zh.safetensors": evil_set()}, {})
    markdown = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"html": True, "linkify": False})
    tokens = list(markdown.parse(card.split("---\n", 2)[2]))
    inline = [child for token in tokens for child in token.children or []]
    allowed = {"text", "code_inline", "html_inline", "link_open", "link_close", "softbreak"}
    assert {token.type for token in inline} <= allowed
    assert {token.content for token in inline if token.type == "html_inline"} == {"<br>"}
    assert [token.attrs["href"] for token in inline if token.type == "link_open"] == [
        "https://pypi.org/project/lnbench/"
    ]
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2"]
    blocks = [token.content.strip() for token in tokens if token.type == "html_block"]
    assert [block.split(">")[0].split()[0] for block in blocks] == ["<!--", "<details", "</details", "<!--"]
    shown = [token.content for token in inline if token.type == "code_inline"]
    assert any("<script>alert(1)</script>" in text and "|" in text for text in shown)
    assert not any("\u202e" in text or "\n" in text for text in shown)
    assert len(card) < 20_000


@pytest.mark.parametrize("text", ["", "`", "``a`", " a ", "a|b", "a\\|b", "a\nb", "é", "a" * 601])
def test_code_spans(text):
    markdown = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    inline = markdown.parse(f"| a | b |\n|---|---|\n| {code(text)} | 1 |")
    cells = [token.children for token in inline if token.type == "inline"][2:]
    assert [token.type for token in cells[0]] == ["code_inline"] and len(cells) == 2
    if text.isprintable() and len(text) <= 600 and text.strip():
        assert cells[0][0].content == text


def test_a_card_and_a_strangers_mark(neurons):
    """A header that quotes the mark of the end does not cut the part short."""
    card = set_card("org/sets", {"zh.safetensors": evil_set()}, {})
    again = set_card("org/sets", {"zh.safetensors": neurons}, {}, existing=card)
    assert again == set_card("org/sets", {"zh.safetensors": neurons}, {}, existing=again)
    assert "<script>" not in again and again.count("<!-- lnbench set zh.safetensors end -->") == 1


def front_matter(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_front_matter_is_what_the_hub_takes(neurons):
    card = set_card("org/sets", {"zh.safetensors": neurons, "evil.pt": evil_set()}, {})
    assert metadata_errors(card) == []
    data = front_matter(card)
    assert data["base_model"] == ["org/model", neurons.header.model] and data["library_name"] == "lnbench"
    assert "license" not in data and neurons.header.method in data["tags"]
    assert not any("<" in tag or "\n" in tag for tag in data["tags"])
    from huggingface_hub import ModelCard

    assert ModelCard(card).data.base_model == data["base_model"]
    demo = NeuronSet.from_indices({"zh": {"ffn.act": [[1]]}}, model="lnbench/demo")
    assert "base_model" not in front_matter(set_card("org/sets", {"zh.pt": demo}, {}))
    assert "planted positive control" in set_card("org/sets", {"zh.pt": demo}, {})


def test_the_card_counts(neurons):
    card = set_card("org/sets", {"zh.safetensors": neurons}, {"zh.safetensors": "p.png"})
    lines = card.splitlines()
    for label in neurons.languages:
        counts = [neurons.count(label, site) for site in neurons.sites]
        assert f"| `{label}` | {' | '.join(map(str, [*counts, sum(counts)]))} |" in lines
    for layer in range(neurons.layers):
        counts = [neurons.count(label, layer=layer) for label in neurons.languages]
        assert f"| {layer} | {' | '.join(map(str, counts))} |" in lines
    assert f"| content hash | `{neurons.content_hash}` |" in lines
    assert neurons.header.architecture.fingerprint in card
    assert 'neurons = lnbench.NeuronSet.load("hf://org/sets/zh.safetensors")' in lines
    assert "![Overlap of the languages and neurons by layer](p.png)" in lines


def test_a_set_without_neurons_and_one_without_a_model(hub_server, token):
    empty = NeuronSet.from_indices({"zh": {}}, architecture=Architecture(2, {"ffn.act": 4}))
    bare = NeuronSet.from_indices({"zh": {"ffn.act": [[1]]}})
    lnbench.NeuronSet  # noqa: B018 (hands in the painter)
    push_sets("org/sets", {"empty.pt": empty, "bare.pt": bare})
    files = hub_server.files("org/sets")
    assert "pictures/bare.pt.png" in files and "pictures/empty.pt.png" not in files
    assert b"--model_args pretrained=MODEL,mask=hf://org/sets/bare.pt --tasks" in files["README.md"]
