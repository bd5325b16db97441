"""The picture of a set: one panel or two, whatever the labels, and the numbers that the set has."""

import matplotlib.axes
import numpy as np
import pytest

from lnbench.neurons import NeuronSet
from lnbench.reporting import set_picture


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn: an array for each panel, and every number that was written."""
    panels, texts = [], []
    show, write = matplotlib.axes.Axes.imshow, matplotlib.axes.Axes.text

    def imshow(self, values, **how):
        panels.append(np.array(values))
        return show(self, values, **how)

    def text(self, x, y, s, **how):
        texts.append(s)
        return write(self, x, y, s, **how)

    monkeypatch.setattr(matplotlib.axes.Axes, "imshow", imshow)
    monkeypatch.setattr(matplotlib.axes.Axes, "text", text)
    return panels, texts


def test_overlap_and_layers(drawn):
    neurons = NeuronSet.from_indices({"zh": {"ffn.act": [[1, 2, 3], [4]]}, "fr": {"ffn.act": [[3], [5]]}, "de": {}})
    assert set_picture(neurons, "a set").startswith(b"\x89PNG")
    (jaccard, layers), texts = drawn
    assert jaccard == pytest.approx(np.array([[1, 0.2, 0], [0.2, 1, 0], [0, 0, np.nan]]), nan_ok=True)
    assert layers.tolist() == [[3, 1], [1, 1], [0, 0]]
    assert texts == [*"410120000", *"311100"]


def test_one_language_has_one_panel(drawn):
    set_picture(NeuronSet.from_indices({"zh": {"ffn.act": [[1], [], [2, 3]]}}), "zh.pt")
    assert [panel.tolist() for panel in drawn[0]] == [[[1, 0, 2]]]


def test_labels_are_text_and_not_mathematics():
    neurons = NeuronSet.from_indices({r"$\frac": {"ffn.act": [[1]]}, "x" * 300: {"ffn.act": [[2]]}, "中文": {}})
    assert set_picture(neurons, r"$\bad{ _^").startswith(b"\x89PNG")


def test_the_same_set_gives_the_same_bytes():
    neurons = NeuronSet.from_indices({"zh": {"ffn.act": [[1]]}, "fr": {"ffn.act": [[1]]}})
    assert set_picture(neurons, "a") == set_picture(neurons, "a")
