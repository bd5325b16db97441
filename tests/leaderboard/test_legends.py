"""Pictures say what their signs mean, and show no language that was not studied."""

import pytest

from lnbench.reporting._look import FRAME, WHISKERS, mark_words
from lnbench.reporting.leaderboard import build
from lnbench.reporting.leaderboard._plots import plot_bars, plot_dose, plot_heats
from lnbench.reporting.leaderboard._show import layers_of
from lnbench.reporting.page import Bar, Dose, Point, bars_of, heats_of
from tests.leaderboard.conftest import LANGUAGES, RIGHT, Writer, plan


@pytest.fixture(scope="module")
def table(toy_output, tmp_path_factory):
    return build([toy_output], tmp_path_factory.mktemp("out"))[0].tables[0][0]


def below(figure) -> str:
    """What stands below a picture, in its caption and its legends."""
    titles = [legend.get_title().get_text() for legend in figure.legends]
    return " ".join([figure.get_supxlabel(), *titles])


def test_frame_and_marks_of_the_matrix(table):
    told = below(plot_heats(heats_of(table), "points", "t"))
    assert FRAME in told and "*: more harmful than one more random set would be." in told and "+:" not in told


def test_whiskers(table):
    assert WHISKERS in below(plot_bars(bars_of(table), "percent", "t"))
    dose = Dose("x", {"zh": [Point(0.0, Bar(1.0, 0.5, 1.0)), Point(1.0, Bar(2.0, 1.0, 3.0))]})
    assert "Whiskers: 95 % intervals." in below(plot_dose(dose, "percent", "t"))


@pytest.mark.parametrize("marks", ["", "*", "+", "*+*"])
def test_only_marks_that_are_there_are_explained(marks):
    told = mark_words(marks)
    assert {mark for mark in "*+" if f"{mark}: " in told} == set(marks)
    assert not marks or told.endswith(" than one more random set would be.")


def test_the_page_says_the_same(toy_output, tmp_path):
    build([toy_output], tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert FRAME in page and WHISKERS in page and mark_words("*") in page


def test_layers_are_of_the_languages_that_were_studied(tmp_path):
    from lnbench.neurons import NeuronSet, resolve_mask

    name = "demo_langs_ffn.safetensors"
    folder = Writer(tmp_path / "demo", "lnbench/demo", documents=4)
    right = {code: [(1.0, RIGHT[code], code)] * 4 for code in LANGUAGES}
    folder.run(right)
    folder.run(right, {**plan("zh", None), "neuron_set": NeuronSet.load(resolve_mask(name)).content_hash})
    board, _ = build([folder.folder], tmp_path / "out", neurons=name)
    assert {"fr", "ru"} < set(board.sources[0].about.neurons.by_layer)
    assert set(layers_of(board.sources[0], board.tables[0])) == {"en", "zh"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert "zh, layer 0" in page and "fr, layer 0" not in page
