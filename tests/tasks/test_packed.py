"""Packed text: cut as published, scored as a direct computation scores it, and by lnbench's model only."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("lm_eval")
from lm_eval.evaluator import evaluate
from lm_eval.tasks import TaskManager

from lnbench._data import packaged
from lnbench.errors import DataError, TaskError
from lnbench.harness import LnbenchLM, _packing
from lnbench.harness.task_data import cut_for, packed, packed_scores
from tests.harness.conftest import mask, neurons, tiny_model  # noqa: F401 - fixtures

TEXTS = ["The lamp burns.\nIt burns all night.", "Le bateau est rouge à Athènes.", "北京是一个城市。" * 5]


@pytest.fixture(scope="module")
def lm(mask):  # noqa: F811
    return LnbenchLM(mask=mask, lang="zh", device="cpu", batch_size=3, announce=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ppl").mkdir()
    rows = [json.dumps({"text": text}) for text in TEXTS]
    (tmp_path / "ppl" / "fr.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path


def tasks(folder, **metadata):
    manager = TaskManager(
        include_path=str(packaged("tasks")), include_defaults=False, metadata={"data_dir": str(folder), **metadata}
    )
    return manager.load(["lnbench_packed_fr", "lnbench_ppl_fr"])


def direct(model, ids):
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits.log_softmax(-1)[0]
    return sum(logits[at, token].item() for at, token in enumerate(ids[1:]))


def test_blocks_are_scored_as_a_direct_forward_pass_scores_them(lm, folder):
    cut_for(lm)
    built = tasks(folder, lnbench_block=48)
    by_hand = [token for text in TEXTS for token in [lm.tokenizer.eos_token_id, *lm.tokenizer(text)["input_ids"]]]
    for plan in (None, "zero"):
        lm.set_plan(None) if plan is None else lm.set_spec(plan, lang="zh")
        found = evaluate(lm, built, bootstrap_iters=0)
        blocks = [by_hand[at : at + 48] for at in range(0, len(by_hand) - 47, 48)]
        samples = found["samples"]["lnbench_packed_fr"]
        assert [sample["doc"]["block_ids"] for sample in samples] == blocks and len(blocks) == 3
        nats = [-direct(lm.model, block) for block in blocks]
        assert [sample["nats_per_token"] for sample in samples] == pytest.approx([n / 47 for n in nats], rel=1e-6)
        results = found["results"]["lnbench_packed_fr"]
        assert results["nats_per_token,none"] == pytest.approx(sum(nats) / (3 * 47), rel=1e-6)
        size = sum(sample["doc"]["bytes"] for sample in samples)
        assert results["bits_per_byte,none"] == pytest.approx(sum(nats) / size / math.log(2), rel=1e-6)
        assert math.isfinite(found["results"]["lnbench_ppl_fr"]["bits_per_byte,none"])  # in the same run, plainly
    lm.set_plan(None)


def test_documents_begin_with_what_the_tokenizer_puts_first(lm, monkeypatch):
    plain = lm.tokenizer("ab")["input_ids"]
    assert _packing._joined(lm.tokenizer, ["ab"])[0].tolist() == [lm.tokenizer.eos_token_id, *plain]

    class Beginning:
        is_fast, eos_token_id = True, 9

        def __call__(self, texts, **settings):
            if isinstance(texts, str):
                return {"input_ids": [7]}
            return {"input_ids": [[7, 1, 2]] * len(texts), "offset_mapping": [[(0, 0), (0, 1), (1, 2)]] * len(texts)}

    ids, sizes = _packing._joined(Beginning(), ["ab", "cd"])
    assert ids.tolist() == [7, 1, 2, 7, 1, 2] and sizes.tolist() == [0, 1, 1, 0, 1, 1]
    monkeypatch.setattr(_packing, "MOST_TOKENS", 4)
    assert _packing._joined(Beginning(), ["ab"] * 99)[0].tolist() == [7, 1, 2, 7]


@given(st.text(max_size=60))
def test_every_byte_belongs_to_one_token(text):
    from transformers import AutoTokenizer

    from lnbench._data import demo_model_dir

    tokenizer = test_every_byte_belongs_to_one_token.__dict__.setdefault(
        "tokenizer", AutoTokenizer.from_pretrained(demo_model_dir())
    )
    found = tokenizer(text, return_offsets_mapping=True)
    size, tokens = len(text.encode("utf-8", "replace")), len(found["input_ids"])
    for offsets in (found["offset_mapping"], None):
        sizes = _packing._sizes(text, tokens, offsets)
        assert sum(sizes) == size and min(sizes) >= 0 and len(sizes) == tokens
    assert _packing._sizes(text, 0, []) == []


def test_what_cannot_be_cut_is_refused(lm, folder, monkeypatch):
    cut_for(lm)
    with pytest.raises(DataError, match=r"'fr' has \d+ tokens, fewer than one block of 256.*lnbench_block"):
        packed(lnbench_lang="fr", data_dir=folder)
    for block in (15, 257, "many", True):
        with pytest.raises(DataError, match=r"lnbench_block=.*from 16 to the model's window of 256"):
            packed(lnbench_lang="fr", data_dir=folder, lnbench_block=block)
    monkeypatch.setattr(_packing, "_models", [])
    with pytest.raises(DataError, match="--model lnbench"):
        packed(lnbench_lang="fr", data_dir=folder)


def test_only_the_model_that_cut_answers(lm, folder):
    cut_for(lm)
    document = packed(lnbench_lang="fr", data_dir=folder, lnbench_block=48)["test"][0]
    assert packed_scores(document, [(-94.0, 47)])["nats_per_token"] == 2.0
    for answer in (-94.0, (-94.0, True), (-94.0, 46), None):
        with pytest.raises(TaskError, match="--model lnbench"):
            packed_scores(document, [answer])
    request = type("Request", (), {"doc": {**document, "cut_by": "another (5 tokens)"}, "args": ("",)})()
    with pytest.raises(TaskError, match=r"cut for another \(5 tokens\), not for .*model"):
        lm.loglikelihood_rolling([request])
