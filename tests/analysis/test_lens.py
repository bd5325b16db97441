"""The layer lens: held to a naive loop, to the model's own choices, and to a model whose layers speak known words."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lnbench.analysis.lens import GROUPS, Judge, LensSettings, _passes, _tally, layer_lens, lens_section, lens_text
from lnbench.errors import DataError, EngineError, SpecError, UnknownLanguageError
from lnbench.models import Spec, applied, architecture_of, compile_plan
from lnbench.neurons import NeuronSet
from tests.analysis.lens_models import CHINESE, ENGLISH, byte_tokenizer, spoken, word_tokenizer
from tests.models import tiny

TEXTS = {"zh": ["水 人。", "文国人 7", "国"], "fr": ["l'été à 12", "ça va"]}


def small(family="llama", vocabulary=257, **more):
    return tiny.build(family, vocab_size=vocabulary, max_position_embeddings=128, eos_token_id=None, **more)


@torch.no_grad()
def naive(model, tokenizer, texts, language, candidates, k, new_tokens):
    """Shares by a plain loop: one text at a time, transformers' own states, norm and head by hand."""
    judge = Judge(tokenizer, candidates)
    shares = {part: [] for part in ("prompt", "generated")}
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        prompt = len(ids)
        for _ in range(new_tokens):
            ids = [*ids, int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())]
        output = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
        states, logits = list(output.hidden_states), []
        for state in states[:-1]:
            logits.append(model.lm_head(model.model.norm(state))[0])
        logits.append(model.lm_head(states[-1])[0])  # transformers has normed this one
        parts = {"prompt": range(prompt), "generated": range(prompt, len(ids))}
        for part, places in parts.items():
            kept = [place for place in places if ids[place] not in tokenizer.all_special_ids]
            rows = np.zeros((len(logits), len(judge.labels)))
            for depth, scores in enumerate(logits):
                for place in kept:
                    before = b""
                    for token in ids[: place + 1]:
                        before = judge.begun(before, token)
                    for token in scores[place].topk(k).indices.tolist():
                        label = judge.verdict(token, before).language
                        rows[depth, judge.labels.index(label)] += 1 / k / len(kept)
            shares[part].append(rows)
    return {part: np.mean(rows, axis=0) for part, rows in shares.items()}


@pytest.mark.parametrize("k", [1, 3])
def test_it_is_a_naive_loop_done_in_batches(k):
    tokenizer = byte_tokenizer()
    model = small()
    settings = LensSettings(("ru",), top_k=k, new_tokens=5, batch_size=2)
    lens = layer_lens(model, tokenizer, TEXTS, settings)
    assert lens.depths == ("embeddings", "0", "1", "2")
    for each in lens.languages:
        expected = naive(model, tokenizer, TEXTS[each.language], each.language, ("en", "zh", "fr", "ru"), k, 5)
        for part, rows in expected.items():
            np.testing.assert_allclose(each.parts[part].labels, rows, atol=1e-9)
            np.testing.assert_allclose(each.parts[part].groups.sum(axis=1), 1)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "gemma2", "opt", "falcon-old", "mpt", "gpt_oss"])
def test_at_the_last_layer_it_says_what_the_model_said(family):
    tokenizer = byte_tokenizer()
    model = small(family, **({"final_logit_softcapping": 2.0} if family == "gemma2" else {}))
    rows = [tokenizer(text)["input_ids"] for text in TEXTS["zh"]]
    passed = _passes.run(model, rows, 6, frozenset({0}), 0)
    from lnbench.models import readout

    best, _ = _tally.top_tokens(readout(model), passed.states[-1].flatten(0, 1), 1, "equal")
    best = best.reshape(passed.ids.shape)
    generated = (passed.part == 1) & (passed.following >= 0)
    assert generated.sum() == 3 * 6  # the last one is chosen and not fed, but known
    assert (best[generated] == passed.following[generated]).all()
    for row, ids in enumerate(rows):
        logits = tiny.logits(model, torch.tensor([ids]))[0]
        assert best[row][passed.part[row] == 0].tolist() == logits.argmax(-1).tolist()


def test_layers_that_speak_known_languages_are_heard():
    tokenizer = word_tokenizer()
    model = spoken(tokenizer, [ENGLISH[0], ENGLISH[2], CHINESE[1]])
    prompts = {"zh": ["水 文 国", "人 人"], "en": ["water between"]}
    lens = layer_lens(model, tokenizer, prompts, LensSettings(new_tokens=3))
    zh, en = lens.languages
    english, own = GROUPS.index("english"), GROUPS.index("own")
    for part in ("prompt", "generated"):
        assert zh.parts[part].groups[1:, english].tolist() == [1, 1, 0]
        assert zh.parts[part].groups[1:, own].tolist() == [0, 0, 1]
        assert en.parts[part].groups[1:, own].tolist() == [1, 1, 0]
    assert zh.parts["prompt"].groups[0, own] == zh.text["prompt"].groups[0, own] == 1  # embeddings say what was read
    assert zh.parts["generated"].groups[0, own] == 1
    assert zh.parts["generated"].positions == 6 and zh.text["generated"].groups[0, own] == 1


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_refused(odd):
    def read(states):
        logits = torch.zeros(len(states), 1, 5)
        logits[-1] = odd
        return logits

    with pytest.raises(EngineError, match=r"no finite numbers.*--dtype float32"):
        _tally.top_tokens(read, torch.zeros(3, 2), 2, "equal")


def test_probabilities_weigh_the_top_tokens():
    states = torch.eye(4)[None][0]

    def read(given):
        return given @ torch.tensor([[3.0, 2.0, 0.0, -9.0]] * 4)

    ids, weights = _tally.top_tokens(read, states, 2, "probability")
    assert ids.tolist() == [[0, 1]] * 4
    expected = np.exp([3.0, 2.0]) / np.exp([3.0, 2.0]).sum()
    np.testing.assert_allclose(weights, [expected] * 4, atol=1e-7)
    _, weights = _tally.top_tokens(read, states, 2, "equal")
    np.testing.assert_allclose(weights, 0.5)


class Largest(TorchDispatchMode):
    """The most elements that any tensor made inside has."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        for each in output if isinstance(output, (tuple, list)) else [output]:
            if isinstance(each, torch.Tensor):
                self.elements = max(self.elements, each.numel())
        return output


def test_no_tensor_is_as_large_as_positions_times_vocabulary(monkeypatch):
    vocabulary, length, batch = 3000, 100, 2
    monkeypatch.setattr(_tally, "MOST_LOGITS", 5 * vocabulary)
    model, tokenizer = small(vocabulary=vocabulary), byte_tokenizer()
    parameters = max(parameter.numel() for parameter in model.parameters())
    with Largest() as largest:
        layer_lens(model, tokenizer, {"en": ["x" * length] * batch}, LensSettings(new_tokens=2, batch_size=batch))
    states = (length + 2) * batch * tiny.HIDDEN
    attention = batch * tiny.HEADS * (length + 3) ** 2
    assert largest.elements <= max(5 * vocabulary, states, attention, parameters)
    assert max(5 * vocabulary, states, attention, parameters) < length * vocabulary


def test_batches_change_nothing():
    tokenizer, model = byte_tokenizer(), small().double()
    texts = {"zh": ["水" * n + "." for n in (1, 9, 4, 7, 2)]}
    found = [layer_lens(model, tokenizer, texts, LensSettings(batch_size=size, new_tokens=4)) for size in (1, 5)]
    one, five = (each.languages[0].parts for each in found)
    for part in one:
        np.testing.assert_allclose(one[part].labels, five[part].labels, atol=1e-12)
        assert one[part].positions == five[part].positions


def test_generation_stops_at_the_end_and_the_end_is_no_position():
    tokenizer = word_tokenizer()
    model = spoken(tokenizer, ["</s>"])
    lens = layer_lens(model, tokenizer, {"zh": ["水 文"]}, LensSettings(new_tokens=5))
    generated = lens.languages[0].parts["generated"]
    assert generated.documents == generated.positions == 0 and np.isnan(generated.groups).all()
    assert lens.as_json()["languages"]["zh"]["generated"]["layers"] == []
    assert "generated" not in lens_text(lens)
    silent = layer_lens(model, tokenizer, {"zh": ["水 文"]}, LensSettings(new_tokens=0))
    assert silent.languages[0].parts["prompt"].positions == 2


def test_an_ablation_shows():
    tokenizer = word_tokenizer()
    model = spoken(tokenizer, [ENGLISH[0], CHINESE[1]])
    neurons = NeuronSet.from_indices({"zh": {"ffn.act": [[], [0]]}}, architecture=architecture_of(model))
    plan = compile_plan(Spec.parse("zero", lang="zh"), neurons, architecture_of(model))
    own = GROUPS.index("own")
    with applied(model, plan):
        ablated = layer_lens(model, tokenizer, {"zh": ["水 文"]}, LensSettings(new_tokens=2), condition="without zh")
    before = layer_lens(model, tokenizer, {"zh": ["水 文"]}, LensSettings(new_tokens=2))
    assert before.languages[0].parts["generated"].groups[-1, own] == 1
    assert ablated.languages[0].parts["generated"].groups[-1, own] == 0
    headings = [line for line in lens_text(before, ablated).splitlines() if line.startswith("zh, ")]
    order = [("without zh" in line, "prompts" in line.split("(")[0]) for line in headings]
    assert order == [(False, True), (True, True), (False, False), (True, False)], "what is compared stands together"
    section = lens_section([before, ablated])
    assert [picture.png[:4] for picture in section.pictures] == [b"\x89PNG"] * 2
    assert "without zh" in " ".join(table.caption for table in section.tables)
    json.dumps(section.data, allow_nan=False)
    assert Counter(len(row) - len(table.header) for table in section.tables for row in table.rows).keys() == {0}


def test_shares_have_intervals_over_documents():
    tokenizer, model = byte_tokenizer(), small()
    texts = {"zh": [f"水{n * n}人" * (1 + n % 3) for n in range(12)]}
    found = layer_lens(model, tokenizer, texts, LensSettings(new_tokens=0)).languages[0].parts["prompt"]
    assert ((found.low - 1e-12 <= found.groups) & (found.groups <= found.high + 1e-12)).all()
    assert (found.low >= 0).all() and (found.high <= 1).all() and (found.high > found.low).any()


def test_long_prompts_keep_their_end_and_are_counted():
    tokenizer, model = byte_tokenizer(), small()
    lens = layer_lens(model, tokenizer, {"en": ["abcdefgh", "xy"]}, LensSettings(max_length=4, new_tokens=0))
    assert lens.languages[0].cut == 1 and lens.languages[0].parts["prompt"].positions == 6
    assert "lost their beginning" in lens_text(lens) and "1 of en" in lens_text(lens)


def test_english_that_is_alone_in_its_script_is_said():
    tokenizer, model = byte_tokenizer(), small()
    text = lens_text(layer_lens(model, tokenizer, {"zh": ["水"]}, LensSettings(new_tokens=0)))
    assert "every piece in Latin letters counts as en" in text
    more = lens_text(layer_lens(model, tokenizer, {"zh": ["水"]}, LensSettings(("fr",), new_tokens=0)))
    assert "every piece in Latin letters" not in more


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"top_k": 0}, "--top-k 0"), ({"new_tokens": -1}, "--new-tokens -1"), ({"weight": "all"}, "'all'")],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(settings, word):
    with pytest.raises(SpecError, match=word):
        LensSettings(**settings)


def test_what_the_model_or_the_prompts_do_not_allow_is_refused():
    tokenizer, model = byte_tokenizer(), small()
    with pytest.raises(SpecError, match="top_k=99999 is more than the model's"):
        layer_lens(model, tokenizer, {"en": ["a"]}, LensSettings(top_k=99_999))
    with pytest.raises(SpecError, match="128 positions"):
        layer_lens(model, tokenizer, TEXTS, LensSettings(max_length=120, new_tokens=20))
    with pytest.raises(DataError, match="'zh' are empty"):
        layer_lens(model, tokenizer, {"zh": []})
    with pytest.raises(UnknownLanguageError):
        layer_lens(model, tokenizer, {"culture:da!": ["x"]})
