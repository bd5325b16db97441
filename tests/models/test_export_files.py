"""An export from a checkpoint's files equals the ablated model bit for bit, and leaves the rest alone."""

from __future__ import annotations

import fcntl
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from lnbench.errors import EngineError, LnbenchError, ModelArgumentError, OutputError
from lnbench.models import PLAN_FILE, Plan, Spec, applied, compile_plan, export, export_size, open_checkpoint
from lnbench.models._export import _stored
from lnbench.neurons import NeuronSet
from tests.models.tiny import LAYERS, build, logits, tokens

SCALING = Plan.from_edits({(1, "ffn.hidden"): ([1, 5], 0.0, 0.0), (2, "attn.v"): ([3], 0.5, 0.0)})
CONSTANT = Plan.from_edits({(1, "attn.q"): ([1, 5], 0.5, 0.25), (1, "attn.o"): ([2], 0.0, 0.5)})
SHARD = 12_000
#: Of the family, those whose class and weights are saved under other names than the modules have.
ROUTED = {"cohere2": "2 files", "falcon": "2 files", "granitemoe": "1 file", "gpt_oss": "2 files", "mixtral": "whole"}
DENSE = ["llama", "llama-biased", "qwen2", "qwen3", "gemma3", "phi3", "bloom", "gpt_neox", "opt", "gpt2"]


def saved(
    folder: Path, family: str = "llama", dtype: torch.dtype = torch.float32, shard: int = SHARD, **more: Any
) -> Path:
    """A checkpoint in several files, and beside it what checkpoints bring along."""
    build(family, dtype, **more).save_pretrained(folder, max_shard_size=shard)
    for name, text in {
        "tokenizer.json": "{}",
        "chat_template.jinja": "{{ x }}",
        "LICENSE": "terms",
        "README.md": "---\nlicense: apache-2.0\n---\n# Mine",
        "consolidated.safetensors": "the same weights again",
        "pytorch_model.bin": "and again",
    }.items():
        (folder / name).write_text(text)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tools.jinja").write_text("{{ y }}")
    return folder


def weights(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.safetensors") if path.name != "consolidated.safetensors")


def told(folder: Path) -> dict[str, Any]:
    return json.loads((folder / PLAN_FILE).read_text())


def ablated_state(folder: Path, plan: Plan, **options: Any) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    model = AutoModelForCausalLM.from_pretrained(folder, **options)
    with applied(model, plan, "fold"):
        return {key: value.clone() for key, value in model.state_dict().items()}, logits(model, tokens())


def check_equal(out: Path, base: Path, plan: Plan) -> None:
    """What ``from_pretrained`` makes of the folder is the ablated model, bit for bit."""
    state, wanted = ablated_state(base, plan)
    loaded, information = AutoModelForCausalLM.from_pretrained(out, output_loading_info=True)
    assert not information["missing_keys"] and not information["unexpected_keys"]
    found = loaded.state_dict()
    for key, value in state.items():
        assert torch.equal(found[key], value) and found[key].dtype == value.dtype, key
    assert all((found[key] == 0).all() for key in found.keys() - state.keys())
    assert torch.equal(logits(loaded, tokens()), wanted)


@pytest.mark.parametrize("family", DENSE)
def test_every_family_from_its_files(family: str, tmp_path: Path) -> None:
    base = saved(tmp_path / "base", family)
    out = export(open_checkpoint(str(base)), SCALING, tmp_path / "out")
    assert not told(out)["weights"]["how"].startswith("saved as a whole")
    check_equal(out, base, SCALING)


@pytest.mark.parametrize(("family", "how"), ROUTED.items())
def test_other_layouts_and_experts(family: str, how: str, tmp_path: Path) -> None:
    """Experts that the checkpoint keeps as one tensor are edited in its file; those that loading joins are not."""
    base = saved(tmp_path / "base", family)
    plan = Plan.from_edits({(1, "ffn.hidden"): ([1, 5], 0.0, 0.0), (0, "attn.v"): ([3], 0.5, 0.0)})
    out = export(open_checkpoint(str(base)), plan, tmp_path / "out")
    assert how in told(out)["weights"]["how"]
    check_equal(out, base, plan)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])
@pytest.mark.parametrize("shard", [SHARD, 10**9], ids=["sharded", "single"])
def test_the_checkpoints_own_type_stays(dtype: torch.dtype, shard: int, tmp_path: Path) -> None:
    base = saved(tmp_path / "base", "llama-biased", dtype, shard)
    plan = Plan.from_edits({**dict(SCALING.edits), **dict(CONSTANT.edits)})
    out = export(open_checkpoint(str(base)), plan, tmp_path / "out")
    check_equal(out, base, plan)
    assert {each.dtype for name in weights(out) for each in load_file(out / name).values()} == {dtype}


def test_only_what_changes_is_read_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = saved(tmp_path / "base")
    untouched = {path.name: path.read_bytes() for path in base.iterdir() if path.is_file()}
    read, original = [], _stored.Stored.read
    monkeypatch.setattr(_stored.Stored, "read", lambda self, key: read.append(key) or original(self, key))
    written: list[int] = []
    out = export(open_checkpoint(str(base)), SCALING, tmp_path / "out", done=written.append)
    assert sorted(read) == ["model.layers.1.mlp.down_proj.weight", "model.layers.2.self_attn.v_proj.weight"]
    index = json.loads((base / "model.safetensors.index.json").read_text())["weight_map"]
    changed = {index[key] for key in read}
    for name in weights(base):
        same = (base / name).stat().st_ino == (out / name).stat().st_ino
        assert same == (name not in changed)
        if name in changed:
            before, after = load_file(base / name), load_file(out / name)
            assert {key for key in before if not torch.equal(before[key], after[key])} == set(read) & set(before)
    assert weights(out) == weights(base) and len(weights(base)) > 3
    size = sum((base / name).stat().st_size for name in changed)
    assert sum(written) == size == export_size(open_checkpoint(str(base)), SCALING)
    assert told(out)["weights"]["rewritten"] == sorted(changed)
    assert (out / "model.safetensors.index.json").read_bytes() == (base / "model.safetensors.index.json").read_bytes()
    assert {path.name: path.read_bytes() for path in base.iterdir() if path.is_file()} == untouched


def test_links_where_they_can_be_and_copies_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = saved(tmp_path / "base")
    checkpoint = open_checkpoint(str(base))
    copied = export(checkpoint, SCALING, tmp_path / "copied", link=False)

    def other_device(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_device)
    far = export(checkpoint, SCALING, tmp_path / "far")
    for out in (copied, far):
        assert all((out / name).stat().st_nlink == 1 for name in weights(out))
        assert told(out)["weights"]["linked"] == [] and len(told(out)["weights"]["copied"]) > 1
        check_equal(out, base, SCALING)


def test_a_hub_cache_is_linked_to_itself_and_not_to_its_links(tmp_path: Path) -> None:
    blobs, base = saved(tmp_path / "blobs"), tmp_path / "snapshot"
    base.mkdir()
    for path in blobs.iterdir():
        (base / path.name).symlink_to(path)
    out = export(open_checkpoint(str(base)), SCALING, tmp_path / "out")
    assert not any(path.is_symlink() for path in out.iterdir())
    linked = told(out)["weights"]["linked"]
    assert linked and all((out / name).stat().st_ino == (blobs / name).stat().st_ino for name in linked)
    check_equal(out, blobs, SCALING)


@pytest.mark.parametrize("shard", [SHARD, 10**9], ids=["sharded", "single"])
@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma2"])
def test_new_biases_get_a_file_of_their_own(family: str, shard: int, tmp_path: Path) -> None:
    base = saved(tmp_path / "base", family, torch.bfloat16, shard)
    out = export(open_checkpoint(str(base)), CONSTANT, tmp_path / "out")
    check_equal(out, base, CONSTANT)
    config = json.loads((base / "config.json").read_text())
    assert json.loads((out / "config.json").read_text()) == {**config, "attention_bias": True}
    assert len(told(out)["weights"]["biases"]) == 4 * LAYERS
    total = len(weights(base)) + 1
    assert weights(out) == [f"model-{number:05d}-of-{total:05d}.safetensors" for number in range(1, total + 1)]
    index = json.loads((out / "model.safetensors.index.json").read_text())
    held = {key: name for name in weights(out) for key in load_file(out / name)}
    assert index["weight_map"] == held
    every = [each for name in weights(out) for each in load_file(out / name).values()]
    assert index["metadata"]["total_size"] == sum(each.nbytes for each in every)
    assert index["metadata"]["total_parameters"] == sum(each.numel() for each in every)


def test_a_bias_without_a_place_is_refused_before_a_weight_is_looked_at(tmp_path: Path) -> None:
    base = saved(tmp_path / "base", "mistral")
    for path in base.glob("*.safetensors"):
        path.write_text("damaged")
    with pytest.raises(EngineError, match=r"needs model.layers.1.self_attn\S+.bias, for which the config"):
        export(open_checkpoint(str(base)), CONSTANT, tmp_path / "out")
    for plan, words in ((Plan.from_edits({(1, "ffn.act"): ([1], 1.0, 0.5)}), "adding to ffn.act"),):
        with pytest.raises(EngineError, match=f"cannot be exported: .*{words}"):
            export(open_checkpoint(str(base)), plan, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_the_checkpoint_can_be_used_again_and_keeps_its_config(tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    checkpoint = open_checkpoint(str(base))
    keys = set(checkpoint.model.state_dict())
    check_equal(export(checkpoint, CONSTANT, tmp_path / "one"), base, CONSTANT)
    assert set(checkpoint.model.state_dict()) == keys and checkpoint.model.config.attention_bias is False
    check_equal(export(checkpoint, SCALING, tmp_path / "two"), base, SCALING)


def test_what_comes_along_and_what_does_not(tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    out = export(open_checkpoint(str(base)), SCALING, tmp_path / "out")
    for name in ("config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja", "LICENSE"):
        assert (out / name).read_bytes() == (base / name).read_bytes()
    assert (out / "additional_chat_templates" / "tools.jinja").read_text() == "{{ y }}"
    assert not (out / "pytorch_model.bin").exists() and not (out / "consolidated.safetensors").exists()
    assert "license: apache-2.0" in (out / "README.md").read_text() and "# Mine" not in (out / "README.md").read_text()


def test_names_without_the_base_models_prefix(tmp_path: Path) -> None:
    base = saved(tmp_path / "base", "gpt2", shard=10**9)
    state = {key.removeprefix("transformer."): value for key, value in load_file(base / "model.safetensors").items()}
    save_file(state, base / "model.safetensors", metadata={"format": "pt"})
    plan = Plan.from_edits({(1, "ffn.hidden"): ([1, 5], 0.5, 0.3)})
    out = export(open_checkpoint(str(base)), plan, tmp_path / "out")
    assert told(out)["weights"]["rewritten"] == ["model.safetensors"]
    assert load_file(out / "model.safetensors").keys() == state.keys()
    check_equal(out, base, plan)


def test_tied_embeddings_stay_tied(tmp_path: Path) -> None:
    base = saved(tmp_path / "base", "llama", shard=10**9, tie_word_embeddings=True)
    assert "lm_head.weight" not in load_file(base / "model.safetensors")
    out = export(open_checkpoint(str(base)), SCALING, tmp_path / "out")
    check_equal(out, base, SCALING)
    loaded = AutoModelForCausalLM.from_pretrained(out)
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight


def test_weights_in_bin_files_are_loaded_as_a_whole(tmp_path: Path) -> None:
    base = saved(tmp_path / "base", "llama", torch.bfloat16, 10**9)
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    (base / "consolidated.safetensors").unlink()
    out = export(open_checkpoint(str(base)), SCALING, tmp_path / "out")
    assert told(out)["weights"]["how"] == "saved as a whole, as its weights are in no safetensors files"
    check_equal(out, base, SCALING)
    assert (out / "chat_template.jinja").exists() and not (out / "pytorch_model.bin").exists()


def test_parameters_that_loading_makes_of_several_are_folded_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = saved(tmp_path / "base")
    monkeypatch.setattr("lnbench.models._export._files.stored_names", lambda *_: lambda parameter: None)
    out = export(open_checkpoint(str(base)), SCALING, tmp_path / "out")
    how = told(out)["weights"]["how"]
    assert (
        how
        == "saved as a whole, as model.layers.1.mlp.down_proj.weight is no tensor of its own in the checkpoint's files"
    )
    check_equal(out, base, SCALING)


def test_what_loading_puts_together_is_seen(tmp_path: Path) -> None:
    """A checkpoint with one tensor for each expert, of which transformers makes one; attention is still in place."""
    from transformers import MixtralForCausalLM

    from lnbench.models._export._stored import Stored, stored_names
    from tests.models.tiny import randomised

    fields = {
        "vocab_size": 61,
        "hidden_size": 24,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_local_experts": 2,
    }
    model = randomised(MixtralForCausalLM, fields | {"num_attention_heads": 4, "num_key_value_heads": 2})
    model.save_pretrained(tmp_path / "base")
    stored = Stored.find(tmp_path / "base")
    assert stored is not None
    key_of = stored_names(model, stored)
    assert key_of("model.layers.0.self_attn.q_proj.weight") == "model.layers.0.self_attn.q_proj.weight"
    experts = [name for name, value in model.named_parameters() if value.ndim == 3]
    assert experts and all(key_of(name) is None for name in experts)


def test_parameters_that_layers_share_are_seen(tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    checkpoint = open_checkpoint(str(base))
    layers = checkpoint.model.model.layers
    layers[2].mlp.down_proj.weight = layers[1].mlp.down_proj.weight
    with pytest.raises(EngineError, match=r"is also mlp\.down_proj of layer"):
        export(checkpoint, Plan.from_edits({(1, "ffn.hidden"): ([1], 0.0, 0.0)}), tmp_path / "out")


DAMAGE = {
    "truncated": (lambda base, name: (base / name).write_bytes((base / name).read_bytes()[:200]), "cannot be read as"),
    "missing": (lambda base, name: (base / name).unlink(), "which is no file beside it"),
    "index": (
        lambda base, _: (base / "model.safetensors.index.json").write_text("{"),
        "cannot be read as a checkpoint",
    ),
    "list": (
        lambda base, _: (base / "model.safetensors.index.json").write_text("[]"),
        "cannot be read as a checkpoint",
    ),
    "outside": (
        lambda base, name: (base / "model.safetensors.index.json").write_text(
            (base / "model.safetensors.index.json").read_text().replace(name, f"../{name}")
        ),
        "names '../model.*', which is no file beside it",
    ),
    "lacking": (lambda base, name: save_file({"x": torch.zeros(1)}, base / name), "lacks .*, which the index promises"),
    "record": (lambda base, _: (base / PLAN_FILE).write_text("[1]"), "is no record of an export"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_is_one_sentence(kind: str, tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    index = json.loads((base / "model.safetensors.index.json").read_text())["weight_map"]
    damage, words = DAMAGE[kind]
    damage(base, index["model.layers.1.mlp.down_proj.weight"])
    with pytest.raises(ModelArgumentError, match=words):
        export(open_checkpoint(str(base)), SCALING, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_what_is_no_plain_checkpoint_is_refused(tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(
        json.dumps({**config, "quantization_config": {"quant_method": "gptq", "bits": 4}})
    )
    with pytest.raises(EngineError, match=r"is quantised \(gptq\)"):
        open_checkpoint(str(base))
    (base / "config.json").write_text(json.dumps(config))
    (base / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelArgumentError, match="is an adapter"):
        open_checkpoint(str(base))
    for name in (str(tmp_path), "no/such/name/at all"):
        with pytest.raises(ModelArgumentError, match="cannot be loaded"):
            open_checkpoint(name)


def test_an_export_of_an_export_tells_the_whole_way(tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    first = export(open_checkpoint(str(base)), SCALING, tmp_path / "first", about={"command": "lnbench export 1"})
    second = export(open_checkpoint(str(first)), CONSTANT, tmp_path / "second")
    record = told(second)
    assert record["plan_hash"] == CONSTANT.plan_hash and record["base"]["export"] == told(first)
    assert f"(plan {SCALING.plan_hash})" in (second / "README.md").read_text()
    state, _ = ablated_state(first, CONSTANT)
    found = AutoModelForCausalLM.from_pretrained(second).state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())


def test_a_folder_in_use_and_one_that_may_be_replaced(tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    checkpoint = open_checkpoint(str(base))
    out = export(checkpoint, SCALING, tmp_path / "out")
    with pytest.raises(OutputError, match="exists already"):
        export(checkpoint, CONSTANT, out)
    before = (out / PLAN_FILE).read_bytes()
    with pytest.raises(RuntimeError):
        export(checkpoint, CONSTANT, out, replace=True, done=_break)
    assert (out / PLAN_FILE).read_bytes() == before
    check_equal(export(checkpoint, CONSTANT, out, replace=True), base, CONSTANT)
    with pytest.raises(OutputError, match="is the model that is exported; export into another folder"):
        export(open_checkpoint(str(out)), SCALING, out, replace=True)
    for mine in (base, tmp_path):
        with pytest.raises(OutputError, match="holds no earlier export, which alone may be replaced"):
            export(checkpoint, SCALING, mine, replace=True)
    (tmp_path / "link").symlink_to(out)
    with pytest.raises(OutputError, match="is no folder"):
        export(checkpoint, SCALING, tmp_path / "link", replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "link", "out"]


def _break(_: int) -> None:
    raise RuntimeError("pulled out")


@pytest.mark.parametrize("error", [RuntimeError("pulled out"), KeyboardInterrupt(), OSError(28, "No space left")])
def test_what_breaks_off_leaves_nothing(error: BaseException, tmp_path: Path) -> None:
    base = saved(tmp_path / "base")

    def fail(_: int) -> None:
        raise error

    wanted = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(wanted):
        export(open_checkpoint(str(base)), SCALING, tmp_path / "out", done=fail)
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_what_a_killed_process_left_is_removed_and_work_in_progress_is_not(tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    left, held, other = (tmp_path / f".{name}.partial" for name in ("out.a", "out.b", "outer.c"))
    for folder in (left, held, other):
        folder.mkdir()
        (folder / "model.safetensors").write_text("half")
    handle = os.open(held, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    export(open_checkpoint(str(base)), SCALING, tmp_path / "out")
    os.close(handle)
    assert not left.exists() and held.exists() and other.exists()


def test_an_export_that_was_being_replaced_at_a_kill_comes_back(tmp_path: Path) -> None:
    base = open_checkpoint(str(saved(tmp_path / "base")))
    out = export(base, SCALING, tmp_path / "out")
    (tmp_path / ".out.a.partial").mkdir()
    out.rename(tmp_path / ".out.a.partial" / "earlier")
    with pytest.raises(OutputError, match="exists already"):
        export(base, SCALING, out)
    assert told(out)["neurons_by_layer"] and (tmp_path / ".out.a.partial").exists()
    with pytest.raises(RuntimeError, match="pulled out"):
        export(base, SCALING, out, replace=True, done=_break)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "out"]
    export(base, SCALING, out, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "out"]


def test_the_card(tmp_path: Path) -> None:
    base = saved(tmp_path / "ba|se `x`")
    (base / "README.md").write_text("no header")
    model = open_checkpoint(str(base))
    neurons = NeuronSet.from_indices({"zh": {"ffn.act": [[], [1, 2], [3]]}}, architecture=model.architecture, model="m")
    plan = compile_plan(Spec.parse("zero", control="random", seed=3), neurons, model.architecture)
    about = {"command": "lnbench export `x` | <b>y</b>", "masks": [{"file": "zh.pt", "sha256": "ab"}]}
    out = export(model, plan, tmp_path / "out", about=about)
    card = (out / "README.md").read_text()
    for part in (
        neurons.content_hash,
        plan.plan_hash,
        "seed 3, match layer-site",
        "| 1 | 2 |",
        "| 2 | 1 |",
        "zh.pt (ab)",
    ):
        assert part in card
    assert "license" not in re.match(r"---\n(.*?)---", card, re.DOTALL)[1]
    for line in card.splitlines():
        assert "<b>" not in re.sub(r"`[^`]*`", "", line)
        assert not line.startswith("| ") or len(re.findall(r"(?<!\\)\|", line)) == 3


def test_a_record_holds_what_made_it(tmp_path: Path) -> None:
    base = saved(tmp_path / "base")
    record = told(export(open_checkpoint(str(base)), SCALING, tmp_path / "out", about={"command": "c"}))
    assert record["neurons_by_layer"] == {"ffn.hidden": {"1": 2}, "attn.v": {"2": 1}}
    assert record["command"] == "c" and record["engine"] == "fold" and record["base"]["license"] == "apache-2.0"
    from lnbench.models import local_weights_fingerprint

    assert record["base"]["fingerprint"] == local_weights_fingerprint(base)
    assert record["base"]["model"] == str(base) and record["base"]["export"] is None


def test_every_refusal_is_ours(tmp_path: Path) -> None:
    assert all(issubclass(each, LnbenchError) for each in (EngineError, ModelArgumentError, OutputError))
