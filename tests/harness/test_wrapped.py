"""Adapters, quantised and offloaded models through lm-eval's own arguments: right scores, or one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from lnbench.errors import EngineError, ModelArgumentError
from lnbench.harness import LnbenchLM
from tests.harness.test_lm import likelihoods

ZEROED = [list(range(8)), [1, 4, 9]]


def make(**arguments: Any) -> LnbenchLM:
    return LnbenchLM(**{"device": "cpu", "announce": False, **arguments})


def zeroed(model: Any) -> Any:
    """The Chinese half of the mask zeroed on the activations, without any code of ours."""
    for layer, neurons in zip(model.model.layers, ZEROED):
        columns = torch.tensor(neurons)
        layer.mlp.down_proj.register_forward_pre_hook(lambda _, x, j=columns: (x[0].index_fill(-1, j, 0),))
    return model


def reference(model: Any, tokenizer_of: Path) -> list[float]:
    return likelihoods(make(pretrained=zeroed(model), tokenizer=AutoTokenizer.from_pretrained(tokenizer_of)))


@pytest.fixture(scope="module")
def adapters(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """LoRA on the edited projection, and on others."""
    root = tmp_path_factory.mktemp("adapters")
    for name in ("down_proj", "q_proj"):
        torch.manual_seed(1)
        settings = peft.LoraConfig(r=2, lora_alpha=8, target_modules=[name], init_lora_weights=False)
        base = AutoModelForCausalLM.from_pretrained(tiny_model)
        peft.get_peft_model(base, settings).save_pretrained(root / name)
    return {path.name: path for path in root.iterdir()}


@pytest.mark.parametrize(("name", "engine"), [("down_proj", "hook"), ("q_proj", "fold")])
def test_an_adapter(name: str, engine: str, adapters: dict[str, Path], tiny_model: Path, zh_mask: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    merged = peft.PeftModel.from_pretrained(base, adapters[name]).merge_and_unload()
    wanted = reference(merged, tiny_model)
    lm = make(pretrained=str(tiny_model), peft=str(adapters[name]), mask=zh_mask)
    assert lm.engine == engine
    assert likelihoods(lm) == pytest.approx(wanted, abs=1e-4)
    keys = {lm.output_key(), make(pretrained=str(tiny_model), mask=zh_mask).output_key()}
    assert len(keys) == 2
    lm.set_plan(None)
    original = make(pretrained=str(tiny_model), peft=str(adapters[name]))
    assert likelihoods(lm) == likelihoods(original) != wanted
    if engine == "hook":
        with pytest.raises(EngineError, match="carries an adapter"):
            make(pretrained=str(tiny_model), peft=str(adapters[name]), mask=zh_mask, engine="fold")


def test_a_quantised_checkpoint(tiny_model: Path, zh_mask: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="part of the dev extra on Linux")
    settings = {"quantization_config": BitsAndBytesConfig(load_in_8bit=True), "dtype": torch.float32}
    AutoModelForCausalLM.from_pretrained(tiny_model, **settings).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    lm = make(pretrained=str(tmp_path), mask=zh_mask, dtype="float32")
    assert lm.engine == "hook" and "Linear8bitLt" in str(lm.engine_reason)
    wanted = reference(AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32), tmp_path)
    assert likelihoods(lm) == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(EngineError, match="Linear8bitLt"):
        make(pretrained=str(tmp_path), mask=zh_mask, engine="fold")


@pytest.mark.parametrize("more", [{"max_cpu_memory": "20KB"}, {}], ids=["partly on the disk", "where it likes"])
def test_a_model_spread_over_devices(more: dict[str, Any], tiny_model: Path, zh_mask: Path, tmp_path: Path) -> None:
    wanted = reference(AutoModelForCausalLM.from_pretrained(tiny_model), tiny_model)
    lm = make(pretrained=str(tiny_model), mask=zh_mask, parallelize=True, offload_folder=str(tmp_path), **more)
    assert lm.engine == "hook" and "offloaded" in str(lm.engine_reason)
    assert likelihoods(lm) == pytest.approx(wanted, abs=1e-4)
    lm.set_plan(None)
    assert likelihoods(lm) == pytest.approx(likelihoods(make(pretrained=str(tiny_model))), abs=1e-4)


def test_a_device_map_in_memory_folds(tiny_model: Path, zh_mask: Path) -> None:
    lm = make(pretrained=str(tiny_model), mask=zh_mask, device_map="cpu")
    assert lm.engine == "fold"
    wanted = reference(AutoModelForCausalLM.from_pretrained(tiny_model), tiny_model)
    assert likelihoods(lm) == pytest.approx(wanted, abs=1e-4)


def test_what_cannot_be_loaded_is_one_sentence(tiny_model: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ({"peft": str(tmp_path / "none")}, "adapter_config.json"),
        ({"peft": str(tmp_path), "delta": str(tiny_model)}, "peft"),
        ({"autogptq": True}, "auto_gptq"),
    ):
        with pytest.raises(ModelArgumentError, match=f"(?s)^[^\n]*{words}[^\n]*$"):
            make(pretrained=str(tiny_model), **arguments)


@pytest.mark.parametrize("argument", ["load_in_8bit", "load_in_4bit"])
def test_quantising_while_loading_says_how_it_is_done_now(argument: str, tiny_model: Path) -> None:
    try:
        lm = make(pretrained=str(tiny_model), **{argument: True})
    except ModelArgumentError as error:
        assert f"no {argument}" in str(error) and "BitsAndBytesConfig" in str(error)
    else:  # an older transformers
        assert lm.engine is None
