"""An exported model is an ordinary checkpoint that answers as the model with the plan applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM

from lnbench.errors import EngineError, OutputError
from lnbench.models import Plan, applied, apply, export, open_checkpoint
from tests.models.test_engines import assert_same, plan_of, snapshot
from tests.models.tiny import build, logits, tokens

SCALING = Plan.from_edits({(1, "ffn.act"): ([1, 5], 0.0, 0.0), (2, "attn.v"): ([3], 0.5, 0.0)})


def config_of(model: Any) -> dict[str, Any]:
    """Less the two fields that ``save_pretrained`` itself fills in."""
    return {key: value for key, value in model.config.to_dict().items() if key not in ("dtype", "architectures")}


@pytest.mark.parametrize("family", ["llama", "llama-biased", "qwen3", "gemma2", "gemma3", "olmo2", "gpt_neox", "gpt2"])
def test_constants_survive_where_the_config_has_a_place_for_biases(family: str, tmp_path: Path) -> None:
    sites = ("attn.q", "attn.v", "attn.o") if family in ("qwen3", "gemma2", "gemma3", "olmo2") else None
    model = build(family)
    plan = plan_of(model, *([sites] if sites else []))
    before, config = snapshot(model), config_of(model)
    folder = export(model, plan, tmp_path / "out")
    assert_same(before, snapshot(model))
    assert config == config_of(model)
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    with applied(model, plan, "hook"):
        torch.testing.assert_close(logits(loaded, tokens()), logits(model, tokens()), atol=1e-5, rtol=1e-5)
    assert json.loads((folder / "lnbench_plan.json").read_text())["plan_hash"] == plan.plan_hash


@pytest.mark.parametrize("family", ["mistral", "qwen2", "phi3"])
def test_zero_and_scale_need_no_place(family: str, tmp_path: Path) -> None:
    model = build(family)
    loaded = AutoModelForCausalLM.from_pretrained(export(model, SCALING, tmp_path / "new" / "out"))
    with applied(model, SCALING, "hook"):
        torch.testing.assert_close(logits(loaded, tokens()), logits(model, tokens()), atol=1e-5, rtol=1e-5)
    assert config_of(loaded).keys() == config_of(model).keys()


@pytest.mark.parametrize("family", ["mistral", "qwen2", "phi3", "gemma2"])
def test_a_bias_without_a_place_is_refused_and_nothing_is_written(family: str, tmp_path: Path) -> None:
    model = build(family)
    before, config = snapshot(model), config_of(model)
    plan = Plan.from_edits({(1, "ffn.hidden"): ([1], 1.0, 0.5)})
    with pytest.raises(
        EngineError, match=r"needs model.layers.1.mlp.down_proj.bias, for which the config of \w+ has no"
    ):
        export(model, plan, tmp_path / "out")
    assert not list(tmp_path.iterdir())
    assert_same(before, snapshot(model))
    assert config == config_of(model)


def test_a_stray_config_field_is_no_place(tmp_path: Path) -> None:
    model = build("mistral", attention_bias=False)
    with pytest.raises(EngineError, match="has no place"):
        export(model, Plan.from_edits({(1, "attn.q"): ([1], 1.0, 0.5)}), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_what_does_not_fold_is_refused(tmp_path: Path) -> None:
    model = build("llama")
    for edits, words in (({"tokens": "prompt"}, "prompt tokens only"), ({}, "adding to ffn.act")):
        plan = Plan.from_edits({(1, "ffn.act"): ([1], 1.0, 0.5)}, **edits)
        with pytest.raises(EngineError, match=f"cannot be exported: .*{words}"):
            export(model, plan, tmp_path / "out")
    with pytest.raises(EngineError, match="merge_and_unload"):
        adapted = peft.get_peft_model(build("llama"), peft.LoraConfig(target_modules=["q_proj"]))
        export(adapted, SCALING, tmp_path / "out")
    at_work = apply(model, SCALING)
    with pytest.raises(EngineError, match="already has a plan"):
        export(model, SCALING, tmp_path / "out")
    at_work.restore()
    assert not list(tmp_path.iterdir())


def test_weights_that_their_type_does_not_hold_are_refused(tmp_path: Path) -> None:
    """Factors are float32 themselves, so that 1e38 makes an infinite weight of the first one above 3.4."""
    model = build("llama")
    next(each for name, each in model.named_parameters() if "layers.1.mlp.down_proj" in name).data[0, 1] = 5.0
    before = snapshot(model)
    plan = Plan.from_edits({(1, "ffn.act"): ([1], 1e38, 0.0)})
    with pytest.raises(EngineError, match="weights larger than float32 holds; give smaller factors"):
        export(model, plan, tmp_path / "out")
    assert_same(before, snapshot(model))
    model.save_pretrained(tmp_path / "base")
    with pytest.raises(EngineError, match="weights larger than float32 holds"):
        export(open_checkpoint(str(tmp_path / "base")), plan, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    for target in (tmp_path, tmp_path / "mine"):
        with pytest.raises(OutputError, match="exists already"):
            export(build("llama"), SCALING, target)
    with pytest.raises(OutputError, match="cannot write beside"):
        export(build("llama"), SCALING, tmp_path / "mine" / "out")
    assert (tmp_path / "mine").read_text() == "keep"
    (tmp_path / "empty").mkdir()
    assert list(export(build("llama"), SCALING, tmp_path / "empty").iterdir())


def test_a_save_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("llama")
    before = snapshot(model)

    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(model), "save_pretrained", lambda self, folder: full(folder))
    with pytest.raises(OutputError, match="No space left"):
        export(model, SCALING, tmp_path / "out")
    assert not list(tmp_path.iterdir())
    assert_same(before, snapshot(model))


def test_the_tokenizer_goes_along(tmp_path: Path) -> None:
    class Tokenizer:
        def save_pretrained(self, folder: Path) -> None:
            (Path(folder) / "tokenizer.json").write_text("{}")

    assert (export(build("llama"), SCALING, tmp_path / "out", Tokenizer()) / "tokenizer.json").exists()
