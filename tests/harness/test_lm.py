"""The model class in process: arguments, conditions, provenance, and lm-eval's own arguments beside ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from lm_eval.api.instance import Instance
from transformers import AutoModelForCausalLM, AutoTokenizer

from lnbench import models
from lnbench.errors import (
    EngineError,
    LnbenchError,
    ModelArgumentError,
    ModelMismatchError,
    NeuronFileError,
    SpecError,
    UnknownLanguageError,
)
from lnbench.harness import LnbenchLM
from lnbench.neurons import Architecture, NeuronSet
from lnbench.scoring import signature
from tests.lm_requests import lm_request

PROMPTS = ["1 + 4 =", "a", "the quick brown fox", "10 + 13 ="]


def requests(kind: str, *arguments: tuple) -> list[Instance]:
    return [lm_request(kind, args, i) for i, args in enumerate(arguments)]


def likelihoods(lm: LnbenchLM) -> list[float]:
    asked = requests("loglikelihood", *[(prompt, " red") for prompt in PROMPTS])
    return [score for score, _ in lm.loglikelihood(asked, disable_tqdm=True)]


def texts(lm: LnbenchLM) -> list[str]:
    rule = {"until": ["\n"], "max_gen_toks": 8, "do_sample": False}
    return lm.generate_until(requests("generate_until", *[(prompt, rule) for prompt in PROMPTS]), disable_tqdm=True)


def make(**arguments) -> LnbenchLM:
    return LnbenchLM(**{"device": "cpu", **arguments})


@pytest.fixture(scope="module")
def original(tiny_model: Path) -> list[float]:
    return likelihoods(make(pretrained=str(tiny_model)))


def by_hand(tiny_model: Path) -> list[float]:
    """The Chinese half zeroed by hand: column j of the down projection, without any code of ours."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight[:, list(range(8))] = 0
        model.model.layers[1].mlp.down_proj.weight[:, [1, 4, 9]] = 0
    return likelihoods(make(pretrained=model, tokenizer=AutoTokenizer.from_pretrained(tiny_model)))


def test_plain_model_is_the_original(tiny_model: Path, original: list[float]):
    from lm_eval.models.huggingface import HFLM

    assert likelihoods(HFLM(pretrained=str(tiny_model), device="cpu")) == original


@pytest.mark.parametrize("engine", ["fold", "hook"])
def test_ablation_equals_an_edit_by_hand(engine, mask: Path, tiny_model: Path, original: list[float]):
    lm = make(mask=str(mask), lang="zh", engine=engine)
    assert (lm.engine, lm.plan.neurons) == (engine, 11)
    assert likelihoods(lm) == pytest.approx(by_hand(tiny_model), abs=1e-4)
    assert likelihoods(lm) != pytest.approx(original, abs=1e-2)


def test_set_plan_swaps_and_restores(zh_mask: Path, original: list[float]):
    lm = make(mask=str(zh_mask))
    ablated, plan = likelihoods(lm), lm.plan
    lm.set_plan(None)
    assert likelihoods(lm) == original
    assert (lm.plan, lm.engine, lm.condition) == (None, None, "original")
    lm.set_plan(plan, engine="hook")
    assert likelihoods(lm) == pytest.approx(ablated, abs=1e-4)
    random = lm.set_spec("zero", control="random", seed=1)
    assert (random.neurons, lm.plan) == (11, random)
    assert likelihoods(lm) != pytest.approx(ablated, abs=1e-2)
    lm.set_plan(None)
    assert likelihoods(lm) == original


def test_refused_spec_keeps_the_condition(mask: Path):
    lm = make(mask=str(mask), lang="zh")
    before, plan = likelihoods(lm), lm.plan
    with pytest.raises(UnknownLanguageError, match="xx"):
        lm.set_spec(lang="xx")
    assert lm.plan is plan
    assert likelihoods(lm) == before


def test_refused_engine_leaves_the_original(mask: Path, original: list[float]):
    lm = make(mask=str(mask), lang="zh")
    with pytest.raises(EngineError):
        lm.set_spec("add:0.5", lang="zh", engine="fold")  # what `add` does behind a gate cannot be folded
    assert lm.plan is None
    assert likelihoods(lm) == original


def test_all_forms_of_mask(zh_mask: Path, neurons: NeuronSet, tmp_path: Path):
    fr = neurons.select(languages=["fr"]).save(tmp_path / "f+r.pt")  # the name holds a plus
    for form in (f"{zh_mask}+{tmp_path}/copy.pt", [str(zh_mask), str(fr)], f"[{zh_mask}, '{fr}']"):
        (tmp_path / "copy.pt").write_bytes(fr.read_bytes())
        lm = make(mask=form, lang="zh+fr")
        assert (lm.plan.neurons, len(lm.masks)) == (20, 2)
    assert make(mask=str(fr)).plan.neurons == 9
    assert make(mask=neurons, lang="fr").plan.neurons == 9


def test_all_forms_of_spec(mask: Path, tmp_path: Path):
    file = tmp_path / "half.yaml"
    file.write_text("steps:\n- {lang: zh, op: scale, value: 0.5}\n")
    given = [{"spec": "scale:0.5", "lang": "zh"}, {"spec": str(file)}]
    given.append({"spec": {"steps": [{"lang": "zh", "op": "scale", "value": 0.5}]}})
    assert len({make(mask=str(mask), **keys).plan.plan_hash for keys in given}) == 1


def test_layers_and_sites(mask: Path):
    assert make(mask=str(mask), lang="zh", layers="first:1").plan.neurons == 8
    assert make(mask=str(mask), lang="zh", layers=1, sites="ffn").plan.neurons == 3
    assert make(mask=str(mask), lang="zh", layers="understanding", n1=1, n2=1).plan.neurons == 8


def test_line_at_the_start(zh_mask: Path, tiny_model: Path, capsys):
    make(mask=str(zh_mask))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1
    for part in (str(zh_mask), str(tiny_model), "11 neurons", "engine fold"):
        assert part in printed[0]


def test_provenance_is_plain_json(zh_mask: Path, neurons: NeuronSet):
    lm = make(mask=str(zh_mask))
    info = lm.get_model_info()
    assert json.loads(json.dumps(info)) == info
    ours = info["lnbench"]
    assert ours["plan"]["plan_hash"] == lm.plan.plan_hash
    assert (ours["engine"], ours["neurons"]) == ("fold", 11)
    assert ours["neuron_set"] == neurons.select(languages=["zh"]).content_hash
    assert ours["masks"][0]["file"] == str(zh_mask)
    assert ours["output_key"] == lm.output_key()
    assert ours["signatures"]["summ"]["rouge1"] == signature("rouge1")
    lm.set_plan(None)
    assert (lm.get_model_info()["lnbench"]["condition"], lm.get_model_info()["lnbench"]["plan"]) == ("original", None)


def test_a_folder_is_not_looked_up_on_the_hub(tiny_model: Path, tmp_path: Path, monkeypatch, hub_server):
    """`org/model` may be a folder here and somebody else's repository there."""
    hub_server.add("org/model", {"config.json": b"{}"})
    (tmp_path / "org").mkdir()
    (tmp_path / "org" / "model").symlink_to(tiny_model)
    monkeypatch.chdir(tmp_path)
    lm = make(pretrained="org/model")
    hub_server.requests.clear()
    info = lm.get_model_info()
    assert hub_server.requests == [] and info["model_sha"] == "" and lm.pretrained == "org/model"
    assert info["lnbench"]["model"] == "org/model"


def test_a_missing_identifier_does_not_cost_the_results(zh_mask: Path, monkeypatch):
    """lm-eval asks for the provenance when everything has been generated."""
    monkeypatch.setenv("LNBENCH_LID", "fasttext:/no/such/model")
    assert make(mask=str(zh_mask)).get_model_info()["lnbench"]["signatures"] is None


def test_output_key_tells_what_decides_answers_apart(mask: Path, tiny_model: Path):
    keys = [
        make(pretrained=str(tiny_model)).output_key(),
        make(mask=str(mask), lang="zh").output_key(),
        make(mask=str(mask), lang="fr").output_key(),
        make(mask=str(mask), lang="zh", engine="hook").output_key(),
        make(mask=str(mask), lang="zh", dtype="bfloat16").output_key(),
        make(mask=str(mask), lang="zh", add_bos_token=True).output_key(),
        make(mask=str(mask), lang="zh", max_length=64).output_key(),
    ]
    assert len(set(keys)) == len(keys)
    assert make(mask=str(mask), lang="zh", batch_size=4).output_key() == keys[1]
    lm = make(mask=str(mask), lang="fr")
    lm.set_plan(None)
    assert lm.output_key() == keys[0]


def test_create_from_arg_obj_names_the_model(zh_mask: Path, tiny_model: Path):
    arguments = {"mask": str(zh_mask)}
    LnbenchLM.create_from_arg_obj(arguments, {"device": "cpu", "batch_size": 1, "max_batch_size": None})
    assert arguments["pretrained"] == str(tiny_model)
    lm = LnbenchLM.create_from_arg_string(f"mask={zh_mask},spec=scale:0.5", {"device": "cpu"})
    assert lm.condition.startswith("scale:0.5 zh")


REFUSED = [
    ({}, ModelArgumentError, "neither pretrained nor mask"),
    ({"mask": "no_such_set.pt"}, NeuronFileError, "no_such_set.pt"),
    ({"mask": ""}, ModelArgumentError, "names no neuron-set file"),
    ({"masks": "a.pt"}, ModelArgumentError, "'masks'; did you mean 'mask'"),
    ({"mask": "MASK", "langs": "zh"}, ModelArgumentError, "'langs'; did you mean 'lang'"),
    ({"mask": "MASK", "language": "zh"}, ModelArgumentError, "did you mean 'lang'"),
    ({"model": "gpt2"}, ModelArgumentError, "did you mean 'pretrained'"),
    ({"mask": "MASK", "lang": "zh", "layer": "0"}, ModelArgumentError, "did you mean 'layers'"),
    ({"mask": "MASK", "lang": "zh", "engine": "folds"}, ModelArgumentError, "unknown engine 'folds'"),
    ({"mask": "MASK"}, SpecError, "fr, zh|zh, fr"),
    ({"mask": "MASK", "lang": "de"}, UnknownLanguageError, "de"),
    ({"mask": "MASK", "lang": "zh", "sites": "ffn.out"}, LnbenchError, "ffn.out"),
    ({"mask": "MASK", "lang": "zh", "layers": "7"}, SpecError, "7"),
    ({"mask": "MASK", "lang": "zh", "spec": "halve"}, SpecError, "halve"),
    ({"mask": "MASK", "lang": "zh", "tokens": "some"}, SpecError, "some"),
    ({"pretrained": "TINY", "lang": "zh"}, ModelArgumentError, "no effect without a neuron set"),
    ({"mask": "OTHER"}, ModelMismatchError, "."),
    ({"mask": "NAMELESS"}, ModelArgumentError, "nameless.pt does not name its model"),
]


@pytest.mark.parametrize(("arguments", "error", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_refusals(arguments, error, said, mask: Path, tiny_model: Path, tmp_path: Path):
    wide = NeuronSet.from_indices(
        {"zh": {"ffn.act": [[500], []]}}, architecture=Architecture(2, {"ffn.act": 512}), model=str(tiny_model)
    )
    nameless = NeuronSet.from_indices({"zh": {"ffn.act": [[1], []]}})
    files = {
        "MASK": mask,
        "TINY": tiny_model,
        "OTHER": wide.save(tmp_path / "wide.pt"),
        "NAMELESS": nameless.save(tmp_path / "nameless.pt"),
    }
    with pytest.raises(error, match=said) as caught:
        make(**{key: str(files.get(value, value)) for key, value in arguments.items()})
    assert "\n" not in str(caught.value)
    if "pretrained" not in arguments:
        with pytest.raises(error, match=said):
            LnbenchLM.create_from_arg_obj({k: str(files.get(v, v)) for k, v in arguments.items()}, {"device": "cpu"})


def test_arguments_of_transformers_pass(tiny_model: Path):
    make(
        pretrained=str(tiny_model),
        attn_implementation="eager",
        low_cpu_mem_usage=True,
        token="none",
        use_safetensors=True,
    )


def test_device_may_be_left_out(tiny_model: Path):
    """lm-eval's own default is a GPU that need not be there."""
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert LnbenchLM(pretrained=str(tiny_model)).device.type == expected


def test_offloaded_weights_are_not_folded(mask: Path, tmp_path: Path):
    offload = {"parallelize": True, "device_map": {"": "disk"}, "offload_folder": str(tmp_path / "offload")}
    with pytest.raises(EngineError, match="engine=fold"):
        make(mask=str(mask), lang="zh", engine="fold", **offload)


def test_token_rule(mask: Path, original: list[float], tiny_model: Path):
    lm = make(mask=str(mask), lang="zh", tokens="generated")
    with pytest.raises(SpecError, match="tokens=generated"):
        likelihoods(lm)
    with pytest.raises(SpecError, match="tokens=generated"):
        lm.loglikelihood_rolling(requests("loglikelihood_rolling", ("some text",)), disable_tqdm=True)
    assert lm.engine == "hook"
    assert len(texts(lm)) == len(PROMPTS)
    lm.set_plan(None)
    assert likelihoods(lm) == original


@pytest.mark.parametrize("engine", ["fold", "hook"])
def test_batch_size_does_not_matter(mask: Path, engine):
    single = make(mask=str(mask), lang="zh", engine=engine, batch_size=1)
    for batch_size in (8, "auto"):
        batched = make(mask=str(mask), lang="zh", engine=engine, batch_size=batch_size, max_batch_size=4)
        assert likelihoods(batched) == pytest.approx(likelihoods(single), abs=1e-4)
        assert texts(batched) == texts(single)


def test_dtype(mask: Path, original: list[float]):
    lm = make(mask=str(mask), lang="zh", dtype="bfloat16")
    assert lm.model.dtype == torch.bfloat16
    ablated = likelihoods(lm)
    assert ablated == pytest.approx(likelihoods(make(mask=str(mask), lang="zh")), rel=0.1)
    lm.set_plan(None)
    assert likelihoods(lm) == pytest.approx(original, rel=0.1)


def test_parallelize_and_device_map(mask: Path):
    expected = likelihoods(make(mask=str(mask), lang="zh"))
    assert likelihoods(make(mask=str(mask), lang="zh", parallelize=True, max_cpu_memory="8GiB")) == expected
    assert likelihoods(make(mask=str(mask), lang="zh", device_map="cpu")) == expected


def test_model_handed_over_in_memory(tiny_model: Path, mask: Path):
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    lm = make(pretrained=model, tokenizer=AutoTokenizer.from_pretrained(tiny_model), mask=str(mask), lang="zh")
    assert likelihoods(lm) == pytest.approx(by_hand(tiny_model), abs=1e-4)
    assert lm.get_model_info()["lnbench"]["output_key"] is None


def test_adapter(tiny_model: Path, mask: Path, tmp_path: Path):
    peft = pytest.importorskip("peft")
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    torch.manual_seed(1)
    adapted = peft.get_peft_model(base, peft.LoraConfig(target_modules=["down_proj"], init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "adapter")
    plain = likelihoods(make(pretrained=str(tiny_model), peft=str(tmp_path / "adapter")))
    lm = make(pretrained=str(tiny_model), peft=str(tmp_path / "adapter"), mask=str(mask), lang="zh")
    assert lm.engine == "hook"
    ablated = likelihoods(lm)
    assert ablated != pytest.approx(plain, abs=1e-2)
    lm.set_plan(None)
    assert likelihoods(lm) == plain
    with pytest.raises(EngineError, match="engine=fold"):
        lm.set_spec(lang="zh", engine="fold")


def test_chat_template_and_fewshot(mask: Path, task_folder: Path):
    import lm_eval
    from lm_eval.tasks import TaskManager

    from .conftest import CHAT_TEMPLATE

    manager = TaskManager(include_path=str(task_folder), include_defaults=False)
    found = lm_eval.simple_evaluate(
        make(mask=str(mask), lang="zh"),
        tasks=["tiny_gen"],
        task_manager=manager,
        num_fewshot=2,
        apply_chat_template=True,
        fewshot_as_multiturn=True,
        limit=2,
        bootstrap_iters=0,
    )
    prompt = found["samples"]["tiny_gen"][0]["arguments"][0][0]
    assert "{% for m in messages %}" in CHAT_TEMPLATE
    assert (prompt.count("<user>"), prompt.count("<assistant>")) == (3, 3)


def test_plan_that_changes_nothing_is_the_original(zh_mask: Path, tiny_model: Path, original: list[float]):
    lm = make(mask=str(zh_mask))
    lm.set_plan(models.Plan.from_edits({}))
    assert likelihoods(lm) == original
    assert lm.output_key() == make(pretrained=str(tiny_model)).output_key()
