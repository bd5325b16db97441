"""A tiny Llama with random weights, a byte tokenizer, a neuron set for it, a folder of tasks: real parts, made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lnbench.neurons import Architecture, NeuronSet

from .environments import ROOT, Environment, build_wheel

CHAT_TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
LAYERS, WIDTH = 2, 32


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a checkpoint with 2 layers of 32 feed-forward neurons; weights large enough to matter."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny") / "model"
    tokenizer = _byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.5,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _byte_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={char: i for i, char in enumerate(alphabet)}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


@pytest.fixture(scope="session")
def neurons(tiny_model: Path) -> NeuronSet:
    """Two languages on the feed-forward activations of the tiny model."""
    widths = {"ffn.act": WIDTH, "ffn.hidden": WIDTH, "attn.q": 16, "attn.k": 8, "attn.v": 8, "attn.o": 16}
    return NeuronSet.from_indices(
        {"zh": {"ffn.act": [list(range(8)), [1, 4, 9]]}, "fr": {"ffn.act": [[20], list(range(24, 32))]}},
        architecture=Architecture(LAYERS, widths),
        model=str(tiny_model),
        method="by hand",
    )


@pytest.fixture(scope="session")
def mask(neurons: NeuronSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That set as a file."""
    return neurons.save(tmp_path_factory.mktemp("masks") / "both.pt")


@pytest.fixture(scope="session")
def zh_mask(neurons: NeuronSet, mask: Path) -> Path:
    """Its Chinese half as a file."""
    return neurons.select(languages=["zh"]).save(mask.with_name("zh.pt"))


@pytest.fixture(scope="session")
def task_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generative task and a multiple-choice task, six documents each, with few-shot documents."""
    folder = tmp_path_factory.mktemp("tasks")
    for split, first in (("test", 0), ("train", 50)):
        rows = [
            {"q": f"{n} + {n + 3} =", "a": str(2 * n + 3), "choices": ["red", "blue"]} for n in range(first, first + 6)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "_common").write_text(_COMMON.format(folder=folder))
    (folder / "gen.yaml").write_text(_GENERATE)
    (folder / "mc.yaml").write_text(_CHOOSE)
    return folder


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lnbench's wheel, built from this checkout."""
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def wheel_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A fresh environment with the wheel installed."""
    made = Environment(tmp_path_factory.mktemp("wheel") / "env")
    made.install(str(wheel))
    return made


@pytest.fixture(scope="session")
def editable_environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A fresh environment with this checkout installed for editing."""
    made = Environment(tmp_path_factory.mktemp("editable") / "env")
    made.install("--editable", str(ROOT))
    return made


_COMMON = """\
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder}/test.jsonl, train: {folder}/train.jsonl}}
test_split: test
fewshot_split: train
doc_to_text: "{{{{q}}}}"
metadata: {{version: 1.0}}
"""
_GENERATE = """\
include: _common
task: tiny_gen
output_type: generate_until
doc_to_target: "{{a}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 6, do_sample: false}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""
_CHOOSE = """\
include: _common
task: tiny_mc
output_type: multiple_choice
doc_to_choice: choices
doc_to_target: 0
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""
