"""The page on architectures shows what the descriptions claim, and its examples run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lnbench.models import architecture_of, claims_of, site_map, supported_architectures
from lnbench.models.architectures import _REGISTERED
from scripts.make_architectures_page import architectures, updated
from tests.models.tiny import build

PAGE = (Path(__file__).parents[2] / "docs" / "architectures.md").read_text(encoding="utf-8")


def example(beginning: str) -> str:
    (found,) = [block.split("```")[0] for block in PAGE.split("```python\n")[1:] if beginning in block.split("```")[0]]
    return found


def test_the_tables_are_those_of_the_code() -> None:
    assert updated(PAGE) == PAGE


def test_the_front_page_counts_them() -> None:
    front = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"{len(supported_architectures())} architectures" in " ".join(front.split())


def test_every_architecture_has_a_row() -> None:
    table = architectures()
    assert all(f"`{model_type}`" in table for model_type in supported_architectures())


def test_the_example_of_an_expert_is_the_neuron_that_it_says() -> None:
    model = build("mixtral")
    code = example("a Mixtral").replace("14336", "12")
    down = model.model.layers[1].mlp.experts.down_proj
    seen = {}
    exec(code + "    seen['down'] = down.clone()\n", {"model": model, "seen": seen, "down": down})
    changed = (seen["down"] != down).nonzero()
    assert set(map(tuple, changed[:, [0, 2]].tolist())) == {(2, 7)}
    assert torch.equal(seen["down"][2, :, 7], torch.zeros(16))


def test_the_example_that_takes_the_warning_away(caplog: pytest.LogCaptureFixture) -> None:
    model = build("llama")
    model.config.model_type = "brandnew"
    try:
        exec(example("assumed=False"), {"model": model})
        caplog.clear()
        assert architecture_of(model).model_type == "brandnew"
        assert not site_map(model).description.assumed
        assert claims_of("brandnew") is None
        assert not caplog.records
    finally:
        _REGISTERED.clear()
