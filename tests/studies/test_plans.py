"""From a study file to conditions, tasks and cells, and what these cost."""

from __future__ import annotations

import errno
import os
from collections import Counter
from itertools import product
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import LnbenchError, SpecError, StudyError
from lnbench.harness import LnbenchLM
from lnbench.models import Spec
from lnbench.studies import PRESETS, Condition, Store, Study, StudyTask, _runner, _tasks, conditions, forecast, run
from lnbench.studies._cell import Role
from lnbench.studies._cost import Cost, measure
from lnbench.studies._evaluation import Settings, build_requests
from lnbench.studies._tasks import Missing, build_tasks, resolve_tasks

BASE = {"name": "x", "neurons": "demo_langs_ffn.safetensors", "languages": ["en", "zh", "fr"], "tasks": ["demo_summ"]}


def study(**changes) -> Study:
    return Study.model_validate({**BASE, **changes})


def specs(found: Study, ablated=("zh", "fr")) -> dict[str, Spec | None]:
    return {str(condition): condition.spec for condition in found.expand(list(ablated))}


def test_the_usual_conditions():
    listed = study().expand(["zh", "fr"])
    assert listed == [*conditions(["zh", "fr"], 5), Condition("original", repeat=1)]
    for made, short in zip(listed, conditions(["zh", "fr"], 5)):
        assert made.spec_json() == short.spec_json()


def test_controls_repeat_what_they_control():
    entries = {
        "original": {},
        "random": {"control": "random", "seeds": [4, 7]},
        "specific": {"op": "scale", "value": 0.5, "layers": "first:2", "ablate": ["fr"]},
        "own-random": {"control": "random", "op": "zero", "seeds": 1},
        "match-random": {"control": "random", "of": "specific", "match": "site", "seeds": 1},
    }
    found = specs(study(conditions=entries, repeat_original=False))
    half = Spec.parse("scale:0.5", layers="first:2", lang="fr")
    assert found["specific fr"] == half and "specific zh" not in found
    for seed in (4, 7):
        random = half.model_copy(update={"control": "random", "seed": seed})
        assert found[f"random fr seed {seed}"] == random and f"random zh seed {seed}" not in found
    assert found["own-random zh seed 0"] == Spec.parse("zero", lang="zh", control="random", seed=0)
    assert found["match-random fr seed 0"].match == "site" and found["match-random fr seed 0"].steps == half.steps


def test_conditions_that_name_their_own_languages_are_run_once():
    steps = [{"lang": "zh", "op": "zero"}, {"lang": "fr", "op": "set", "value": "mean:fr"}]
    entries = {"steer": {"steps": steps, "expect": "fr"}, "both": {"op": "zero", "lang": "zh+fr"}}
    found = study(conditions=entries).expand(["zh", "fr"])
    assert [(c.name, c.ablated) for c in found] == [("steer", "zh"), ("both", "zh+fr")]
    assert found[0].spec == Spec.parse({"steps": steps}, expect="fr")
    first = {"steps": [{"op": "zero"}, {"lang": "fr", "op": "set", "value": 1}]}
    assert [c.ablated for c in study(conditions={"to-fr": first}).expand(["zh", "es"])] == ["zh", "es"]


def test_spec_files_lie_beside_the_study(tmp_path):
    (tmp_path / "half.yaml").write_text("steps: [scale:0.5]\nlayers: first:1\n")
    file = tmp_path / "study.yaml"
    file.write_text(
        "name: x\nneurons: a.pt\nlanguages: [zh]\ntasks: [demo_mc]\nconditions: {half: {spec: half.yaml, sites: ffn}}\n"
    )
    found = specs(Study.load(file), ["zh"])["half zh"]
    assert found == Spec.parse("scale:0.5", layers="first:1", sites="ffn", lang="zh")


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "plnd-tuning"])  # test_tuned.py has that one
def test_every_preset_is_a_study(name):
    preset = {"name": name, "seeds": 2, **({"n1": 1, "n2": 1} if name.startswith("plnd-b") else {})}
    if name == "plnd-sweep":
        preset |= {"n1": [1, 2], "n2": [1]}
    keys = {key: value for key, value in BASE.items() if key != "tasks"}
    found = Study.model_validate({**keys, "preset": preset})
    named = Counter(condition.name for condition in found.expand(["zh", "fr"]))
    edited = [name for name in named if name != "original" and "random" not in name]
    assert named.pop("original") == 2 and edited
    assert sum(named.values()) == 3 * sum(named[name] for name in edited)  # each with two draws of its own
    for entry in found.tasks:
        assert entry.task in ("xlsum", "mgsm", "xquad", "xcsqa", "packed", "open")


def test_what_presets_stand_for():
    assert Study.model_validate({"name": "x", "neurons": "a.pt", "preset": "plnd-xlsum"}).languages == [
        "fr", "zh", "es", "ru"
    ]  # fmt: skip
    blocks = specs(study(preset={"name": "plnd-blocks", "n1": 2, "n2": 1, "seeds": 1}, tasks=["demo_mc"]), ["zh"])
    assert blocks["solving-ffn zh"] == Spec.parse("zero", layers="solving", sites="ffn", n1=2, n2=1, lang="zh")
    assert blocks["solving-ffn-random zh seed 0"].layers == "solving"
    assert len([name for name in blocks if "random" not in name]) == 11
    steering = study(preset={"name": "lape-steering", "seeds": 1})
    found = {str(c): c.spec for c in steering.expand(["en", "zh", "fr"])}
    assert found["to-fr zh"] == Spec.parse(
        {"steps": [{"op": "zero"}, {"lang": "fr", "op": "set", "value": "mean:fr"}]}, expect="fr", lang="zh"
    )
    assert "to-fr fr" not in found and "to-fr-random en seed 0" in found
    doses = specs(study(preset={"name": "dose-response", "scales": [0.5, 2], "top": [3]}), ["zh"])
    assert doses["scale-2 zh"] == Spec.parse("scale:2", lang="zh") and "scale-2-random zh seed 4" in doses
    assert doses["top-3 zh"] == Spec.parse("zero", top=3, lang="zh") and doses["top-3-random zh seed 0"].top == 3
    preset = {"name": "steering-dose", "targets": ["fr"], "strengths": [0, 1.5], "top": [2], "seeds": 1}
    doses = specs(study(preset=preset), ["en", "zh", "fr"])
    half = {"steps": [{"op": "zero"}, {"lang": "fr", "op": "set", "value": "1.5*mean:fr"}]}
    assert doses["to-fr-x1.5 zh"] == Spec.parse(half, expect="fr", lang="zh")
    assert doses["to-fr-top2 en"].top == 2 and "to-fr-x0-random en seed 0" in doses
    assert not any(name.endswith(" fr") for name in doses)


def test_a_condition_can_be_evaluated_on_some_languages_only():
    steering = study(preset={"name": "lape-steering", "targets": ["fr"], "seeds": 1}, tasks=["demo_summ"]).plan()
    seen = {(c.condition.name, c.condition.ablated, c.task.language) for c in steering.cells}
    assert {language for name, ablated, language in seen if (name, ablated) == ("to-fr-random", "zh")} == {"zh", "fr"}
    assert {language for name, ablated, language in seen if (name, ablated) == ("to-fr", "en")} == {"en", "fr"}
    assert {language for name, _, language in seen if name == "original"} == {"en", "zh", "fr"}
    named = study(conditions={"original": {}, "off": {"op": "zero", "evaluate": ["ablated", "en"]}}).plan()
    assert {c.task.language for c in named.cells if c.condition.ablated == "zh"} == {"zh", "en"}
    with pytest.raises(ValueError, match=r"evaluate: .*'xyz'.*ablated or expected"):
        study(conditions={"off": {"op": "zero", "evaluate": ["xyz"]}})
    with pytest.raises(ValueError, match="leaves nothing to run"):
        study(conditions={"off": {"op": "zero", "evaluate": []}})
    with pytest.raises(ValueError, match="expected needs a language that is expected"):
        study(conditions={"off": {"op": "zero", "evaluate": ["expected"]}})


def test_a_condition_that_is_asked_in_no_language_is_refused():
    off = {"op": "zero", "ablate": ["fr"], "evaluate": ["ablated"]}
    with pytest.raises(StudyError, match=r"'off fr' is to be evaluated in fr, no language of the study \(en, zh\)"):
        study(languages=["en", "zh"], conditions={"original": {}, "off": off}).plan()
    kept = study(languages=["en", "zh"], conditions={"original": {}, "off": {**off, "evaluate": ["ablated", "zh"]}})
    assert {c.task.language for c in kept.plan().cells if c.condition.name == "off"} == {"zh"}


def test_the_file_wins_over_its_preset():
    own = study(preset={"name": "lape-matrix", "seeds": 3}, conditions={"random": {"control": "random", "seeds": 1}})
    assert [task.task for task in own.tasks] == ["demo_summ"]
    assert Counter(c.name for c in own.expand(["zh"])) == {"original": 2, "random": 1, "specific": 1}


def test_datasets_become_tasks_and_gaps():
    found, missing = resolve_tasks(study(languages=["en", "bn", "ar", "zh-TW"], tasks=["mgsm", "xcsqa", "xlsum"]))
    assert found == (
        StudyTask("lnbench_mgsm_en", "mgsm", "en"),
        StudyTask("lnbench_mgsm_bn", "mgsm", "bn"),
        StudyTask("lnbench_xcsqa_en", "xcsqa", "en"),
        StudyTask("lnbench_xcsqa_ar", "xcsqa", "ar"),
        StudyTask("lnbench_xlsum_en", "xlsum", "en"),
        StudyTask("lnbench_xlsum_bn", "xlsum", "bn"),
        StudyTask("lnbench_xlsum_ar", "xlsum", "ar"),
        StudyTask("lnbench_xlsum_zh_hant", "xlsum", "zh-Hant"),
    )
    assert missing == (
        Missing("mgsm", "ar"), Missing("mgsm", "zh-Hant"), Missing("xcsqa", "bn"), Missing("xcsqa", "zh-Hant")
    )  # fmt: skip


def test_other_tasks_by_name(task_folder):
    own = {"include_path": str(task_folder), "languages": ["zh"]}
    named = [{"task": "tiny_gen", "language": "fr"}, "lnbench_demo_mc_ru"]
    assert resolve_tasks(study(**own, tasks=named))[0] == (
        StudyTask("tiny_gen", "tiny_gen", "fr"),
        StudyTask("lnbench_demo_mc_ru", "lnbench_demo_mc_ru", "ru"),
    )
    pattern = study(**own | {"languages": ["sw", "ja"]}, tasks=["lnbench_demo_qa_{lang}"])
    assert resolve_tasks(pattern) == (
        (StudyTask("lnbench_demo_qa_sw", "lnbench_demo_qa_{lang}", "sw"),),
        (Missing("lnbench_demo_qa_{lang}", "ja"),),
    )
    with pytest.raises(StudyError, match=r"'tiny_gen'.*language: CODE"):
        resolve_tasks(study(**own, tasks=["tiny_gen"]))
    with pytest.raises(StudyError, match=r"no folder 'nowhere'"):
        resolve_tasks(study(tasks=["demo_mc"], include_path="nowhere"))


def test_an_unknown_task_is_named_with_the_nearest(monkeypatch):
    ours = _tasks._index
    monkeypatch.setattr(_tasks, "_index", lambda study, builtin: ours(study, builtin=False))  # lm-eval's takes seconds
    with pytest.raises(StudyError, match=r"'demo_sum'; did you mean 'demo_summ'\?.*mgsm.*xlsum"):
        resolve_tasks(study(tasks=["demo_sum"]))


def test_a_dataset_without_any_language_of_the_study_leaves_nothing_to_run():
    with pytest.raises(StudyError, match="mgsm has no ar"):
        study(languages=["ar"], ablate=["zh"], tasks=["mgsm"]).plan()


def test_which_languages_are_ablated(neurons):
    plan = study(repeat_original=False).plan()
    assert {cell.condition.ablated for cell in plan.cells} == {None, "en", "zh", "fr"}
    assert len(plan.cells) == 3 * (1 + 3 * 6)
    assert {c.condition.ablated for c in study(ablate=["sw"]).plan().cells} == {None, "sw"}
    with pytest.raises(StudyError, match=r"'culture:da'.*en, zh"):
        study(ablate=["culture:da"]).plan()
    with pytest.raises(StudyError, match=r"ja.*ablate"):
        study(languages=["ja"], tasks=["mgsm"]).plan()
    with pytest.raises(LnbenchError, match=r"nowhere\.pt"):
        study(neurons="nowhere.pt").plan()
    with pytest.raises(LnbenchError, match="'fr'"):
        study(neurons={"fr": "zh_ffn.pt"}).plan()


def test_tasks_are_configured_as_lm_eval_does_it(task_folder):
    own = study(
        tasks=[{"task": "tiny_gen", "language": "zh"}], include_path=str(task_folder), gen_kwargs={"max_gen_toks": 3}
    )
    tasks = resolve_tasks(own)[0]
    task = build_tasks(own, tasks)["tiny_gen"]
    assert task.get_config("num_fewshot") == 0 and task.get_config("generation_kwargs")["max_gen_toks"] == 3
    assert task.get_config("generation_kwargs")["until"] == ["\n"]
    few = own.model_copy(update={"num_fewshot": 2})
    assert build_tasks(few, tasks)["tiny_gen"].get_config("num_fewshot") == 2


def test_a_task_that_cannot_be_built_is_named(tmp_path, task_folder):
    (tmp_path / "broken.yaml").write_text(
        "task: broken_zh\ndataset_path: json\ndataset_kwargs: {data_files: {test: nowhere.jsonl}}\ntest_split: test\n"
        "output_type: generate_until\ndoc_to_text: q\ndoc_to_target: a\n"
    )
    own = study(tasks=[{"task": "broken_zh", "language": "zh"}], include_path=str(tmp_path))
    with pytest.raises(StudyError, match=r"'broken_zh' cannot be built"):
        build_tasks(own, resolve_tasks(own)[0])


@pytest.mark.parametrize("number", [errno.EFBIG, errno.ENOSPC, errno.EACCES])
def test_a_task_is_not_to_blame_for_the_machine(task_folder, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number), "/cache/rows.arrow")

    own = study(tasks=[{"task": "tiny_gen", "language": "zh"}], include_path=str(task_folder))
    tasks = resolve_tasks(own)[0]
    monkeypatch.setattr("lm_eval.tasks.TaskManager.load", refuse)
    with pytest.raises(OSError, match="rows"):
        build_tasks(own, tasks)


def test_tokens_are_counted_as_the_model_sees_them(tiny_model, task_folder):
    """The tokenizer of the tiny model has one token a byte."""
    own = study(
        tasks=[{"task": name, "language": "zh"} for name in ("tiny_gen", "tiny_mc")], include_path=str(task_folder)
    )
    lm = LnbenchLM(str(tiny_model), device="cpu", announce=False)
    built = build_tasks(own, resolve_tasks(own)[0])
    prompts = [f"{n} + {n + 3} =" for n in range(4)]
    assert measure(lm, build_requests(lm, built["tiny_gen"], Settings(limit=4))) == Cost(4, sum(map(len, prompts)), 24)
    choices = sum(len(prompt + " " + choice) for prompt in prompts for choice in ("red", "blue"))
    assert measure(lm, build_requests(lm, built["tiny_mc"], Settings(limit=4))) == Cost(4, choices, 0)


def test_a_plan_needs_no_weights(keys, write, tiny_model, tmp_path):
    for file in tiny_model.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / "bare").mkdir(exist_ok=True)
            (tmp_path / "bare" / file.name).write_bytes(file.read_bytes())
    found = Study.load(write(keys, model={"pretrained": "bare", "device": "cpu"}))
    planned = forecast(found, Store(tmp_path / "out"))
    assert len(planned.status.left) == 16 and planned.cost(planned.status.left).generated == 8 * 24
    with pytest.raises(LnbenchError, match="bare"):
        run(found, Store(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@given(
    weights=st.lists(st.integers(1, 50), min_size=1, max_size=12), runs=st.integers(1, 5), number=st.integers(1, 9)
)  # fmt: skip
def test_shares_are_a_partition_of_about_equal_work(weights, runs, number):
    tasks = {f"t{at}": SimpleNamespace(cost=Cost(1, weight)) for at, weight in enumerate(weights)}
    cells = [
        (Role(Condition("random", "zh", seed), StudyTask(f"t{at}", "t", "zh")), object())
        for seed, at in product(range(runs), range(len(weights)))
    ]
    shares = _runner.shares(SimpleNamespace(tasks=tasks, cells=cells), number)
    assert len(shares) == number
    assert Counter(cell[0].place for share in shares for cell in share) == Counter(c[0].place for c in cells)
    loads = [sum(tasks[role.task.name].cost.weight for role, _ in share) for share in shares]
    assert max(loads) - min(loads) <= max(weights)
    for share in shares:
        assert [cells.index(cell) for cell in share] == sorted(cells.index(cell) for cell in share)


def test_shares_that_do_not_exist():
    for shard in ((0, 3), (4, 3), (1, 0)):
        with pytest.raises(SpecError, match="counts from 1/n"):
            _runner.check_shard(shard)
