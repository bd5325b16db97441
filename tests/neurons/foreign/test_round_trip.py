"""Written and read again: the same neurons, and what is not in the file is said."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import NeuronSetError, OutputError, SpecError
from lnbench.neurons import Architecture, Heads, NeuronSet, Rows, write_foreign
from lnbench.neurons._algebra import with_header
from tests.neurons.conftest import full_set, neuron_sets, quick
from tests.neurons.test_algebra import table

KINDS = ("lape", "mask", "json", "csv")
SITES_OF = {"lape": ("ffn.act", "ffn.hidden")}


def again(made: NeuronSet, path: Path, kind: str, **keys) -> tuple[NeuronSet, tuple[str, ...]]:
    """What is read back when the reader is told what the writer said to tell, and what was said."""
    lost = write_foreign(made, path, kind, **keys)
    told = {}
    for line in lost:
        if "as in languages=" in line:
            told["languages"] = made.languages
        if "as in site=" in line:
            told["site"] = line.partition("as in site=")[2]
    return NeuronSet.load(path, **told), lost


def differences(made: NeuronSet, back: NeuronSet) -> dict[str, str]:
    """Attribute that did not survive -> a word that must be in what was said."""
    words = {}
    if back.languages != made.languages:
        words["languages"] = "languages"
    if back.layers != made.layers:
        words["layers"] = "number of layers"
    if (back.scores is None) != (made.scores is None) and len(made):
        words["scores"] = "scores"
    elif made.scores is not None and len(made) and not np.array_equal(back.scores, made.scores):
        words["scores"] = "never"
    words |= {"statistics": "statistics"} if made.statistics and not back.statistics else {}
    words |= {"frequency": "frequencies"} if made.frequency and not back.frequency else {}
    words |= {"languages of statistics": "statistic"} if made.statistic_languages and not made.frequency else {}
    for name in ("model", "revision", "architecture", "method", "parameters", "corpus"):
        if getattr(made.header, name) and not getattr(back.header, name):
            words[name] = name
    return words


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(made=neuron_sets(), data=st.data())
def test_rows_survive_and_the_rest_is_told(kind, made, data, tmp_path):
    site = None
    if kind in ("lape", "mask") and len(made.sites):
        sites = [name for name in made.sites if name in SITES_OF.get(kind, made.sites)]
        if not sites:
            return
        site = data.draw(st.sampled_from(sites))
    back, lost = again(made, tmp_path / "file", kind, site=site)
    kept = made if site is None else made.select(sites=site)
    assert table(back) == table(kept)
    if not set(made.languages) - {label for label, *_ in table(kept)} and len(made):
        assert back.content_hash == kept.content_hash
    said = "\n".join(lost)
    for name, word in differences(kept, back).items():
        assert word in said, name
    for other in set(made.sites) - {site} if site else ():
        number = made.count(site=other)
        assert f"{number} neuron{'s' * (number != 1)} at {other}" in said


HEADS = Heads(6, 2, 3)
GROUPED = Architecture(4, {"ffn.act": 20, "ffn.hidden": 20, "attn.q": 18, "attn.k": 6, "attn.v": 6}, heads=HEADS)


@pytest.mark.parametrize("kv_map", ["layout", "released"])
@quick
@given(data=st.data())
def test_plnd_text_survives_in_both_maps(kv_map, data, tmp_path):
    widths = {"ffn.hidden": 20, "attn.q": 18, "attn.k": 6, "attn.v": 6}
    layer = {site: st.sets(st.integers(0, width - 1), max_size=4) for site, width in widths.items()}
    made = NeuronSet.from_indices(
        {"zh": {site: [data.draw(indices) for _ in range(4)] for site, indices in layer.items()}}, architecture=GROUPED
    )
    lost = write_foreign(made, tmp_path / "zh.txt", "plnd", heads=HEADS, kv_map=kv_map)
    back = NeuronSet.load(tmp_path / "zh.txt", ["zh"], architecture=GROUPED, kv_map=kv_map)
    assert back.content_hash == made.content_hash and back.layers == 4
    if made.count(site="attn.k") + made.count(site="attn.v"):
        assert any(f"kv_map={kv_map}" in line for line in lost)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_file_that_knows_its_model_needs_no_heads_to_become_plnds_text(tmp_path, suffix):
    made = NeuronSet.from_indices({"zh": {"attn.k": [[5], [1], [], []]}}, architecture=GROUPED)
    again = NeuronSet.load(made.save(tmp_path / f"zh{suffix}"))
    write_foreign(again, tmp_path / "zh.txt", "plnd", kv_map="layout")
    back = NeuronSet.load(tmp_path / "zh.txt", ["zh"], heads=HEADS)
    assert back.indices("zh", "attn.k")[0].tolist() == [5] and back.indices("zh", "attn.k")[1].tolist() == [1]


def test_what_plnds_code_makes_of_its_text(tmp_path):
    """It evaluates the lines and takes key/value row i // n; we write what makes it take our rows."""
    made = NeuronSet.from_indices({"zh": {"ffn.hidden": [[3], [], [19], []], "attn.k": [[5], [1], [], []]}}, layers=4)
    write_foreign(made, tmp_path / "zh.txt", "plnd", heads=HEADS, kv_map="released")
    up, down, q, k, v = (eval(line) for line in (tmp_path / "zh.txt").read_text().splitlines())  # as their code does
    assert up == down == {0: {3}, 1: set(), 2: {19}, 3: set()}
    assert {layer: {index // 3 for index in rows} for layer, rows in k.items()} == {0: {5}, 1: {1}, 2: set(), 3: set()}
    assert q == v == {layer: set() for layer in range(4)}


def test_what_lapes_code_makes_of_its_file(tmp_path):
    made = full_set().select(sites="ffn.act")
    write_foreign(made, tmp_path / "a.pth", "lape")
    read = torch.load(tmp_path / "a.pth", weights_only=True)
    assert [[layer.tolist() for layer in layers] for layers in read] == [[[3], [], [7]], [[3], [], [0]]]
    assert all(layer.dtype == torch.int64 for layers in read for layer in layers)


def test_activations_become_up_and_down(tmp_path):
    lost = write_foreign(full_set(), tmp_path / "p_{lang}.txt", "plnd")
    assert lost[0].startswith("that 4 neurons are of ffn.act")
    back = NeuronSet.load(tmp_path / "p_zh.txt", ["zh"])
    assert table(back) == {("zh", "ffn.hidden", 0, 3), ("zh", "ffn.hidden", 2, 7), ("zh", "attn.q", 1, 1)}


def test_what_cannot_be_written(tmp_path):
    made = full_set()
    grouped = NeuronSet.from_indices({"zh": {"attn.k": [[1]]}}, architecture=GROUPED)
    unknown = NeuronSet.from_indices({"zh": {"attn.v": [[1]]}})
    output = NeuronSet.from_indices({"zh": {"attn.o": [[1]]}})
    cases = (
        (made, "x.pth", "lape", {}, SpecError, "this set has ffn.act, attn.q: choose one with site="),
        (made, "x.pth", "lape", {"site": "attn.q"}, SpecError, "read as feed-forward neurons"),
        (made, "x.npy", "mask", {"site": "attn.o"}, SpecError, "no neurons at attn.o"),
        (made, "x.json", "json", {"site": "ffn.act"}, SpecError, "holds every site"),
        (made, "x.txt", "plnd", {}, OutputError, "put {lang} into the name, as in x_{lang}.txt"),
        (output, "x.txt", "plnd", {}, SpecError, "no place for neurons at attn.o"),
        (unknown, "x.txt", "plnd", {}, SpecError, "name the model"),
        (grouped, "x.txt", "plnd", {}, SpecError, "say kv_map=layout"),
        (grouped, "x.txt", "plnd", {"kv_map": "mine"}, SpecError, "unknown map 'mine'"),
        (unknown, "x.txt", "plnd", {"heads": Heads(2, 1, 1)}, NeuronSetError, "has neuron 1 at attn.v"),
        (made, "x.xml", "xml", {}, SpecError, "unknown format 'xml'"),
        (made, "no/x.csv", "csv", {}, OutputError, "no folder"),
    )
    for each, name, kind, keys, error, says in cases:
        with pytest.raises(error, match=says.replace("{", r"\{")):
            write_foreign(each, tmp_path / name, kind, **keys)
    assert list(tmp_path.iterdir()) == []


def test_a_label_cannot_leave_its_folder(tmp_path):
    made = NeuronSet.from_indices({"../zh": {"ffn.hidden": [[1]]}})
    with pytest.raises(OutputError, match="cannot be part of a file name"):
        write_foreign(made, tmp_path / "{lang}.txt", "plnd")
    assert list(tmp_path.parent.glob("*zh*")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_write_leaves_the_old_file(kind, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("old")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_foreign(full_set().select(sites="ffn.act"), tmp_path / "file", kind)
    assert [p.name for p in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "old"


def test_the_published_files_survive_every_format(test_data, tmp_path):
    languages = ("en", "zh", "fr", "es", "vi", "id", "ja")
    found = NeuronSet.load(test_data / "lape_neurons" / "LLaMA-2-7B.neuron.pth", languages)
    for kind in KINDS:
        back, _ = again(found, tmp_path / kind, kind)
        assert back.content_hash == found.content_hash and (back.layers == 32 or kind in ("json", "csv"))
    write_foreign(found, tmp_path / "{lang}.txt", "plnd")
    for label in languages:
        back = NeuronSet.load(tmp_path / f"{label}.txt", [label], site=None)
        assert len(back) == found.count(label)


def test_a_mask_is_as_wide_as_the_model(tmp_path):
    made = full_set().select(sites="ffn.act")
    write_foreign(made, tmp_path / "a.npy", "mask")
    assert np.load(tmp_path / "a.npy").shape == (2, 3, 16)
    write_foreign(with_header(made, made.header.replace(architecture=None)), tmp_path / "b.npy", "mask")
    assert np.load(tmp_path / "b.npy").shape == (2, 3, 16), "the width of its frequencies"


def test_empty_sets_survive(tmp_path):
    none = NeuronSet(Rows(*(np.zeros(0, np.int64) for _ in range(4))), ["zh", "fr"], ["ffn.act"], layers=3)
    for kind in ("lape", "mask"):
        back, _ = again(none, tmp_path / kind, kind)
        assert (len(back), back.languages, back.layers) == (0, ("zh", "fr"), 3)
