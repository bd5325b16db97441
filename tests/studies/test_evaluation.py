"""What is read from lm-eval: numbers per document in document order, unscored as NaN, nothing else."""

import math

import numpy as np
import pytest

from lnbench.studies import Condition, _evaluation, evaluate_conditions
from lnbench.studies._evaluation import quiet, read_scores


def test_reads_numbers_in_document_order():
    results = {
        "alias": "t",
        "exact_match,none": 0.5,
        "exact_match_stderr,none": 0.1,
        "fidelity,none": 1.0,
        "fidelity_found,none": "zh 1",
    }
    samples = [
        {"doc_id": 1, "exact_match": 0.0, "fidelity": None, "fidelity_found": {}},
        {"doc_id": 0, "exact_match": 1.0, "fidelity": 1.0, "fidelity_found": {}},
    ]
    read = {s.metric: s for s in read_scores(Condition("original"), "lnbench_demo_summ_zh", results, samples)}
    assert list(read) == ["exact_match", "fidelity"]
    assert read["exact_match"].samples.tolist() == [1.0, 0.0]
    assert read["exact_match"].evaluated == "zh"
    assert np.isnan(read["fidelity"].samples[1])
    assert (read["fidelity"].n, read["exact_match"].n) == (1, 2)


def test_perplexities_are_read_per_document():
    nats, size = 8 * math.log(2), 4
    samples = [{"doc_id": 0, "bits_per_byte": (-nats, size), "byte_perplexity": [-nats, size]}]
    results = {"bits_per_byte,none": 2.0, "byte_perplexity,none": 4.0}
    read = {s.metric: s for s in read_scores(Condition("original"), "lnbench_demo_ppl_zh", results, samples)}
    assert read["bits_per_byte"].samples.tolist() == pytest.approx([2.0])
    assert read["byte_perplexity"].samples.tolist() == pytest.approx([4.0])


def test_quiet_reaches_what_rolling_likelihoods_call(capfd):
    from lm_eval.api.instance import Instance

    from lnbench.harness import LnbenchLM

    model = LnbenchLM(pretrained="lnbench/demo", device="cpu")
    one = Instance("loglikelihood_rolling", {}, ("some text",), 0, ("task", 0, 1))
    with quiet(model):
        model.loglikelihood_rolling([one])
    assert "Running" not in capfd.readouterr().err
    model.loglikelihood_rolling([one])
    assert "Running" in capfd.readouterr().err, "else this test could not fail"


def test_quiet_is_undone():
    class Model:
        def generate_until(self, requests, disable_tqdm=False):
            return disable_tqdm

        loglikelihood = loglikelihood_rolling = generate_until

    model = Model()
    with quiet(model):
        assert model.generate_until([]) is True
    assert model.generate_until([]) is False
    assert vars(model) == {}


def test_an_error_leaves_the_original(monkeypatch):
    class Model:
        plan = "zh"

        def generate_until(self, requests, disable_tqdm=False): ...

        loglikelihood = loglikelihood_rolling = generate_until

        def set_plan(self, plan):
            self.plan = plan

        def set_spec(self, **keys):
            self.plan = keys

    def fails(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_evaluation, "evaluate_tasks", fails)
    model = Model()
    with pytest.raises(KeyboardInterrupt):
        evaluate_conditions(model, {"tasks": {}}, [Condition("specific", "zh")])
    assert vars(model) == {"plan": None}
