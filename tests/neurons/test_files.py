import json
import os
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from safetensors.torch import save_file

from lnbench.errors import LnbenchError, NeuronFileError, OutputError, UnknownLanguageError
from lnbench.neurons import NeuronSet, file_format
from lnbench.neurons._schema import MIGRATIONS
from tests.neurons.conftest import full_set, neuron_sets, quick

SUFFIXES = (".safetensors", ".pt")
KEY = "lnbench.neurons"
DOCS = Path(__file__).parents[2] / "docs" / "neuron-sets.md"


def rewritten(path: Path, arrays=None, header=None) -> Path:
    """A `.pt` file of a full set with other entries (None: taken out)."""
    data = torch.load(full_set().save(path), weights_only=True)
    data |= arrays or {}
    if header:
        data[KEY] = json.dumps({k: v for k, v in (json.loads(data[KEY]) | header).items() if v != "left out"})
    torch.save({name: value for name, value in data.items() if value is not None}, path)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@quick
@given(made=neuron_sets())
def test_loading_gives_back_what_was_saved(made, suffix, tmp_path):
    path = made.save(tmp_path / f"set{suffix}")
    again = NeuronSet.load(path)
    assert again == made and again.content_hash == made.content_hash
    first = path.read_bytes()
    assert again.save(path).read_bytes() == first


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_bytes_do_not_depend_on_the_process_or_the_name(suffix, tmp_path, neurons):
    code = "import sys; from lnbench import NeuronSet; NeuronSet.load(sys.argv[1]).save(sys.argv[2])"
    path, other = neurons.save(tmp_path / f"a{suffix}"), tmp_path / f"another-name{suffix}"
    subprocess.run([sys.executable, "-c", code, path, other], check=True)
    assert path.read_bytes() == other.read_bytes()


def test_files_are_told_apart_by_content(tmp_path, neurons):
    for suffix, other in (SUFFIXES, SUFFIXES[::-1]):
        path = neurons.save(tmp_path / f"set{suffix}")
        moved = path.rename(tmp_path / f"moved{other}")
        assert NeuronSet.load(moved) == neurons
        assert file_format(moved) == suffix[1:]
        assert NeuronSet.load(moved.rename(tmp_path / "no-suffix")) == neurons


def test_the_header_and_arrays_are_as_documented(tmp_path, neurons):
    path = neurons.save(tmp_path / "set.safetensors")
    text = DOCS.read_text(encoding="utf-8")
    length = int.from_bytes(path.read_bytes()[:8], "little")
    metadata = json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"]
    assert list(metadata) == [KEY]
    documented = set(re.findall(r"^\| `(\w+)` \|", text.split("### Header")[1].split("## Content hash")[0], re.M))
    assert set(json.loads(metadata[KEY])) == documented
    arrays = load_file(path)
    assert {name: str(a.dtype) for name, a in arrays.items()} == {
        **dict.fromkeys(["language", "site", "layer", "index"], "int32"),
        **dict.fromkeys(["scores", "statistics.mean", "statistics.diff", "frequency.ffn.act"], "float32"),
    }


def test_the_example_by_hand_in_the_documentation_works(tmp_path, monkeypatch):
    text = DOCS.read_text(encoding="utf-8")
    code = re.search(r"### By hand.*?```python\n(.*?)```", text, re.S)[1]
    assert len(code.strip().splitlines()) == 10
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    made = NeuronSet.load("by_hand.safetensors")
    assert [a.tolist() for a in made.indices("zh", "ffn.act")] == [[3, 7], [], [1]]
    assert made.header.model == "org/model" and made.header.tool == "unknown"
    assert made.content_hash in text


def test_loading_and_saving_without_torch(tmp_path, neurons):
    path = neurons.save(tmp_path / "set.safetensors")
    code = (
        "import sys; sys.modules['torch'] = None; from lnbench import NeuronSet;"
        "NeuronSet.load(sys.argv[1]).save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)


# Writing


@pytest.mark.parametrize("name", ["set", "set.pth", "set.safetensors.gz", "set.PT"])
def test_another_suffix_is_refused(tmp_path, neurons, name):
    with pytest.raises(OutputError, match=rf"call it {name}\.safetensors or {name}\.pt"):
        neurons.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, neurons, monkeypatch, suffix, broken):
    path = neurons.save(tmp_path / f"set{suffix}")
    old = path.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path if broken == "replace" else os, broken, fail)  # Python 3.10's Path keeps its own `replace`
    with pytest.raises(OutputError, match="No space left on device"):
        neurons.select("zh").save(path)
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written_to(tmp_path, neurons):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.pt").mkdir()
    for place in ("missing/set.pt", "file/set.pt", "folder.pt"):
        with pytest.raises(OutputError, match=re.escape(str(tmp_path / place))):
            neurons.save(tmp_path / place)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder.pt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_write_access(tmp_path, neurons):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="choose another folder"):
        neurons.save(tmp_path / "set.pt")
    tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_no_write_access_even_for_root(neurons):
    with pytest.raises(OutputError, match=r"/proc/set\.pt"):
        neurons.save("/proc/set.pt")


def test_a_link_stays_a_link(tmp_path, neurons):
    (tmp_path / "real").mkdir()
    target = neurons.select("zh").save(tmp_path / "real" / "set.pt")
    link = tmp_path / "link.pt"
    link.symlink_to(target)
    neurons.save(link)
    assert link.is_symlink() and NeuronSet.load(target) == neurons


def test_a_new_file_obeys_the_umask(tmp_path, neurons):
    old = os.umask(0o027)
    try:
        assert neurons.save(tmp_path / "set.pt").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(old)


# Files that are no neuron sets


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def torch_zip(path, pickled: bytes, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", b"3\n")


def safetensors_bytes(layout: dict, data: bytes) -> bytes:
    text = json.dumps(layout).encode()
    return len(text).to_bytes(8, "little") + text + data


MINE = {"__metadata__": {KEY: "{}"}}
HUGE = MINE | {"layer": {"dtype": "I32", "shape": [10**9], "data_offsets": [0, 4]}}
BROKEN = {
    "empty": (lambda p, m: p.write_bytes(b""), "is empty: download"),
    "few bytes": (lambda p, m: p.write_bytes(b"PK"), "has only 2 bytes"),
    "folder": (lambda p, m: p.mkdir(), "is a folder: name a neuron-set file in it"),
    "web page": (lambda p, m: p.write_text("\n<!DOCTYPE html><html>404</html>"), "is a web page"),
    "lfs": (lambda p, m: p.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"),
    "text": (lambda p, m: p.write_text("neurons of layer 1: 2"), "is not a neuron-set file"),
    "npz": (lambda p, m: np.savez(p.open("wb"), np.ones(9)), "is a zip file but not of torch"),
    "pickle": (lambda p, m: p.write_bytes(pickle.dumps(Evil(m))), "is a pickle, and lnbench never unpickles"),
    "pickle 2": (lambda p, m: p.write_bytes(pickle.dumps(Evil(m), 2)), "is a pickle, and lnbench never unpickles"),
    "pickle 0": (lambda p, m: p.write_bytes(pickle.dumps(Evil(m), 0)), "is a pickle, and lnbench never unpickles"),
    "pickle 1": (lambda p, m: p.write_bytes(pickle.dumps({"a": 1}, 1)), "is a pickle, and lnbench never unpickles"),
    "pickled list": (lambda p, m: p.write_bytes(pickle.dumps([1, 2, 3], 0)), "is a pickle, and lnbench never"),
    "old torch": (
        lambda p, m: torch.save({"a": torch.ones(2)}, p, _use_new_zipfile_serialization=False),
        "is a torch file of the old pickle format, and lnbench never unpickles",
    ),
    "code": (lambda p, m: torch.save({KEY: "{}", "x": Evil(m)}, p), r"needs posix\.mkdir to be read"),
    "module": (lambda p, m: torch.save(torch.nn.Linear(2, 2), p), r"needs torch\.nn\.modules\.linear\.Linear"),
    "numpy in it": (lambda p, m: torch.save({"a": np.float64(3)}, p), r"needs numpy\..*multiarray\.scalar"),
    "pickle 4 in it": (lambda p, m: torch_zip(p, pickle.dumps(Evil(m), 4)), "needs the pickle opcode STACK_GLOBAL"),
    "memory bomb": (
        lambda p, m: torch_zip(p, b"\x80\x02c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R."),
        r"needs __builtin__\.bytearray",
    ),
    "zip bomb": (lambda p, m: torch_zip(p, b"\0" * 10**6, zipfile.ZIP_DEFLATED), "torch did not write"),
    "no pickle in it": (lambda p, m: torch_zip(p, b"\xff\xfe"), "is a damaged torch file"),
    "torch checkpoint": (
        lambda p, m: torch.save(torch.nn.Linear(2, 2, dtype=torch.bfloat16).state_dict(), p),
        "a torch file without a neuron-set header",
    ),
    "safetensors checkpoint": (
        lambda p, m: save_file({"model.w": torch.ones(2, dtype=torch.bfloat16)}, p),
        r"without a neuron-set header \(it holds 1 tensors, 'model\.w' first; a model checkpoint",
    ),
    "huge header": (
        lambda p, m: p.write_bytes((10**15).to_bytes(8, "little") + b"{}"),
        "header of 1000000000000000 by",
    ),
    "long header": (lambda p, m: p.write_bytes((10**7).to_bytes(8, "little") + b"{}"), "is cut off after 10 bytes"),
    "bad header": (lambda p, m: p.write_bytes((9).to_bytes(8, "little") + b"{'a': 1} "), "a damaged safetensors file"),
    "bad layout": (lambda p, m: p.write_bytes(safetensors_bytes(MINE | {"a": [1, 2]}, b"")), "a damaged safetensors f"),
    "bad metadata": (lambda p, m: p.write_bytes(safetensors_bytes({"__metadata__": {KEY: 3}}, b"")), "a damaged safet"),
    "huge array": (lambda p, m: p.write_bytes(safetensors_bytes(HUGE, b"abcd")), "a damaged safetensors file"),
    "bfloat16": (
        lambda p, m: p.write_bytes(
            safetensors_bytes(MINE | {"layer": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"abcd")
        ),
        "'layer' of type BF16: save it as integers or float32",
    ),
    "no columns": (lambda p, m: p.write_bytes(safetensors_bytes(MINE, b"")), "schema"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_each_kind_of_wrong_file_has_a_sentence_of_its_own(kind, tmp_path):
    make, says = BROKEN[kind]
    path, mark = tmp_path / "file", tmp_path / "code-ran"
    make(path, mark)
    with pytest.raises(NeuronFileError, match=says) as error:
        NeuronSet.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert ": " in str(error.value), "no remedy"
    assert not mark.exists(), "code from the file was run"


ONES = torch.ones(5, dtype=torch.int32)
CONTRADICTIONS = {
    "column missing": ({"layer": None}, {}, "array 'layer' is missing"),
    "unknown array": ({"extra": ONES}, {}, "unknown array 'extra'"),
    "float column": ({"layer": ONES.float()}, {}, "'layer' must be a flat array of integers, not float32"),
    "2-d column": ({"layer": ONES[None]}, {}, "'layer' must be a flat array of integers"),
    "unequal": ({"index": ONES[:2]}, {}, "columns must be of equal length"),
    "negative": ({"index": -ONES}, {}, "index -1"),
    "too large": ({"index": ONES.long() * 2**40}, {}, "index 1099511627776"),
    "beyond width": ({"index": ONES * 16}, {"content_hash": "left out"}, "lies outside the set's own architecture"),
    "beyond languages": ({"language": ONES * 2}, {}, "language_id 2, and the set counts 0 to 1"),
    "beyond sites": ({"site": ONES * 7}, {}, "site_id 7, and the set lists 2 sites"),
    "beyond layers": ({"layer": ONES * 3}, {}, "layer 3, and the set counts 0 to 2"),
    "twice": (dict.fromkeys(("language", "site", "layer", "index"), ONES * 0), {}, "is listed twice"),
    "nan": ({"scores": torch.full((5,), float("nan"))}, {}, "scores holds nan"),
    "short scores": ({"scores": torch.ones(4)}, {}, r"scores must be numbers of shape \(5,\)"),
    "short statistics": ({"statistics.mean": torch.ones(5, 2)}, {}, r"mean must be numbers of shape \(5, 3\)"),
    "bfloat16": ({"scores": torch.ones(5, dtype=torch.bfloat16)}, {}, "type torch.bfloat16: save it as"),
    "nested": ({"x": {"a": ONES}}, {}, "'x', which is no plain tensor"),
    "expanded": ({"layer": torch.zeros(1, dtype=torch.int32).expand(10**12)}, {}, "'layer', which is no plain tensor"),
    "sparse": ({"layer": torch.eye(3).to_sparse()}, {}, "needs torch.*sparse"),
    "rows changed": ({"index": torch.tensor([1, 2, 3, 4, 5])}, {}, "states the content hash"),
    "newer major": ({}, {"schema": "2.0"}, "format 2.0 and this lnbench reads up to 1.x: upgrade lnbench"),
    "older": ({}, {"schema": "0.9"}, "format 0.9, which this lnbench cannot migrate"),
    "no version": ({}, {"schema": "left out"}, "format None"),
    "odd version": ({}, {"schema": "one"}, "format 'one'"),
    "number as version": ({}, {"schema": 1.0}, "format 1.0"),
    "unknown field": ({}, {"modell": "x"}, "unknown header field 'modell'"),
    "boolean label": ({}, {"languages": ["zh", False]}, "YAML reads a bare `no`"),
    "labels as text": ({}, {"languages": "zh"}, "header needs `languages`, a list"),
    "label twice": ({}, {"languages": ["zh", "zh"]}, "'zh' is listed twice"),
    "many labels": ({}, {"languages": [f"l{i}" for i in range(5000)]}, "no set has more than 4096"),
    "unknown site": ({}, {"sites": ["ffn.act", "mlp"]}, "unknown site 'mlp'"),
    "absurd layers": ({}, {"layers": 10**15, "architecture": None}, "no model has more than 4096"),
    "layers as text": ({}, {"layers": "3"}, "`layers` in the header must be a whole number"),
    "absurd architecture": ({}, {"architecture": {"layers": 10**18, "widths": {}}}, "from 1 to 4096"),
    "no architecture": ({}, {"architecture": 3}, "needs `layers` and `widths`"),
    "model as number": ({}, {"model": 3}, "`model` must be text"),
    "nan in parameters": ({}, {"parameters": {"a": float("nan")}}, "parameters.a is nan"),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_a_file_that_contradicts_itself_is_refused(kind, tmp_path):
    arrays, header, says = CONTRADICTIONS[kind]
    path = rewritten(tmp_path / "set.pt", arrays, header)
    with pytest.raises(NeuronFileError, match=says) as error:
        NeuronSet.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_headers_that_are_no_json_object(tmp_path):
    for text in ("{", "[]", "[" * 10**5, "3"):
        torch.save({KEY: text}, tmp_path / "set.pt")
        with pytest.raises(NeuronFileError, match="its header is not"):
            NeuronSet.load(tmp_path / "set.pt")


def test_harmless_variations_are_read(tmp_path, neurons):
    path = rewritten(tmp_path / "set.pt", {"scores": torch.from_numpy(neurons.scores.copy()).double().requires_grad_()})
    assert NeuronSet.load(path) == neurons
    data = torch.load(neurons.save(path), weights_only=True)
    for name in ("language", "site", "layer", "index"):
        data[name] = data[name].flip(0).short()
    for name in ("scores", "statistics.mean", "statistics.diff"):
        data[name] = data[name].flip(0)
    data["statistics.mean"] = data["statistics.mean"].t().contiguous().t()  # the same values, laid out otherwise
    torch.save(data, path)
    assert NeuronSet.load(path) == neurons


def test_torch_reads_weights_only(tmp_path, neurons, monkeypatch):
    asked, load = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **keys: asked.append(keys) or load(*a, **keys))
    NeuronSet.load(neurons.save(tmp_path / "set.pt"))
    assert [keys["weights_only"] for keys in asked] == [True]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cut_off_file_is_refused_wherever_it_was_cut(suffix, tmp_path, neurons):
    data = neurons.save(tmp_path / f"set{suffix}").read_bytes()
    cut = tmp_path / "cut"
    for length in {*range(0, len(data), len(data) // 40), len(data) - 1, 7, 8, 9}:
        cut.write_bytes(data[:length])
        with pytest.raises(NeuronFileError, match=r"cut off|is empty|has only"):
            NeuronSet.load(cut)


@pytest.mark.parametrize("suffix", SUFFIXES)
@quick
@given(data=st.data())
def test_a_damaged_file_gives_a_set_or_one_sentence(suffix, data, tmp_path):
    content = bytearray(full_set().save(tmp_path / f"set{suffix}").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged").write_bytes(content)
    try:
        NeuronSet.load(tmp_path / "damaged")
    except LnbenchError as error:
        assert "\n" not in str(error)


# Versions


def test_an_older_major_version_is_migrated(tmp_path, neurons, monkeypatch):
    def to_1(header, arrays):  # a made-up format 0, in which columns and languages had other names
        header["languages"] = header.pop("langs")
        return header, {name.replace("neuron", "index"): array for name, array in arrays.items()}

    data = torch.load(neurons.save(tmp_path / "set.pt"), weights_only=True)
    header = json.loads(data[KEY]) | {"schema": "0.9"}
    header["langs"] = header.pop("languages")
    data["neuron"] = data.pop("index")
    torch.save(data | {KEY: json.dumps(header)}, tmp_path / "set.pt")
    monkeypatch.setitem(MIGRATIONS, 0, to_1)
    assert NeuronSet.load(tmp_path / "set.pt") == neurons


def test_a_newer_minor_version_is_read_without_its_new_fields(tmp_path, neurons):
    path = rewritten(tmp_path / "set.pt", header={"schema": "1.7", "licence": "x"})
    assert NeuronSet.load(path) == neurons


# Languages, when they are given


def test_given_languages_must_be_those_of_the_file(tmp_path, neurons):
    path = neurons.save(tmp_path / "set.pt")
    assert NeuronSet.load(path, languages=["zh", "fr"]) == neurons
    with pytest.raises(UnknownLanguageError, match="names its languages itself, zh, fr, and fr, zh was asked for"):
        NeuronSet.load(path, languages=["fr", "zh"])
