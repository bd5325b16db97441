"""Counts and overlap of a set's neurons, held to plain sets, and the corpus table of its header."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench import NeuronSet
from lnbench.analysis import counts as room
from lnbench.errors import DataError
from lnbench.reporting import FORMATS

WIDTH, LAYERS = 12, 3
SITES = ("ffn.act", "ffn.hidden", "attn.q", "attn.o")
PLACES = st.sets(st.tuples(st.sampled_from(SITES), st.integers(0, LAYERS - 1), st.integers(0, WIDTH - 1)), max_size=25)
SETS = st.fixed_dictionaries({"en": PLACES, "zh": PLACES, "culture:da": PLACES})


def as_set(rows) -> NeuronSet:
    mapping = {
        label: {
            site: {n: sorted(i for s, at, i in places if (s, at) == (site, n)) for n in range(LAYERS)} for site in SITES
        }
        for label, places in rows.items()
    }
    return NeuronSet.from_indices(mapping, layers=LAYERS)


@given(SETS)
def test_counts(rows):
    neurons = as_set(rows)
    if not len(neurons):
        with pytest.raises(DataError, match="no neuron to count"):
            room.counts_of(neurons)
        return
    found = room.counts_of(neurons).as_json()["counts"]
    for label, places in rows.items():
        for site in neurons.sites:
            assert found[site][label] == [sum((s, at) == (site, n) for s, at, _ in places) for n in range(LAYERS)]


def merged(places, structure):
    """Feed-forward neuron j is one neuron at both sites."""
    short = {"feed-forward": "ffn", "attention": "attn"}[structure]
    return {("ffn" if s.startswith("ffn") else s, n, i) for s, n, i in places if s.startswith(short)}


@given(SETS)
def test_overlap(rows):
    neurons = as_set(rows)
    try:
        found = room.overlaps_of(("a", neurons))
    except DataError:
        assert not len(neurons)
        return
    for one in found:
        english = merged(rows["en"], one.structure) if one.without else set()
        sets = {label: merged(places, one.structure) - english for label, places in rows.items()}
        assert one.rows == one.columns == tuple(label for label in rows if label != one.without)
        for i, a in enumerate(one.rows):
            for j, b in enumerate(one.columns):
                both, either = len(sets[a] & sets[b]), len(sets[a] | sets[b])
                smaller = min(len(sets[a]), len(sets[b]))
                assert one.shared[i, j] == both
                assert np.isnan(one.share[i, j]) if not smaller else one.share[i, j] == both / smaller
                assert np.isnan(one.jaccard[i, j]) if not either else one.jaccard[i, j] == both / either


PLAIN = as_set({"en": {("ffn.act", 0, 1), ("attn.q", 1, 2)}, "zh": {("ffn.act", 0, 1), ("ffn.act", 2, 3)}})
OTHER = as_set({"en": {("ffn.hidden", 0, 1)}, "fr": {("ffn.hidden", 2, 3)}})


def test_two_sets_meet_at_the_sites_of_both():
    found = room.overlaps_of(("plain", PLAIN), ("other", OTHER))
    assert {(one.structure, one.without) for one in found} == {("feed-forward", None), ("feed-forward", "en")}
    whole = found[0]
    assert (whole.rows, whole.columns) == (("en", "zh"), ("en", "fr")) and whole.shared.tolist() == [[1, 0], [1, 1]]
    assert "no attention neurons" in room.render_overlap(found, "terminal")


def test_chance_stands_beside_what_is_shared():
    found = room.overlaps_of(("demo", NeuronSet.load("demo_langs_ffn.safetensors")))
    lines = room.render_overlap(found, "terminal").splitlines()
    (french,) = (line.split() for line in lines[4:12] if line.split()[0] == "fr")
    row, to = found[0].rows.index("fr"), found[0].columns.index("es")
    chance = found[0].chance[row, to] / min(found[0].sizes_a[row], found[0].sizes_b[to])
    assert 0 < chance < 0.1
    cells = " ".join(french[2:]).replace(" (", "(").split()
    assert cells[to] == f"7({100 * chance:.1f})"
    assert cells[row] == "100", "none for a language with itself"
    assert any("random sets of the same sizes" in line for line in lines)
    assert "(nan)" not in room.render_overlap(room.overlaps_of(("a.pt", PLAIN)), "terminal"), "widths are not known"


@pytest.mark.parametrize("form", FORMATS)
def test_every_format(form):
    counted, shared = room.counts_of(PLAIN, "a.pt"), room.overlaps_of(("a.pt", PLAIN))
    texts = [room.render_counts(counted, form), room.render_overlap(shared, form)]
    assert all("zh" in text for text in texts)
    if form == "json":
        assert json.loads(texts[0])["counts"]["ffn.act"]["zh"] == [1, 0, 1]
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(texts[1])))
        pair = {"structure": "feed-forward", "of_a": "en", "of_b": "zh", "without": ""}
        (one,) = (row for row in rows if pair.items() <= row.items())
        assert (one["shared"], one["share"], one["jaccard"]) == ("1", "1", "0.5")


def test_pictures_and_sections():
    for section in (room.counts_section(PLAIN, "a"), room.overlap_section(("a", PLAIN))):
        assert section.pictures[0].png.startswith(b"\x89PNG") and json.dumps(section.data, allow_nan=False)
        assert all(len(row) == len(table.header) for table in section.tables for row in table.rows)


def test_names_are_harmless():
    hostile = as_set({"<script>|x": {("ffn.act", 0, 1)}})
    text = room.render_counts(room.counts_of(hostile, "a\x1b[31m|.pt"), "markdown")
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert "\x1b" not in room.render_counts(room.counts_of(hostile, "a\x1b[31m.pt"), "terminal")


ROW = {"documents": 3, "tokens": 1000, "words": 7, "words_exact": False, "distinct_tokens": 9, "script": "Latn"}


def test_the_corpus_table_of_a_header():
    rows = {"en": {**ROW, "script_tokens": 8, "script_tokens_seen": 2}, "culture:da": {**ROW, "script": None}}
    neurons = NeuronSet.from_indices({"en": {"ffn.act": [[1]]}}, corpus={"coverage": rows})
    section = room.corpus_section(neurons)
    assert section.tables[0].rows[0] == ["en", "3", "1,000", "7~", "9", "Latn", "25.0 % of 8", "-"]
    assert section.tables[0].rows[1][5:] == ["-", "-", "-"]
    with pytest.raises(DataError, match="no corpus table"):
        room.corpus_section(PLAIN)
