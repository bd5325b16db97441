"""Response caches: no condition reads another's answers, and nothing is computed twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import lm_eval
import pytest
from lm_eval.api.model import CacheHook, CachingLM
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, AutoTokenizer

from lnbench.errors import CacheError
from lnbench.harness import LnbenchLM, register
from tests.lm_requests import lm_request

TASKS = ["tiny_gen", "tiny_mc"]


@pytest.fixture
def forwards(monkeypatch) -> list[str]:
    """Each call of the model by lm-eval appends a word."""
    calls: list[str] = []
    for name in ("_model_call", "_model_generate"):
        plain = getattr(LnbenchLM, name)
        monkeypatch.setattr(LnbenchLM, name, lambda *a, _p=plain, _n=name, **k: calls.append(_n) or _p(*a, **k))
    return calls


@pytest.fixture(scope="module")
def manager(task_folder: Path) -> TaskManager:
    register()
    return TaskManager(include_path=str(task_folder), include_defaults=False)


def answers(found: dict) -> list:
    return [sample["resps"] for task in TASKS for sample in found["samples"][task]]


def run(model, cache: Path, manager: TaskManager, **arguments) -> list:
    found = lm_eval.simple_evaluate(
        model,
        model_args={"batch_size": 1, **arguments} if isinstance(model, str) else None,
        tasks=TASKS,
        device="cpu",
        use_cache=str(cache),
        task_manager=manager,
        bootstrap_iters=0,
    )
    return answers(found)


def test_conditions_share_a_database_and_no_answers(mask, tiny_model, tmp_path, manager, forwards):
    conditions = [
        {"pretrained": str(tiny_model)},
        {"mask": str(mask), "lang": "zh"},
        {"mask": str(mask), "lang": "fr"},
        {"mask": str(mask), "lang": "zh", "control": "random", "seed": 1},
    ]
    uncached = [run("lnbench", tmp_path / f"own{i}", manager, **keys) for i, keys in enumerate(conditions)]
    assert all(a != b for i, a in enumerate(uncached) for b in uncached[:i])
    first = [run("lnbench", tmp_path / "shared", manager, **keys) for keys in conditions]
    assert first == uncached
    forwards.clear()
    assert [run("lnbench", tmp_path / "shared", manager, **keys) for keys in conditions] == uncached
    assert forwards == []


def test_plain_hf_and_original_do_not_mix(mask, tiny_model, tmp_path, manager):
    """`hf` keys its answers by the request alone; it must not get those of an ablated model."""
    plain = run("hf", tmp_path / "own", manager, pretrained=str(tiny_model))
    assert run("lnbench", tmp_path / "shared", manager, mask=str(mask), lang="zh") != plain
    assert run("hf", tmp_path / "shared", manager, pretrained=str(tiny_model)) == plain


def test_fence_follows_set_plan(mask, tmp_path, manager, forwards):
    lm = LnbenchLM(mask=str(mask), lang="zh", device="cpu")
    plan = lm.plan
    ablated = run(lm, tmp_path / "cache", manager)
    lm.set_plan(None)
    original = run(lm, tmp_path / "cache", manager)
    assert original != ablated
    forwards.clear()
    lm.set_plan(plan)
    assert run(lm, tmp_path / "cache", manager) == ablated
    lm.set_plan(None)
    assert run(lm, tmp_path / "cache", manager) == original
    assert forwards == []


def test_wrapper_kept_across_set_plan(mask, tmp_path, forwards):
    """One `CachingLM` held by the caller while the model below it changes condition."""
    lm = LnbenchLM(mask=str(mask), lang="zh", device="cpu")
    cached = CachingLM(lm, str(tmp_path / "held.db"))
    asked = [lm_request("loglikelihood", (prompt, " red"), at) for at, prompt in enumerate(("1 + 4 =", "a fox"))]
    ablated, plan = cached.loglikelihood(asked), lm.plan
    lm.set_plan(None)
    original = cached.loglikelihood(asked)
    assert original != ablated
    lm.set_plan(plan)
    forwards.clear()
    assert cached.loglikelihood(asked) == ablated
    assert forwards == []


def test_each_condition_has_its_table(mask, tmp_path, manager):
    lm = LnbenchLM(mask=str(mask), lang="zh", device="cpu")
    run(lm, tmp_path / "cache", manager)
    with sqlite3.connect(tmp_path / "cache_rank0.db") as database:
        (rows,) = database.execute(f'SELECT COUNT(*) FROM "lnbench_{lm.output_key()}"').fetchone()
        (unfenced,) = database.execute("SELECT COUNT(*) FROM unnamed").fetchone()
    assert (rows, unfenced) == (18, 0)  # 6 generations, 6 documents with 2 choices


def test_cache_that_cannot_be_fenced_is_refused(mask):
    lm = LnbenchLM(mask=str(mask), lang="zh", device="cpu")
    hook = CacheHook(None)
    hook.dbdict = {}
    with pytest.raises(CacheError, match="--use_cache"):
        lm.set_cache_hook(hook)


def test_closed_database_is_let_go(mask, tmp_path):
    lm = LnbenchLM(mask=str(mask), lang="zh", device="cpu")
    cached = CachingLM(lm, str(tmp_path / "closed.db"))
    cached.dbdict.close()
    lm.set_plan(None)
    assert lm.plan is None


def test_model_in_memory_is_refused(tiny_model, tmp_path):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny_model), AutoTokenizer.from_pretrained(tiny_model)
    lm = LnbenchLM(pretrained=model, tokenizer=tokenizer)
    with pytest.raises(CacheError, match="in memory"):
        CachingLM(lm, str(tmp_path / "memory.db"))
