"""Masks in other projects' formats: read directly, held to the model before its weights are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lnbench.errors import (
    LnbenchError,
    ModelArgumentError,
    ModelMismatchError,
    NeuronSetError,
    SpecError,
    UnknownLanguageError,
)
from lnbench.harness import LnbenchLM
from lnbench.neurons import Heads, NeuronSet, write_foreign
from tests.harness.conftest import LAYERS


def make(model: Path, **arguments):
    return LnbenchLM(str(model), announce=False, device="cpu", **arguments)


@pytest.fixture
def lape(neurons: NeuronSet, tmp_path: Path) -> Path:
    write_foreign(neurons, tmp_path / "both.neuron.pth", "lape")
    return tmp_path / "both.neuron.pth"


def test_a_lape_file_gives_the_plan_of_the_native_set(tiny_model: Path, lape: Path, mask: Path):
    native, foreign = (make(tiny_model, mask=str(file), lang="zh", **keys) for file, keys in
                       ((mask, {}), (lape, {"languages": "zh+fr"})))  # fmt: skip
    assert foreign.plan.plan_hash == native.plan.plan_hash
    assert foreign.neurons.content_hash == native.neurons.content_hash
    assert foreign.neurons.header.architecture == native.architecture
    assert foreign.record()["masks"][0]["file"] == str(lape)


def test_languages_come_as_lm_eval_hands_them_over(tiny_model: Path, lape: Path):
    text = f"pretrained={tiny_model},mask={lape},languages=zh+fr,lang=fr"
    lm = LnbenchLM.create_from_arg_string(text, {"device": "cpu"})
    assert lm.plan.neurons == 9
    for form in (["zh", "fr"], "[zh, 'fr']", ("zh", "fr")):
        assert make(tiny_model, mask=str(lape), languages=form, lang="fr").plan.neurons == 9


def test_a_plnd_file_is_mapped_with_the_heads_of_the_model(tiny_model: Path, tmp_path: Path):
    made = NeuronSet.from_indices(
        {"zh": {"ffn.hidden": [[3], [4]], "attn.q": [[1], []], "attn.k": [[5], [7]]}}, layers=LAYERS
    )
    path = tmp_path / "zh.txt"
    for kv_map in ("layout", "released"):
        write_foreign(made, path, "plnd", heads=Heads(4, 2, 4), kv_map=kv_map)
        lm = make(tiny_model, mask=str(path), languages="zh", kv_map=kv_map)
        assert lm.neurons.content_hash == made.content_hash
    other = make(tiny_model, mask=str(path), languages="zh")
    assert other.neurons.content_hash != made.content_hash, "released and layout are not the same"


REFUSED = {
    "languages missing": ({}, UnknownLanguageError, "has 2 languages without a name"),
    "too many languages": ({"languages": "zh+fr+en"}, UnknownLanguageError, "has 2 languages, and 3 were named"),
    "no label": ({"languages": "zh+"}, NeuronSetError, "cannot be a label"),
    "a number": ({"languages": 3}, ModelArgumentError, "languages=3 names no languages"),
    "another site": ({"languages": "zh+fr", "site": "mlp"}, SpecError, "unknown site 'mlp'"),
    "too wide": ({"languages": "zh+fr", "site": "attn.k"}, ModelMismatchError, "does not exist in this model"),
    "another map": ({"languages": "zh+fr", "kv_map": "mine"}, SpecError, "'mine'"),
}


@pytest.mark.parametrize("case", REFUSED, ids=lambda name: name.replace(" ", "-"))
def test_refusals_come_before_the_weights(case: str, tiny_model: Path, lape: Path, monkeypatch: pytest.MonkeyPatch):
    arguments, kind, says = REFUSED[case]
    monkeypatch.setattr("lm_eval.models.huggingface.HFLM.__init__", lambda *_, **__: pytest.fail("it loads the model"))
    with pytest.raises(kind, match=says):
        make(tiny_model, mask=str(lape), **arguments)


def test_a_file_of_another_depth_is_refused(tiny_model: Path, tmp_path: Path):
    torch.save([[torch.tensor([1])] * (LAYERS + 1)], tmp_path / "deep.neuron.pth")
    with pytest.raises(ModelMismatchError, match=f"counts {LAYERS + 1} layers and this model has {LAYERS}"):
        make(tiny_model, mask=str(tmp_path / "deep.neuron.pth"), languages="zh")


def test_files_that_name_everything_need_nothing(tiny_model: Path, mask: Path, lape: Path):
    assert make(tiny_model, mask=str(mask), languages="zh+fr", lang="zh").plan.neurons == 11
    for arguments, says in (({"languages": "zh"}, "choose among them with `lang`"), ({"site": "ffn.act"}, "sites=")):
        with pytest.raises(LnbenchError, match=says):
            make(tiny_model, mask=str(mask), lang="zh", **arguments)
    with pytest.raises(ModelArgumentError, match="mask names none"):
        make(tiny_model, languages="zh")


def test_a_foreign_file_needs_pretrained(lape: Path):
    with pytest.raises(ModelArgumentError, match=r"both\.neuron\.pth does not name its model.*pretrained=MODEL"):
        LnbenchLM.create_from_arg_string(f"mask={lape},languages=zh+fr")
