"""The paper's two claims on the thin model: the embedded recipe with Swahili at a tenth of its rows, planted neurons.

A planted positive control, an instrument: it shows that the experiment can find the effect, not that models have it.
"""

import json
from pathlib import Path

import pytest
import torch

from lnbench._data import packaged
from lnbench.analysis.tuning import Experiment, TuningSettings, contrasts, effects, held_out, tune
from lnbench.detection import Corpus
from lnbench.models import load_model, load_tokenizer
from lnbench.neurons import NeuronSet

THIN = Path(__file__).parents[1] / "thin_model"


@pytest.mark.skipif(not (THIN / "model.safetensors").exists(), reason="the thin model is not in this checkout")
def test_swahili_gains_more_from_its_own_neurons_and_others_suffer_less_than_under_full_tuning(tmp_path):
    demo = packaged("neuron_sets") / "demo"
    planted = json.loads((demo / "planted.json").read_text(encoding="utf-8"))["neurons"]["sw"]
    neurons = NeuronSet.from_indices(
        {"sw": {"ffn.act": {int(layer): rows for layer, rows in planted.items()}}}, layers=4
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, tokenizer = load_model(str(THIN), dtype="float32"), load_tokenizer(str(THIN))
        read = [Corpus.parse(f"{code}={demo}/text/validation/{code}.jsonl") for code in ("sw", "en", "zh")]
        texts = held_out(tokenizer, read, documents=16, max_length=96)
        corpus = Corpus.parse(f"sw={demo}/text/detection/sw.txt", "blank-line")
        settings = TuningSettings(
            epochs=1, learning_rate=2e-3, batch_size=8, max_length=96, points=1, schedule="constant"
        )
        of = Experiment(neurons, "sw", corpus, texts, tmp_path, documents=(40,), settings=settings, model="thin")
        result = tune(model, tokenizer, of)
    finally:
        torch.set_num_threads(threads)
    own, others = contrasts(result)
    assert own.verdict == "lower" and own.difference.mean < -0.002, own
    assert others.verdict == "lower" and others.difference.mean < -0.02, others
    specific = next(one for one in effects(result) if one.condition == "specific")
    assert specific.own_change.high < 0 and specific.parameters == 12 * 3 * 128
