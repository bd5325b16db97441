"""Tiny models inside everything that people wrap models in, and what each engine should make of it.

``CASES`` is the table of ``docs/wrapped-models.md``; ``tests/models/test_wrapped.py`` holds both to the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import accelerate
import peft
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from lnbench.models import Plan
from tests.models import by_hand
from tests.models.test_guards import Packed, packed, with_lora
from tests.models.tiny import build, logits, tokens

LORA = ["gate_proj", "up_proj", "down_proj", "q_proj", "k_proj", "v_proj", "o_proj"]


@dataclass(frozen=True)
class Case:
    """One row: a wrapped model, the model by hand, and the engine that carries a plan out (or ``refused``)."""

    make: Callable[[Path], Any]
    fold: str
    hook: str
    auto: str
    only_hooks: str
    """``auto`` for a plan that does not fold."""
    export: str
    twin: Callable[[Path], Any] | None = None
    """An unwrapped model of equal answers, for the reference; None: the wrapped model itself, with hooks by hand."""
    atol: float = 2e-5
    needs: str = ""


def expected(case: Case, wrapped: nn.Module, plan: Plan, folder: Path) -> torch.Tensor:
    """The answers under a plan: hooks written out by hand on the modules that transformers calls."""
    model = wrapped if case.twin is None else case.twin(folder)
    inner = model
    while (
        inside := getattr(inner, "_orig_mod", None) or getattr(inner, "module", None) or _base_of(inner)
    ) is not None:
        inner = inside
    with ExitStack() as stack:
        for layer, site, edit in plan:
            for neuron, scale, offset in zip(edit.indices, edit.scale, edit.offset):
                change = _affine(float(scale), float(offset))
                stack.enter_context(by_hand.hooked(inner, "llama", [layer], site, [int(neuron)], change))
        return logits(model, tokens())


def _affine(scale: float, offset: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda values: scale * values + offset


def _base_of(model: nn.Module) -> nn.Module | None:
    if type(model).__name__ == "PeftMixedModel":
        return model.base_model.model
    return model.get_base_model() if isinstance(model, peft.PeftModel) else None


def dtyped(dtype: torch.dtype) -> Callable[[Path], Any]:
    return lambda _: build("llama", dtype)


def plain(_: Path) -> Any:
    return build("llama")


def compiled(_: Path) -> Any:
    torch._dynamo.reset()
    return torch.compile(build("llama"), backend="eager")


def compiled_layers(_: Path) -> Any:
    torch._dynamo.reset()
    model = build("llama")
    for layer in model.model.layers:
        layer.compile(backend="eager")
    return model


def device_map(places: dict[int, str]) -> Callable[[Path], Any]:
    """Layers in memory or on the disk; the rest in memory."""

    def make(folder: Path) -> Any:
        rest = ("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head")
        placed = {**dict.fromkeys(rest, "cpu"), **{f"model.layers.{n}": place for n, place in places.items()}}
        return accelerate.dispatch_model(
            build("llama"), placed, main_device="cpu", offload_dir=folder / "offload", force_hooks=True
        )

    return make


def through_from_pretrained(folder: Path) -> Any:
    """``device_map`` as it is given to ``from_pretrained``."""
    build("llama").save_pretrained(folder / "checkpoint")
    placed = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "cpu", "model.layers.2": "disk"}
    placed |= {"model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu"}
    return AutoModelForCausalLM.from_pretrained(
        folder / "checkpoint", device_map=placed, offload_folder=folder / "offload"
    ).eval()


def offloaded(model: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda folder: accelerate.cpu_offload(model(folder), execution_device="cpu")


def lora(targets: list[str], **config: Any) -> Callable[[Path], Any]:
    return lambda _: with_lora(targets, **config)


def merged(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda folder: make(folder).merge_and_unload()


def merged_in_place(folder: Path) -> Any:
    model = lora(LORA)(folder)
    model.merge_adapter()
    return model


def disabled(folder: Path) -> Any:
    model = lora(LORA)(folder)
    model.base_model.disable_adapter_layers()
    return model


def two_adapters(folder: Path) -> Any:
    model = lora(LORA)(folder)
    torch.manual_seed(9)
    other = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    model.add_adapter("other", other)
    model.base_model.set_adapter(["default", "other"])
    return model.eval()


def mixed_adapters(_: Path) -> Any:
    torch.manual_seed(3)
    config = peft.LoraConfig(r=2, lora_alpha=8, target_modules=LORA, init_lora_weights=False)
    return peft.PeftMixedModel(build("llama"), config).eval()


def added_by_transformers(_: Path) -> Any:
    torch.manual_seed(3)
    model = build("llama")
    try:
        model.add_adapter(peft.LoraConfig(r=2, lora_alpha=8, target_modules=LORA, init_lora_weights=False))
    except ValueError as error:  # transformers 5.24 asks for PEFT 0.22, which is not released
        if "version of PEFT" not in str(error):
            raise
        pytest.skip(str(error))
    return model.eval()


def ia3(_: Path) -> Any:
    torch.manual_seed(4)
    targets = {"target_modules": ["k_proj", "v_proj", "down_proj"], "feedforward_modules": ["down_proj"]}
    return peft.get_peft_model(build("llama"), peft.IA3Config(**targets, init_ia3_weights=False)).eval()


def modules_to_save(_: Path) -> Any:
    torch.manual_seed(5)
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["down_proj"], init_lora_weights=False)
    model = peft.get_peft_model(build("llama"), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "modules_to_save" in name:
                parameter.add_(0.1)
    return model.eval()


def prompt_tuned(_: Path) -> Any:
    torch.manual_seed(6)
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    return peft.get_peft_model(build("llama"), config).eval()


def quantised(lora_on_top: bool = False, **config: Any) -> Callable[[Path], Any]:
    """Really quantised by bitsandbytes, which runs on a CPU."""

    def make(folder: Path) -> Any:
        sizes = {"hidden_size": 64, "intermediate_size": 64, "head_dim": 16}  # 4 bits come in blocks of 64 numbers
        build("llama", **sizes).save_pretrained(folder / "checkpoint")
        settings = BitsAndBytesConfig(**config, llm_int8_skip_modules=["lm_head"])
        model = AutoModelForCausalLM.from_pretrained(
            folder / "checkpoint", quantization_config=settings, dtype=torch.float32
        )
        if lora_on_top:
            torch.manual_seed(3)
            adapter = peft.LoraConfig(
                r=2, lora_alpha=8, target_modules=["down_proj", "q_proj"], init_lora_weights=False
            )
            model = peft.get_peft_model(model, adapter)
        return model.eval()

    return make


class PackedInBuffers(nn.Module):
    """Stands for GPTQ, AWQ and HQQ layers: sizes, packed integers in a buffer, no parameter named weight."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        scales = linear.weight.abs().amax(dim=1, keepdim=True) / 7.0
        self.register_buffer("scales", scales.detach())
        self.register_buffer("qweight", (linear.weight.detach() / scales).round().to(torch.int8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.qweight * self.scales, self.bias)


class Float8Linear(nn.Linear):
    """Stands for FP8 layers: a weight of one byte a number, and a scale beside it."""

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        self.weight = nn.Parameter(linear.weight.detach().to(torch.float8_e4m3fn), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.weight.to(x.dtype), self.bias)


class PackedTensor(torch.Tensor):
    """Stands for torchao's weights: a plain ``nn.Linear`` whose weight is a tensor of another kind."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is nn.functional.linear:
            args = tuple(
                (each.as_subclass(torch.Tensor) * 16).round() / 16 if isinstance(each, cls) else each for each in args
            )
            return func(*args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)


def packed_tensors(_: Path) -> Any:
    def replace(linear: nn.Linear) -> nn.Linear:
        linear.weight = nn.Parameter(linear.weight.detach().as_subclass(PackedTensor), requires_grad=False)
        return linear

    return packed(build("llama"), replace)


def weight_norm(_: Path) -> Any:
    model = build("llama")
    for layer in model.model.layers:
        nn.utils.parametrizations.weight_norm(layer.mlp.down_proj)
    return model


def pruned(_: Path) -> Any:
    from torch.nn.utils import prune

    model = build("llama")
    for layer in model.model.layers:
        prune.random_unstructured(layer.mlp.down_proj, "weight", amount=0.3)
    return model


def tensor_parallel(_: Path) -> Any:
    class Sharded(torch.Tensor):
        placements = ("Shard(dim=0)",)

    model = build("llama")
    for layer in model.model.layers:
        for projection in (layer.self_attn.q_proj, layer.mlp.down_proj):
            projection.weight = nn.Parameter(projection.weight.data.as_subclass(Sharded))
    return model


def in_inference_mode(_: Path) -> Any:
    with torch.inference_mode():
        return build("llama")


def _weights(make: Callable[[Path], Any], **more: Any) -> Case:
    """Plain weights: everything goes."""
    return Case(make, "fold", "hook", "fold", "hook", **{"export": "yes", **more})


def _activations(make: Callable[[Path], Any], **more: Any) -> Case:
    """Weights that cannot be edited: hooks."""
    return Case(make, "refused", "hook", "hook", "hook", "refused", **more)


def _frozen(make: Callable[[Path], Any], **more: Any) -> Case:
    """Code that calls no hooks: only weights."""
    return Case(make, "fold", "refused", "fold", "refused", "yes", **more)


CASES: dict[str, Case] = {
    "nothing, `float32`": _weights(plain),
    "nothing, `bfloat16`": _weights(dtyped(torch.bfloat16), atol=0.15),
    "nothing, `float16`": _weights(dtyped(torch.float16), atol=0.02),
    "tied embeddings": _weights(lambda _: build("llama", tie_word_embeddings=True)),
    "`DataParallel`": _weights(lambda _: nn.DataParallel(build("llama")), twin=plain),
    "`torch.compile(model)`": _frozen(compiled, twin=plain),
    "compiled layers (`layer.compile()`)": _frozen(compiled_layers, twin=plain),
    "`device_map`, all in memory": _weights(device_map({0: "cpu", 1: "cpu", 2: "cpu"})),
    "`device_map`, an edited layer on the disk": _activations(device_map({0: "cpu", 1: "cpu", 2: "disk"})),
    "the same through `from_pretrained`": _activations(through_from_pretrained),
    "`accelerate.cpu_offload`": _activations(offloaded(plain)),
    "LoRA on other projections": _weights(lora(["q_proj"]), export="refused"),
    "LoRA on an edited projection": _activations(lora(LORA), twin=merged(lora(LORA)), atol=5e-5),
    "DoRA on an edited projection": _activations(
        lora(LORA, use_dora=True), twin=merged(lora(LORA, use_dora=True)), atol=5e-5
    ),
    "IA3 on an edited projection": _activations(ia3, twin=merged(ia3), atol=5e-5),
    "LoRA, an edited projection in `modules_to_save`": _activations(modules_to_save),
    "two LoRA adapters, both active": _activations(two_adapters, twin=merged(two_adapters), atol=5e-5),
    "LoRA, adapters disabled": _activations(disabled, twin=plain),
    "LoRA merged in place (`merge_adapter`)": _activations(merged_in_place, twin=merged(lora(LORA)), atol=5e-5),
    "LoRA merged (`merge_and_unload`)": _weights(merged(lora(LORA)), atol=5e-5),
    "LoRA added by transformers (`add_adapter`)": _activations(added_by_transformers),
    "`PeftMixedModel`": _activations(mixed_adapters),
    "prompt tuning": _weights(prompt_tuned, export="refused"),
    "LoRA, offloaded": _activations(offloaded(lora(LORA)), twin=merged(lora(LORA)), atol=5e-5),
    "bitsandbytes, 8 bit": _activations(quantised(load_in_8bit=True), needs="bitsandbytes"),
    "bitsandbytes, 4 bit": _activations(quantised(load_in_4bit=True), needs="bitsandbytes"),
    "bitsandbytes, 4 bit, with LoRA": _activations(quantised(True, load_in_4bit=True), needs="bitsandbytes"),
    "integers for a weight *": _activations(lambda _: packed(build("llama"), Packed)),
    "GPTQ, AWQ, HQQ *": _activations(lambda _: packed(build("llama"), PackedInBuffers)),
    "FP8 *": _activations(lambda _: packed(build("llama"), Float8Linear)),
    "torchao *": _activations(packed_tensors),
    "`weight_norm`, parametrisations": _activations(weight_norm),
    "pruning (`torch.nn.utils.prune`)": _activations(pruned),
    "weights made under `inference_mode`": _activations(in_inference_mode, twin=plain),
    "tensor parallelism *": Case(tensor_parallel, "refused", "refused", "refused", "refused", "refused"),
}
