"""Other projects' files: what they hold, how they are told apart, what is asked for, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from lnbench.errors import (
    LnbenchError,
    ModelMismatchError,
    NeuronFileError,
    NeuronSetError,
    SpecError,
    UnknownLanguageError,
)
from lnbench.neurons import Architecture, FileFacts, Heads, NeuronSet, file_format, is_native, load_masks
from tests.neurons.conftest import TINY, full_set
from tests.neurons.test_algebra import table

TENSORS = [[torch.tensor([3, 7]), torch.tensor([], dtype=torch.int64)], [torch.tensor([2]), torch.tensor([7])]]
WANTED = {("zh", "ffn.act", 0, 3), ("zh", "ffn.act", 0, 7), ("fr", "ffn.act", 0, 2), ("fr", "ffn.act", 1, 7)}
MASK = np.zeros((2, 2, 9), bool)
MASK[[0, 0, 1, 1], [0, 0, 0, 1], [3, 7, 2, 7]] = True
ROWS = [{"layer": layer, "neuron": index, "language": label} for label, _, layer, index in sorted(WANTED)]
BY_LANGUAGE = {"zh": {"0": [3, 7], "1": []}, "fr": {"0": [2], "1": [7]}}
LISTS = [[[3, 7], []], [[2], [7]]]


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


#: name -> how to write it, its format, and whether it names its languages itself.
SAME = {
    "lape": (lambda p: torch.save(TENSORS, p), "lape", False),
    "lape of tuples": (lambda p: torch.save(tuple(map(tuple, TENSORS)), p), "lape", False),
    "lape of int32": (lambda p: torch.save([[t.int() for t in layers] for layers in TENSORS], p), "lape", False),
    "npy": (lambda p: np.save(p.open("wb"), MASK), "mask", False),
    "npy of bytes": (lambda p: np.save(p.open("wb"), MASK.astype(np.uint8)), "mask", False),
    "fortran npy": (lambda p: np.save(p.open("wb"), np.asfortranarray(MASK)), "mask", False),
    "torch mask": (lambda p: torch.save(torch.from_numpy(MASK), p), "mask", False),
    "torch masks": (lambda p: torch.save({"zh": torch.tensor(MASK[0]), "fr": torch.tensor(MASK[1])}, p), "mask", True),
    "safetensors mask": (lambda p: save_file({"mask": MASK}, p), "mask", False),
    "json list": (lambda p: write(p, json.dumps(ROWS)), "json", True),
    "json by language": (lambda p: write(p, json.dumps(BY_LANGUAGE)), "json", True),
    "json lists": (lambda p: write(p, json.dumps(LISTS)), "json", False),
    "json lists by language": (lambda p: write(p, json.dumps(dict(zip(("zh", "fr"), LISTS)))), "json", True),
    "json by site": (
        lambda p: write(p, json.dumps({k: {"ffn.act": v} for k, v in BY_LANGUAGE.items()})), "json", True
    ),
    "json records by language": (
        lambda p: write(p, json.dumps({k: [{"layer": r["layer"], "unit": r["neuron"]} for r in ROWS
                                           if r["language"] == k] for k in ("zh", "fr")})), "json", True
    ),
    "csv": (lambda p: write(p, "layer,unit,language\n0,3,zh\n0,7,zh\n0,2,fr\n1,7,fr\n"), "csv", True),
    "csv of pandas": (lambda p: write(p, ",Lang,Layer,Neuron\n0,zh,0,3\n1,zh,0,7\n2,fr,0,2\n3,fr,1,7\n"), "csv", True),
    "csv with a mark": (
        lambda p: write(p, "\ufefflang;layer;idx\r\nzh;0;3.0\r\nzh;0;7.0\r\nfr;0;2\r\nfr;1;7\r\n"), "csv", True
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME, ids=lambda name: name.replace(" ", "-"))
def test_every_format_gives_the_same_neurons(name, tmp_path):
    make, kind, names_itself = SAME[name]
    path = tmp_path / "file"
    make(path)
    assert file_format(path) == kind and not is_native(path)
    found = NeuronSet.load(path, languages=["zh", "fr"] if not names_itself else None)
    assert table(found) == WANTED
    assert set(found.languages) == {"zh", "fr"}
    assert found.header.history[0].startswith(f"read from file ({kind}, sha256 ")
    assert found.header.model is None and found.header.method is None, "the file says nothing of these"


@pytest.mark.parametrize("name", [name for name in SAME if not SAME[name][2]], ids=lambda name: name.replace(" ", "-"))
def test_names_are_asked_for_where_a_file_has_none(name, tmp_path):
    SAME[name][0](tmp_path / "file")
    with pytest.raises(UnknownLanguageError, match=r"has 2 languages without a name: give them in the file's order"):
        NeuronSet.load(tmp_path / "file")
    for wrong in (["zh"], ["zh", "fr", "en"]):
        with pytest.raises(UnknownLanguageError, match=f"has 2 languages, and {len(wrong)} were named"):
            NeuronSet.load(tmp_path / "file", languages=wrong)
    with pytest.raises(NeuronSetError, match="listed twice"):
        NeuronSet.load(tmp_path / "file", languages=["zh", "zh"])


def test_names_that_contradict_the_file_are_refused(tmp_path):
    SAME["csv"][0](tmp_path / "file")
    assert NeuronSet.load(tmp_path / "file", languages=["zh", "fr"]).languages == ("zh", "fr")
    with pytest.raises(UnknownLanguageError, match="names its languages itself, zh, fr"):
        NeuronSet.load(tmp_path / "file", languages=["fr", "zh"])


def test_what_was_assumed_is_in_the_history(tmp_path):
    torch.save(TENSORS, tmp_path / "a.pth")
    told = NeuronSet.load(tmp_path / "a.pth", languages=["zh", "fr"], site="ffn.hidden")
    assert told.sites == ("ffn.hidden",) and told.header.history[1] == "site ffn.hidden as told"
    assert "languages zh+fr as told" in told.header.history[0]
    silent = NeuronSet.load(tmp_path / "a.pth", languages=["zh", "fr"])
    assert silent.header.history[1] == "site ffn.act, because nothing else was told"


def test_sites_scores_and_unknown_columns(tmp_path):
    write(tmp_path / "a.csv", "language,site,layer,unit,score,entropy\nzh,attn.q,0,3,0.5,9\nfr,ffn.act,1,2,-1e-3,9\n")
    found = NeuronSet.load(tmp_path / "a.csv")
    assert found.sites == ("ffn.act", "attn.q") and found.scores.tolist() == pytest.approx([0.5, -1e-3])
    assert found.header.history[-1] == "left aside: 'entropy'"
    with pytest.raises(SpecError, match=r"site=ffn\.act was given too"):
        NeuronSet.load(tmp_path / "a.csv", site="ffn.act")


# The model


def test_a_model_that_is_told_is_held_to(tmp_path):
    np.save(tmp_path / "a.npy", MASK)
    fits = Architecture(2, {"ffn.act": 9, "attn.q": 4})
    found = NeuronSet.load(tmp_path / "a.npy", ["zh", "fr"], model="org/m", architecture=fits)
    assert found.header.architecture == fits and found.header.model == "org/m"
    for other, says in (
        (Architecture(3, {"ffn.act": 9}), "counts 2 layers and this model has 3"),
        (Architecture(2, {"ffn.act": 10}), "counts 9 neurons of a layer and this model has 10 at ffn.act"),
    ):
        with pytest.raises(ModelMismatchError, match=says):
            NeuronSet.load(tmp_path / "a.npy", ["zh", "fr"], architecture=other)
    torch.save(TENSORS, tmp_path / "a.pth")
    with pytest.raises(ModelMismatchError, match=r"neuron \(language 'zh', site 'ffn.act', layer 0, index 7\)"):
        NeuronSet.load(tmp_path / "a.pth", ["zh", "fr"], architecture=Architecture(2, {"ffn.act": 7}))


def test_a_native_file_is_held_to_the_model_too(tmp_path):
    path = full_set().save(tmp_path / "a.pt")
    assert NeuronSet.load(path, model="org/tiny", architecture=TINY) == full_set()
    with pytest.raises(NeuronSetError, match="made for org/tiny, and org/other was named"):
        NeuronSet.load(path, model="org/other")
    bare = NeuronSet.from_indices({"zh": {"ffn.act": [[1]] * 3}}).save(tmp_path / "bare.pt")
    filled = NeuronSet.load(bare, model="org/tiny", architecture=TINY)
    assert (filled.header.model, filled.header.architecture) == ("org/tiny", TINY)
    with pytest.raises(ModelMismatchError):
        NeuronSet.load(path, architecture=Architecture(9, dict(TINY.widths)))


# PLND

PLND = "{{0: {{1, 5}}, 1: set()}}\n{{0: {{np.int64(5), np.int64(6)}}}}\n{q}\n{k}\n{{}}\n"


def plnd(path: Path, q: str = "{}", k: str = "{}") -> Path:
    write(path, PLND.format(q=q, k=k))
    return path


def test_up_and_down_are_one_neuron(tmp_path):
    path = plnd(tmp_path / "zh.txt", q="{1: {0}, 0: [3, 2]}")
    assert file_format(path) == "plnd"
    found = NeuronSet.load(path, ["zh"])
    hidden = {("zh", "ffn.hidden", 0, index) for index in (1, 5, 6)}
    assert table(found) == hidden | {("zh", "attn.q", 0, 2), ("zh", "attn.q", 0, 3), ("zh", "attn.q", 1, 0)}
    assert "up 2 and down 2 are 3 neurons of ffn.hidden" in found.header.history
    assert found.layers == 2


def test_keys_and_values_are_mapped_by_the_heads(tmp_path):
    path = plnd(tmp_path / "zh.txt", k="{0: {640, 128, 0, 512}}")
    found = NeuronSet.load(path, ["zh"], heads=Heads(32, 8, 128))
    assert found.indices("zh", "attn.k")[0].tolist() == [0, 128], "head 5 dimension 0 is row 128"
    assert found.header.history[-1] == "k: 4 rows in query space are 2 key/value rows by the layout of the heads"
    as_released = NeuronSet.load(path, ["zh"], heads=Heads(32, 8, 128), kv_map="released")
    assert as_released.indices("zh", "attn.k")[0].tolist() == [0, 32, 128, 160]


def test_every_query_row_against_the_layout(tmp_path):
    heads, keys, size = 32, 8, 128
    layout = np.repeat(np.arange(keys * size).reshape(keys, 1, size), heads // keys, axis=1).ravel()
    for row in (*range(0, 4096, 37), 4095):
        path = plnd(tmp_path / "zh.txt", k=f"{{0: {{{row}}}}}")
        found = NeuronSet.load(path, ["zh"], heads=Heads(heads, keys, size))
        assert found.indices("zh", "attn.k")[0].tolist() == [layout[row]]
    every = plnd(tmp_path / "zh.txt", k=f"{{0: {set(range(4096))}}}")
    found = NeuronSet.load(every, ["zh"], heads=Heads(heads, keys, size))
    assert found.indices("zh", "attn.k")[0].tolist() == list(range(1024))


def test_heads_come_with_the_architecture_or_are_asked_for(tmp_path):
    path = plnd(tmp_path / "zh.txt", k="{0: {9}}")
    with pytest.raises(NeuronFileError, match=r"line of k counts rows of the queries.*--heads 32,8,128"):
        NeuronSet.load(path, ["zh"])
    grouped = Architecture(2, {"ffn.hidden": 9, "attn.q": 16, "attn.k": 8}, heads=Heads(4, 2, 4))
    assert NeuronSet.load(path, ["zh"], architecture=grouped).indices("zh", "attn.k")[0].tolist() == [5]
    plain = Architecture(2, {"ffn.hidden": 9, "attn.q": 16, "attn.k": 16})
    assert NeuronSet.load(path, ["zh"], architecture=plain).indices("zh", "attn.k")[0].tolist() == [9]
    with pytest.raises(NeuronFileError, match="query row 9 does not exist"):
        NeuronSet.load(path, ["zh"], heads=Heads(2, 1, 4))


# Several files


def test_names_are_shared_out_among_files(tmp_path):
    zh, fr = plnd(tmp_path / "zh.txt"), plnd(tmp_path / "fr.txt", q="{0: {2}}")
    both = load_masks([zh, fr], FileFacts(languages=("zh", "fr")))
    assert (both.count("zh"), both.count("fr")) == (3, 4)
    one = load_masks([zh, fr], FileFacts(languages=("zh",)))
    assert one.languages == ("zh",) and len(one) == 4
    native = full_set().save(tmp_path / "a.pt")
    mixed = load_masks([native, zh], FileFacts(languages=("zh",)))
    assert mixed.languages == ("zh", "fr") and len(mixed) == 8
    with pytest.raises(UnknownLanguageError, match=r"3 languages .* the files lack 2 \(zh.txt 1, fr.txt 1\)"):
        load_masks([zh, fr], FileFacts(languages=("a", "b", "c")))
    with pytest.raises(SpecError, match="need no languages"):
        load_masks([native, native], FileFacts(languages=("zh", "fr")))


# The authors' published files

SEVEN = ("en", "zh", "fr", "es", "vi", "id", "ja")


def test_the_published_files_have_the_known_numbers(test_data):
    folder = test_data / "lape_neurons"
    found = NeuronSet.load(folder / "LLaMA-2-7B.neuron.pth", SEVEN)
    assert [found.count(label) for label in SEVEN] == [95, 583, 1022, 838, 836, 1068, 582]
    rows = found.rows()
    distinct = np.unique(np.stack([rows.layer, rows.index], axis=1), axis=0)
    assert (len(found), len(distinct), found.layers) == (5024, 3523, 32)
    for layers, of_distinct, of_rows in ((range(2), 25.3, 26.0), (range(2, 16), 6.7, 8.7), (range(16, 32), 67.9, 65.4)):
        assert round(100 * np.isin(distinct[:, 0], layers).mean(), 1) == of_distinct
        assert round(100 * np.isin(rows.layer, layers).mean(), 1) == of_rows
    mistral = NeuronSet.load(folder / "Mistral-7B.neuron.pth", SEVEN[:6])
    assert [mistral.count(label) for label in mistral.languages] == [76, 1190, 919, 838, 1554, 1445]
    with pytest.raises(UnknownLanguageError, match="has 6 languages, and 7 were named"):
        NeuronSet.load(folder / "Mistral-7B.neuron.pth", SEVEN)


def test_overlaps_of_the_published_file_against_sets(test_data):
    path = test_data / "lape_neurons" / "LLaMA-2-7B.neuron.pth"
    plain = [{(i, int(j)) for i, layer in enumerate(layers) for j in layer} for layers in torch.load(path)]
    found = NeuronSet.load(path, SEVEN)
    for i, first in enumerate(SEVEN):
        assert len(found.exclusive(first)) == len(plain[i] - set().union(*(p for k, p in enumerate(plain) if k != i)))
        for j, second in enumerate(SEVEN[:i]):
            assert len(found.shared([first, second], label="both")) == len(plain[i] & plain[j])


def test_a_published_file_of_another_shape_of_model_is_refused(test_data):
    path = test_data / "lape_neurons" / "LLaMA-2-7B.neuron.pth"
    assert len(NeuronSet.load(path, SEVEN, architecture=Architecture(32, {"ffn.act": 11_008}))) == 5024
    for shape in (Architecture(40, {"ffn.act": 13_824}), Architecture(32, {"ffn.act": 8_000})):
        with pytest.raises(ModelMismatchError):
            NeuronSet.load(path, SEVEN, architecture=shape)


# What is refused, each with a sentence of its own

WRONG = {
    "old pickle": (lambda p: torch.save(TENSORS, p, _use_new_zipfile_serialization=False), "old pickle.*torch.save"),
    "floats": (lambda p: torch.save([[torch.ones(2)]], p), "holds float32 of shape"),
    "a matrix": (lambda p: torch.save([[torch.ones(2, 2, dtype=torch.int64)]], p), r"of shape \(2, 2\)"),
    "layers of unequal number": (lambda p: torch.save([TENSORS[0], TENSORS[1][:1]], p), "1 layers for one language"),
    "an empty list": (lambda p: torch.save([], p), "holds no list of languages"),
    "no layers": (lambda p: torch.save([[], []], p), "the shortest of length 0"),
    "lists of lists": (lambda p: torch.save([[[1, 2]]], p), "no plain tensor"),
    "negative": (lambda p: torch.save([[torch.tensor([-1])]], p), "holds -1"),
    "huge": (lambda p: torch.save([[torch.tensor([2**40])]], p), "holds 1099511627776"),
    "twice": (lambda p: torch.save([[torch.tensor([5, 5])]], p), "listed twice"),
    "one tensor for all": (lambda p: torch.save([[torch.arange(9000)] * 64] * 9, p), "no plain tensor"),
    "float mask": (lambda p: np.save(p.open("wb"), np.ones((2, 3, 4))), "holds float64"),
    "flat mask": (lambda p: np.save(p.open("wb"), np.ones(4, bool)), r"has the shape \(4,\)"),
    "mask of twos": (lambda p: np.save(p.open("wb"), 2 * np.ones((2, 3, 4), np.int8)), "holds int8"),
    "object array": (lambda p: np.save(p.open("wb"), np.array([{}, 1]), allow_pickle=True), "damaged or empty .npy"),
    "npz": (lambda p: np.savez(p.open("wb"), np.ones(3)), "zip file but not of torch"),
    "nan score": (lambda p: write(p, '[{"layer": 0, "neuron": 1, "score": NaN}]'), "score is nan"),
    "infinite score": (lambda p: write(p, "layer,unit,score\n0,1,inf\n"), "line 2: a score is inf"),
    "empty score": (lambda p: write(p, "layer,unit,score\n0,1,\n"), "line 2: a score is ''"),
    "float index": (lambda p: write(p, '[{"layer": 0, "neuron": 1.5}]'), "index is 1.5"),
    "bool index": (lambda p: write(p, '[{"layer": 0, "neuron": true}]'), "index is True"),
    "word as index": (lambda p: write(p, "layer,unit\n0,one\n"), "line 2: index is 'one'"),
    "negative index": (lambda p: write(p, '{"zh": {"0": [-4]}}'), "holds -4"),
    "huge layer": (lambda p: write(p, "layer,unit\n99999,1\n"), "layer 99999: no model has more than 4096"),
    "endless number": (lambda p: write(p, '[{"layer": 0, "neuron": 1' + "0" * 5000 + "}]"), "no JSON that can be read"),
    "long number": (lambda p: write(p, '[{"layer": 0, "neuron": 1' + "0" * 400 + "}]"), "index of more than 30 digits"),
    "unknown site": (lambda p: write(p, "site,layer,unit\nmlp,0,1\n"), "line 2: unknown site 'mlp'"),
    "a cell too many": (lambda p: write(p, "layer,unit\n0,1,2\n"), "line 2: it has 3 cells, and the table has 2"),
    "two columns of layers": (lambda p: write(p, "layer,unit,layer_id\n0,1,2\n"), "two of its columns mean layer"),
    "no units": (lambda p: write(p, "layer,language\n0,zh\n"), "no column unit, neuron or index"),
    "key twice": (lambda p: write(p, '{"zh": [[1]], "zh": [[2]]}'), "the key 'zh' comes twice"),
    "layer twice": (lambda p: write(p, '{"0": [1], "00": [2]}'), "a layer comes twice"),
    "uneven records": (lambda p: write(p, '[{"layer": 0, "unit": 1}, {"layer": 0, "unit": 2, "site": 1}]'), "the same"),
    "neuron twice": (lambda p: write(p, '[{"layer": 0, "neuron": 1}, {"layer": 0, "neuron": 1}]'), "listed twice"),
    "boolean label": (lambda p: write(p, '[{"layer": 0, "neuron": 1, "language": false}]'), "YAML reads a bare `no`"),
    "json object": (lambda p: write(p, '{"zh": {"a": 3}}'), "neurons in JSON are"),
    "latin-1": (lambda p: p.write_bytes(b"layer,unit\n0,\xe9\n"), "no UTF-8 text"),
    "open quote": (lambda p: write(p, 'layer,unit\n0,"1\n'), "no table after line"),
    "four lines": (lambda p: write(p, "{0: {1}}\n{}\n{}\n{}\n"), "has 4 lines, and PLND's text has five"),
    "code in plnd": (lambda p: write(p, "{0: __import__('os').mkdir('ran')}\n{}\n{}\n{}\n{}\n"), "cannot be read in"),
    "word in plnd": (lambda p: write(p, "{0: {one}}\n{}\n{}\n{}\n{}\n"), "holds 'one', which is no whole number"),
    "negative in plnd": (lambda p: write(p, "{0: {-1}}\n{}\n{}\n{}\n{}\n"), "holds '-1'"),
    "layer of plnd twice": (lambda p: write(p, "{0: {1}, 0: {2}}\n{}\n{}\n{}\n{}\n"), "comes twice"),
    "index of plnd twice": (lambda p: write(p, "{0: [1, 1]}\n{}\n{}\n{}\n{}\n"), "lists 1 twice"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG, ids=lambda name: name.replace(" ", "-"))
def test_what_cannot_be_read_is_said_in_one_sentence(kind, tmp_path, monkeypatch):
    make, says = WRONG[kind]
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "file")
    with pytest.raises(LnbenchError, match=says) as error:
        NeuronSet.load(tmp_path / "file", languages=[f"l{i}" for i in range(9)] if "for all" in kind else ["zh"])
    assert "\n" not in str(error.value) and len(str(error.value)) < 700
    assert isinstance(error.value, NeuronFileError) and str(tmp_path / "file") in str(error.value)
    assert not (tmp_path / "ran").exists()
