"""Steering the embedded planted positive control: Chinese prompts, French answers, and fidelity expecting French."""

import pytest

from lnbench.errors import UnknownLanguageError
from lnbench.harness import LnbenchLM
from lnbench.scoring import expected_language
from lnbench.studies import demo_tasks

STEER = {"steps": [{"lang": "zh", "op": "zero"}, {"lang": "fr", "op": "set", "value": "mean:fr"}], "expect": "fr"}


@pytest.fixture(scope="module")
def lm():
    made = LnbenchLM(mask="demo_langs_ffn.safetensors", lang="zh", batch_size=16)
    yield made
    made.set_plan(None)


def fidelity(lm):
    from lm_eval.evaluator import evaluate

    found = evaluate(lm, dict(demo_tasks(["summ"], ["zh"])), limit=12, bootstrap_iters=0)
    return found["results"]["lnbench_demo_summ_zh"]["fidelity,none"]


@pytest.mark.slow
def test_answers_in_the_target_language_are_faithful(lm):
    lm.set_spec(STEER)
    assert expected_language("zh") == "fr"
    assert fidelity(lm) >= 0.9
    lm.set_spec({**STEER, "expect": "zh"})
    assert fidelity(lm) <= 0.1
    lm.set_plan(None)
    assert expected_language("zh") == "zh"
    assert fidelity(lm) == 1.0


def test_an_expectation_that_is_no_language_leaves_the_condition(lm):
    plan = lm.set_spec(STEER)
    with pytest.raises(UnknownLanguageError, match="nonsense"):
        lm.set_spec({**STEER, "expect": "nonsense tag"})
    assert lm.plan is plan
    assert expected_language("zh") == "fr"


def test_two_models_in_one_process_keep_their_expectations_and_take_them_along():
    import gc

    mask = {"mask": "demo_langs_ffn.safetensors", "batch_size": 4}
    plain, steered = LnbenchLM(lang="zh", **mask), LnbenchLM(spec=STEER, **mask)
    assert expected_language("zh") == "fr"
    plain.generate_until([])
    assert expected_language("zh") == "zh"
    steered.generate_until([])
    assert expected_language("zh") == "fr"
    del steered
    gc.collect()
    assert expected_language("zh") == "zh"
