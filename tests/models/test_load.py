"""Loading a model by name, and what is said when that cannot be."""

import json
from pathlib import Path

import pytest
import torch

from lnbench._data import demo_model_dir
from lnbench.errors import ModelArgumentError
from lnbench.models import (
    commit_of,
    load_architecture,
    load_model,
    load_tokenizer,
    model_location,
    open_checkpoint,
)
from lnbench.models._load import unloadable_in_one_sentence

pytestmark = pytest.mark.skipif(
    not (demo_model_dir() / "model.safetensors").exists(), reason="the demo model's weights are not in this checkout"
)


def test_the_embedded_model_by_its_name_and_its_folder():
    model = load_model("lnbench/demo")
    assert model.dtype == torch.float32 and not model.training and model.device.type == "cpu"
    other = load_model(str(demo_model_dir()), revision="ignored for a folder")
    assert other.dtype == torch.bfloat16  # the checkpoint's own
    assert load_model("lnbench/demo", dtype="bfloat16", device="auto").dtype == torch.bfloat16
    assert load_tokenizer("lnbench/demo")("a")["input_ids"][0] == 1
    assert model_location("org/model") == "org/model"


@pytest.mark.parametrize("load", [load_model, load_tokenizer])
def test_a_name_without_a_model_is_one_sentence(load, tmp_path):
    for name in (str(tmp_path), "no/such/name/at all", "org/nothing-here"):
        with pytest.raises(ModelArgumentError, match=r"cannot be loaded .*name a folder with a model"):
            load(name)


class _Code:
    def __reduce__(self):
        return (Path.touch, (Path("ran"),))


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
def test_damaged_weights_and_weights_with_code_are_one_sentence(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_bytes((demo_model_dir() / "config.json").read_bytes())
    torch.save({"a": _Code()}, tmp_path / file)
    with pytest.raises(ModelArgumentError, match=r"^the model of [^\n]* cannot be loaded [^\n]*$"):
        load_model(str(tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("read", [load_tokenizer, load_architecture, open_checkpoint])
def test_nobody_is_asked_whether_a_models_own_code_may_run(read, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked on the terminal"))
    own = {each: f"own.{each}" for each in ("AutoConfig", "AutoModelForCausalLM")}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": own}))
    code = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(code))
    (tmp_path / "own.py").write_text("import pathlib\npathlib.Path('ran').touch()\n")
    with pytest.raises(ModelArgumentError, match=r"^[^\n]* cannot be loaded [^\n]*$"):
        read(str(tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"dtype": "int8"}, "unknown dtype 'int8'; choose one of float32, bfloat16, float16, auto"),
        ({"device": "abacus"}, "the device 'abacus' cannot be used"),
        ({"device": "cuda:99"}, "the device 'cuda:99' cannot be used"),
        ({"device": "meta"}, r"the device 'meta' cannot be used \(it holds no values\)"),
    ],
)
def test_a_dtype_or_device_that_is_none_is_one_sentence(arguments, says):
    with pytest.raises(ModelArgumentError, match=says):
        load_model("lnbench/demo", **arguments)


def test_the_commit_of_what_came_from_the_hub(hub_server, tmp_path):
    from transformers import AutoConfig

    config = (demo_model_dir() / "config.json").read_bytes()
    first = hub_server.add("org/base", {"config.json": config})
    second = hub_server.add("org/base", {"config.json": config, "more": b""}, revision="dev")
    for revision, commit in ((None, first), ("main", first), ("dev", second), (second, second)):
        loaded = AutoConfig.from_pretrained("org/base", **({"revision": revision} if revision else {}))
        assert commit_of("org/base", revision, loaded) == commit
    assert commit_of(str(tmp_path)) is None and commit_of("org/other") is None
    assert commit_of("no name at all") is None


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_too_little_memory_is_not_said_to_be_a_wrong_name(error, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(type(error)), unloadable_in_one_sentence("some/model", "model"):
        raise error


def test_any_other_error_of_who_reads_the_files_is_a_refusal(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refused = pytest.raises(ModelArgumentError, match=r"the config of '/' cannot be loaded \(KeyError\)")
    with refused, unloadable_in_one_sentence("/", "config"):
        raise KeyError
