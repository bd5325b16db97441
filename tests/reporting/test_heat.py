"""The one heat map: numbers that can be read on every colour, frames, and what has no number."""

import numpy as np
import pytest

from lnbench.reporting import heat_panel, new_figure, png_bytes


def luminance(colour):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("worse", [0, -1, 1])
def test_numbers_can_be_read_on_every_colour(worse):
    values = np.linspace(-1.0 if worse else 0.0, 1.0, 81).reshape(1, 81)
    _, (axis,) = new_figure(1, 1, 9, 2)
    image = heat_panel(axis, values, ["a"], [], title="t", shown=[["1"] * 81], most=1.0, worse=worse)
    for text, value in zip(axis.texts, values[0], strict=True):
        ground = luminance(image.cmap(image.norm(value)))
        ink = {"black": 0.0, "white": 1.0}[text.get_color()]
        light, dark = max(ground, ink), min(ground, ink)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, value


def test_a_change_for_the_worse_is_orange_whatever_its_sign():
    orange = {}
    for worse in (-1, 1):
        _, (axis,) = new_figure(1, 1, 3, 2)
        image = heat_panel(axis, np.array([[worse * 1.0]]), ["a"], ["b"], title="", shown=[[""]], most=1.0, worse=worse)
        orange[worse] = image.cmap(image.norm(worse))
    assert orange[-1] == pytest.approx(orange[1])
    assert orange[1][0] > orange[1][2] + 0.5


def test_labels_are_words_and_a_missing_number_stays_grey():
    figure, (axis,) = new_figure(1, 1, 3, 2)
    values = np.array([[np.nan, 1.0]])
    heat_panel(axis, values, ["$x^2$"], ["$_", "b"], title="t", shown=[["-", "1"]], most=1.0, framed=[(0, 1)])
    assert [label.get_text() for label in axis.get_xticklabels()] == ["$_", "b"]
    assert (axis.texts[0].get_text(), axis.texts[0].get_color()) == ("-", "black")
    assert len(axis.patches) == 1
    assert png_bytes(figure).startswith(b"\x89PNG")
