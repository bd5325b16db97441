"""A condition that steers the output says which language to expect; the task's own is the default."""

import pytest

from lnbench.errors import UnknownLanguageError
from lnbench.scoring import expect_language, expected_language, process

FRENCH = "Maria rencontre Daniel dans la ville de Madrid."
DOCUMENT = {"kind": "summ", "lang": "es", "prompt": "Texto: Maria viaja a Madrid.\nResumen:", "target": " x"}


@pytest.fixture(autouse=True)
def afterwards():
    yield
    expect_language(None)


def test_the_task_decides_when_nothing_is_steered():
    assert expected_language("es") == "es"
    assert process(DOCUMENT, [FRENCH])["fidelity"] == 0.0


def test_a_steered_condition_decides_until_it_ends():
    expect_language("fr-FR")
    assert expected_language("es") == "fr"
    assert process(DOCUMENT, [FRENCH])["fidelity"] == 1.0
    expect_language(None)
    assert process(DOCUMENT, [FRENCH])["fidelity"] == 0.0


def test_what_is_no_language_changes_nothing():
    expect_language("fr")
    with pytest.raises(UnknownLanguageError, match="not a tag"):
        expect_language("not a tag")
    assert expected_language("es") == "fr"
