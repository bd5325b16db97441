"""Names of arguments: what is caught, what passes on to transformers, what the manual lists."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from transformers import BitsAndBytesConfig, PreTrainedModel

from lnbench.errors import ModelArgumentError, NeuronFileError
from lnbench.harness import LnbenchLM, _arguments

MANUAL = (Path(__file__).parents[2] / "docs" / "lm-eval.md").read_text()


@pytest.mark.parametrize("key", _arguments.OUR_KEYS)
def test_every_argument_is_in_the_manual(key: str):
    assert f"`{key}`" in MANUAL


@pytest.mark.parametrize("typo", ["masks", "Mask", "langs", "sit", "layer", "excludes", "contol", "tokns", "engines"])
def test_typos_are_caught(typo: str):
    with pytest.raises(ModelArgumentError, match=typo):
        _arguments.refuse_unknown([typo], ())


def test_arguments_of_transformers_and_lm_eval_pass():
    known = {*inspect.signature(PreTrainedModel.from_pretrained).parameters}
    known |= {*inspect.signature(BitsAndBytesConfig.__init__).parameters}
    known |= {"attn_implementation", "torch_dtype", "token", "low_cpu_mem_usage", "code_revision", "num_hidden_layers"}
    known |= {"device_map", "max_memory", "key_mapping", "rope_scaling", "sliding_window", "experts_implementation"}
    _arguments.refuse_unknown(known, ())


@pytest.mark.parametrize("mask", [[], "[]", [""], 3, {"a": "b"}])
def test_mask_that_names_nothing(mask):
    with pytest.raises(ModelArgumentError, match="names no neuron-set file"):
        _arguments.mask_paths(mask)


def test_each_part_of_a_list_is_looked_up(tmp_path: Path):
    (tmp_path / "a.pt").touch()
    (tmp_path / "b+c.pt").touch()
    assert _arguments.mask_paths(f"{tmp_path}/b+c.pt") == [tmp_path / "b+c.pt"]
    assert _arguments.mask_paths(f"[{tmp_path}/a.pt, '{tmp_path}/b+c.pt']") == [tmp_path / "a.pt", tmp_path / "b+c.pt"]
    with pytest.raises(NeuronFileError, match=r"nowhere\.pt"):
        _arguments.mask_paths(f"{tmp_path}/a.pt+nowhere.pt")


def test_an_argument_that_is_an_option_too():
    with pytest.raises(ModelArgumentError, match="write --batch_size 8 and leave it out there"):
        LnbenchLM.create_from_arg_obj(
            {"pretrained": "lnbench/demo", "batch_size": 8}, {"batch_size": 1, "device": None}
        )


@pytest.mark.parametrize("length", [0, -1, 1.5, "many"])
def test_a_window_without_a_token(length):
    with pytest.raises(ModelArgumentError, match="is no number of tokens"):
        LnbenchLM("lnbench/demo", max_length=length)


@pytest.mark.parametrize(
    ("argument", "words"),
    [({"dtype": "float99"}, "check dtype="), ({"device": "cuda:99"}, "cannot be used"), ({"device": "x"}, "cannot be")],
)
def test_a_type_or_device_that_is_not_there(argument, words):
    """lm-eval itself would take the CPU, and results would name another device than was asked for."""
    with pytest.raises(ModelArgumentError, match=words):
        LnbenchLM("lnbench/demo", **argument)


def test_a_file_name_that_no_results_file_could_name():
    with pytest.raises(ModelArgumentError, match="rename the file"):
        _arguments.mask_paths("a\udcff.pt")
