"""The thin model of the tests: the embedded model's recipe with a tenth of one language's rows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace

import pytest
import torch
from transformers import AutoModelForCausalLM

from lnbench._data import demo_model_dir
from scripts.demo_model import tokenizer as frozen
from scripts.demo_model.batches import Batcher
from scripts.demo_model.config import Config
from scripts.demo_model.lexicon import LANGUAGES
from scripts.demo_model.measure import DEMO
from scripts.demo_model.thin import THIN, checksums

THIN_CONFIG = replace(Config(), thin="sw")


def bits_per_byte(folder, language: str, texts: int = 40) -> float:
    """A direct computation on held-out text, one document at a time."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    lines = (DEMO / "text" / "validation" / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()[:texts]
    tokenizer, nats, size = frozen.load(), 0.0, 0
    for line in lines:
        text = json.loads(line)["text"]
        ids = torch.tensor([[frozen.END_ID, *tokenizer.encode(text, add_special_tokens=False)]])
        with torch.inference_mode():
            logs = model(ids).logits.log_softmax(-1)
        nats -= float(logs[0, :-1].gather(1, ids[0, 1:, None]).sum())
        size += len(text.encode())
    return nats / size / 0.6931471805599453


def test_files_are_those_that_were_trained():
    assert (THIN / "SHA256SUMS").read_text(encoding="utf-8") == checksums(THIN)
    recorded = json.loads((THIN / "run.json").read_text(encoding="utf-8"))["recipe"]
    assert recorded == asdict(THIN_CONFIG)


def test_a_thin_language_has_a_tenth_of_its_rows():
    batcher = Batcher(THIN_CONFIG, frozen.load())
    drawn = Counter(LANGUAGES[batcher._language()] for _ in range(20_000))
    others = sum(drawn.values()) - drawn["sw"]
    assert drawn["sw"] / (others / 6) == pytest.approx(0.1, abs=0.02)


def test_the_shipped_recipe_draws_what_it_drew():
    plain, again = Batcher(Config(), frozen.load()), Batcher(Config(), frozen.load())
    expected = [again.rng.randrange(len(LANGUAGES)) for _ in range(100)]
    assert [plain._language() for _ in range(100)] == expected


def test_it_has_more_left_to_learn_of_its_thin_language_than_of_another():
    worse = {code: bits_per_byte(THIN, code) / bits_per_byte(demo_model_dir(), code) for code in ("sw", "fr")}
    assert worse["sw"] > 1.2 and worse["sw"] > 1.05 * worse["fr"]  # measured: 1.27 and 1.14
