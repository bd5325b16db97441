"""Really quantised weights: fold is refused, and the hook gives what a hook written by hand gives."""

import pytest
import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

import lnbench
from lnbench._data import demo_model_dir
from lnbench.errors import EngineError

pytest.importorskip("bitsandbytes", reason="needs bitsandbytes, part of the dev extra on Linux")

CONFIGS = {
    "Linear4bit": BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.float32),
    "Linear8bitLt": BitsAndBytesConfig(load_in_8bit=True),
}


@pytest.fixture(scope="module", params=CONFIGS)
def quantised(request):
    config = CONFIGS[request.param]
    model = AutoModelForCausalLM.from_pretrained(demo_model_dir(), quantization_config=config, dtype=torch.float32)
    assert type(model.model.layers[0].mlp.down_proj).__name__ == request.param
    return request.param, model.eval()


@pytest.fixture
def ids():
    return torch.randint(2, 2000, (2, 12), generator=torch.Generator().manual_seed(0))


def test_fold_is_refused(quantised):
    kind, model = quantised
    with pytest.raises(EngineError, match=kind), lnbench.ablate(model, "zh_ffn.pt", engine="fold"):
        pass


@torch.no_grad()
def test_the_hook_equals_one_written_by_hand_and_leaves_nothing(quantised, ids):
    _, model = quantised
    original = model(ids).logits
    with lnbench.ablate(model, "zh_ffn.pt") as applied:
        assert applied.engine == "hook"
        ablated = model(ids).logits
    handles = []
    for layer, zeroed in zip(model.model.layers, lnbench.NeuronSet.load("zh_ffn.pt").indices("zh", "ffn.act")):
        columns = torch.tensor(zeroed)
        handles.append(
            layer.mlp.down_proj.register_forward_pre_hook(lambda _, x, j=columns: (x[0].index_fill(-1, j, 0),))
        )
    by_hand = model(ids).logits
    for handle in handles:
        handle.remove()
    assert torch.equal(ablated, by_hand)
    assert not torch.allclose(ablated, original, atol=0.1)
    assert torch.equal(model(ids).logits, original)
