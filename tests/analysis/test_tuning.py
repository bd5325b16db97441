"""The whole experiment on a tiny model: runs, files, resuming, measuring, and what a report makes of it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp
from transformers import AutoModelForCausalLM, AutoTokenizer

from lnbench.analysis.tuning import (
    Estimate,
    Experiment,
    Point,
    Run,
    TuningResult,
    TuningSettings,
    bits_per_byte,
    contrasts,
    effects,
    held_out,
    split,
    summary,
    tune,
    tuning_section,
)
from lnbench.analysis.tuning import _experiment as experiment_module
from lnbench.detection import Corpus
from lnbench.errors import DataError, DeltaError, EngineError, OutputError, SpecError
from lnbench.models import Delta, apply_delta
from lnbench.neurons import NeuronSet
from tests.harness.conftest import tiny_model  # noqa: F401 - a fixture

TEXTS = [f"habari {n} ya leo ni {n * n}" for n in range(20)]
OTHERS = [f"the news of day {n}" for n in range(4)]


@pytest.fixture(autouse=True)
def one_thread():
    """Bits are compared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def parts(tiny_model):  # noqa: F811
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    return AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval(), tokenizer


@pytest.fixture
def make(parts, tmp_path, tiny_model):  # noqa: F811
    """An experiment of a few neurons and key rows on a tiny model."""
    _, tokenizer = parts
    neurons = NeuronSet.from_indices(
        {"sw": {"ffn.act": [[3, 7, 9], [1]], "attn.k": [[2], [5, 6]]}, "en": {"ffn.act": [[0], []]}},
        model=str(tiny_model),
    )
    texts = held_out(tokenizer, [Corpus.of("sw", TEXTS[16:]), Corpus.of("en", OTHERS)], documents=None, max_length=64)

    def made(folder="out", **changes):
        (tmp_path / folder).mkdir(exist_ok=True)
        settings = TuningSettings(epochs=2, batch_size=4, max_length=64, points=2, learning_rate=1e-2)
        plain = Experiment(neurons, "sw", Corpus.of("sw", TEXTS[:16]), texts, tmp_path / folder, settings=settings)
        return dataclasses.replace(plain, **{"documents": (8,), "seeds": (0,), "model": "tiny", **changes})

    return made


def bits(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(model, before):
    return all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_every_run_is_a_delta_and_the_model_is_left_as_it_was(parts, make):
    model, tokenizer = parts
    before, done = bits(model), Counter()
    of = make(documents=(4, 8))
    result = tune(model, tokenizer, of, done=lambda which, steps, loss: done.update([which.condition] * steps))
    assert same(model, before) and sum(done.values()) == of.steps() == 3 * (2 + 4)
    names = {f"sw-{c}-{n}-seed0.safetensors" for c in ("random", "specific", "full") for n in (4, 8)}
    assert {path.name for path in of.out.iterdir()} == names == {run.file for run in result.runs}
    for run in result.runs:
        with_delta = apply_delta(model, Delta.load(of.out / run.file))
        measured = bits_per_byte(model, of.held_out, batch_size=32, pad=tokenizer.pad_token_id)
        with_delta.restore()
        assert measured == pytest.approx(dict(run.end), rel=1e-6)
        assert run.end["sw"] != result.original["sw"]
    assert same(model, before)


def test_what_is_trained_is_what_the_selection_implies(parts, make):
    model, tokenizer = parts
    hidden, tensors = model.config.hidden_size, {"specific": 3 + 1 + 3 + 1, "random": 8}
    result = tune(model, tokenizer, make())
    by_condition = {run.condition: run for run in result.runs}
    for condition in ("specific", "random"):
        run = by_condition[condition]
        assert run.parameters == (4 * 3 + 3) * hidden
        assert run.optimizer_bytes == 2 * 4 * run.parameters + 4 * tensors[condition]
    full = by_condition["full"]
    assert full.parameters == sum(p.numel() for p in model.parameters())
    assert full.optimizer_bytes == 2 * 4 * full.parameters + 4 * len(list(model.parameters()))


def touched(path):
    """(layer and projection) -> rows or columns of a delta."""
    return {part.name: part.index.tolist() for part in Delta.load(path).parts}


def test_random_neurons_are_as_many_in_each_place_and_others(parts, make):
    model, tokenizer = parts
    of = make(conditions=("random",), seeds=(0, 1))
    tune(model, tokenizer, of)
    tune(model, tokenizer, make(conditions=("specific",)))
    own = touched(of.out / "sw-specific-8-seed0.safetensors")
    assert own["model.layers.0.self_attn.k_proj.weight"] == [2]
    assert own["model.layers.0.mlp.down_proj.weight"] == own["model.layers.0.mlp.gate_proj.weight"] == [3, 7, 9]
    drawn = [touched(of.out / f"sw-random-8-seed{seed}.safetensors") for seed in (0, 1)]
    for draw in drawn:
        assert {name: len(rows) for name, rows in draw.items()} == {name: len(rows) for name, rows in own.items()}
        assert all(not set(rows) & set(own[name]) for name, rows in draw.items())
    assert drawn[0] != drawn[1]


class Killed(BaseException):
    """As a signal would end the process."""


@pytest.mark.parametrize("condition", ["specific", "full"])
def test_a_run_that_was_killed_ends_with_the_same_bits(parts, make, condition):
    model, tokenizer = parts
    whole, stopped = make("whole", conditions=(condition,)), make("stopped", conditions=(condition,))
    expected = tune(model, tokenizer, whole)
    before, seen = bits(model), []

    def kill(which, steps, loss):
        seen.append(loss)
        if len(seen) == 3:  # of 4 steps, in the middle of an epoch
            raise Killed

    with pytest.raises(Killed):
        tune(model, tokenizer, stopped, done=kill, save_seconds=0)
    assert same(model, before) and not list(stopped.out.glob("*.safetensors"))
    again = []
    result = tune(model, tokenizer, stopped, done=lambda which, steps, loss: again.append(loss), save_seconds=0)
    assert len(again) == 2  # the third step was not saved
    name = f"sw-{condition}-8-seed0.safetensors"
    assert (stopped.out / name).read_bytes() == (whole.out / name).read_bytes()
    assert result.runs == expected.runs
    assert not (stopped.out / ".partial").exists()


def test_finished_runs_are_not_repeated_and_others_are_refused(parts, make):
    model, tokenizer = parts
    of = make(conditions=("specific",))
    first, told = tune(model, tokenizer, of), []
    second = tune(model, tokenizer, of, done=lambda which, steps, loss: told.append((steps, loss)))
    assert second == first and told == [(4, None)]
    more = tune(model, tokenizer, dataclasses.replace(of, seeds=(0, 1)))
    assert more.runs[0] == first.runs[0] and len(more.runs) == 2
    other = dataclasses.replace(of, settings=dataclasses.replace(of.settings, learning_rate=1e-3))
    with pytest.raises(OutputError, match=r"seed0\.safetensors' is of another run"):
        tune(model, tokenizer, other)


def test_a_weight_that_changes_by_mistake_is_found_and_nothing_is_written(parts, make, monkeypatch):
    model, tokenizer = parts
    before, real = bits(model), experiment_module.train

    def spoil(tuned, *arguments, **keywords):
        trained = real(tuned, *arguments, **keywords)
        with torch.no_grad():
            model.model.norm.weight[0] += 1.0
        return trained

    monkeypatch.setattr(experiment_module, "train", spoil)
    of = make(conditions=("specific",))
    with pytest.raises(DeltaError, match=r"model\.norm\.weight has changed outside"):
        tune(model, tokenizer, of)
    assert not list(of.out.glob("*.safetensors"))
    model.load_state_dict(before)


def test_bfloat16_is_trained_with_master_values(parts, make):
    model, tokenizer = parts
    half = model.to(torch.bfloat16)
    of = make(settings=TuningSettings(epochs=1, batch_size=4, max_length=64, points=1, learning_rate=1e-3))
    before = bits(half)
    result = tune(half, tokenizer, of)
    assert same(half, before)
    for run in result.runs:
        assert run.optimizer_bytes >= 2 * 4 * run.parameters  # float32 moments
        delta = Delta.load(of.out / run.file)
        assert {part.values.dtype for part in delta.parts} == {torch.bfloat16}
        apply_delta(half, delta).restore()
    assert same(half, before)


def test_held_out_text_that_was_trained_on_is_counted_and_said(parts, make):
    model, tokenizer = parts
    of = make(conditions=("specific",), documents=(16,), settings=TuningSettings(1, batch_size=16, points=1))
    assert "word for word" not in tuning_section(tune(model, tokenizer, of)).text
    texts = {**of.held_out, **held_out(tokenizer, [Corpus.of("sw", TEXTS[14:])], documents=None, max_length=64)}
    result = tune(model, tokenizer, dataclasses.replace(of, held_out=texts, out=make("other").out))
    assert "2 of 6 held-out documents of sw were trained on" in tuning_section(result).text


def test_checkpoints_are_written_when_asked_for(parts, make):
    model, tokenizer = parts
    of = make(conditions=("specific",), checkpoints=True)
    tune(model, tokenizer, of)
    loaded = AutoModelForCausalLM.from_pretrained(of.out / "sw-specific-8-seed0", dtype=torch.float32)
    at_work = apply_delta(model, Delta.load(of.out / "sw-specific-8-seed0.safetensors"))
    assert same(model, bits(loaded))
    at_work.restore()


def test_bits_per_byte_are_those_of_a_sum_by_hand(parts):
    model, tokenizer = parts
    texts = held_out(tokenizer, [Corpus.of("sw", TEXTS[:3])], documents=2, max_length=256)
    nats = 0.0
    with torch.no_grad():
        for text in TEXTS[:2]:
            ids = tokenizer(text, return_tensors="pt")["input_ids"]
            scores = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            nats -= float(scores.gather(1, ids[0, 1:, None]).sum())
    assert texts["sw"].bytes == sum(len(text) - 1 for text in TEXTS[:2])  # byte tokens, without the first
    found = bits_per_byte(model, texts, batch_size=2, pad=tokenizer.pad_token_id)
    assert found["sw"] == pytest.approx(nats / math.log(2) / texts["sw"].bytes, rel=1e-5)


def test_refusals(parts, make):
    model, tokenizer = parts
    with pytest.raises(DataError, match="has 16 documents and 99 were asked for"):
        tune(model, tokenizer, make(documents=(99,)))
    with pytest.raises(SpecError, match="sites"):
        tune(model, tokenizer, make(scope={"sites": "attn.q"}))
    with pytest.raises(EngineError, match="float16"):
        tune(model.half(), tokenizer, make())
    with pytest.raises(DataError, match="none is left to measure on"):
        split(Corpus.of("sw", TEXTS), 20)
    trained, end = split(Corpus.of("sw", TEXTS), 18)
    assert (len(list(trained.documents())), list(end.documents())) == (18, TEXTS[18:])


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 0},
        {"learning_rate": math.nan},
        {"batch_size": 6, "accumulate": 4},
        {"schedule": "square"},
        {"warmup": 1.0},
        {"max_length": 1},
        {"clip": -1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_settings_that_cannot_be_are_refused(changes):
    with pytest.raises(SpecError):
        TuningSettings(**changes)


def test_parts_of_a_step_give_the_same_training(parts, make):
    model, tokenizer = parts
    plain = make("plain", conditions=("specific",))
    halves = make("halves", conditions=("specific",), settings=dataclasses.replace(plain.settings, accumulate=2))
    one, two = (tune(model, tokenizer, of).runs[0] for of in (plain, halves))
    assert one.end["sw"] == pytest.approx(two.end["sw"], rel=1e-4)
    assert one.points[0].loss == pytest.approx(two.points[0].loss, rel=1e-5)


def invented(values):
    """A result with these bits per byte of sw and en: {(condition, seed): (sw, en)}, 8 documents."""
    runs = [
        Run(condition, 8, seed, 10, 80, 1, (Point(1, 0.5, {"sw": sw, "en": en}),), "file")
        for (condition, seed), (sw, en) in values.items()
    ]
    return TuningResult("tiny", "sw", {"sw": 1.0, "en": 1.0}, runs)


def test_intervals_are_students_over_seeds_and_contrasts_are_paired():
    values = {("specific", s): (0.5 + 0.1 * s, 1.01) for s in range(3)}
    values |= {("random", s): (0.6 + 0.11 * s, 1.0) for s in range(3)}
    values |= {("full", s): (0.4, 1.2 - 0.4 * (s == 2)) for s in range(3)}
    result = invented(values)
    own, others = contrasts(result)
    expected = ttest_1samp([-0.1, -0.11, -0.12], 0).confidence_interval()
    assert (own.difference.mean, own.verdict) == (pytest.approx(-0.11), "lower")
    assert (own.difference.low, own.difference.high) == pytest.approx((expected.low, expected.high))
    assert others.difference.mean == pytest.approx(0.01 - 0.2) and others.verdict == "lower"  # sizes of changes
    by_condition = {one.condition: one for one in effects(result)}
    assert by_condition["full"].others_change.mean == pytest.approx(0.2 / 3)
    assert by_condition["full"].others_moved.mean == pytest.approx(0.2)
    assert np.isnan(Estimate.of([1.0]).low)
    json.dumps(summary(result), allow_nan=False)


def test_the_section_says_what_was_found_also_where_the_claim_fails():
    good = {("specific", s): (0.5, 1.0) for s in (0, 1)} | {("random", s): (0.8 + s / 100, 1.0) for s in (0, 1)}
    bad = {("specific", s): (0.9, 1.3) for s in (0, 1)} | {("random", s): (0.8 + s / 100, 1.0) for s in (0, 1)}
    bad |= {("full", s): (0.4, 1.1 + s / 100) for s in (0, 1)}
    found = tuning_section(invented(good))
    assert "1 of 1 numbers of documents show that tuning sw's neurons lowers" in found.text
    found = tuning_section(invented(bad))
    assert "1 show the opposite (8)" in found.text and "other languages change less" in found.text
    assert found.pictures[0].png.startswith(b"\x89PNG")
    assert TuningResult.from_json(json.loads(json.dumps(invented(bad).as_json()))).runs == tuple(invented(bad).runs)
    assert [row[1] for row in found.tables[0].rows] == ["original", "specific", "random", "full"]
