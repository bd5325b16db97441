"""One pass over corpora: equal to a recomputation on every architecture and dtype, bit-same after any interruption."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lnbench.detection import Corpus, ShardStore, _batches, _watch, collect_sites, token_documents
from lnbench.detection._batches import batches, counted_rows, sampled_of, sampled_tokens, shards
from lnbench.detection._counting import Counter, Sums
from lnbench.detection._medians import medians
from lnbench.errors import DataError, OutputError, SpecError, UnsupportedArchitectureError
from lnbench.models import observed
from lnbench.neurons import SITES, Architecture
from tests.models.tiny import FAMILIES, build


class Letters:
    def __call__(self, texts, truncation, max_length):
        return {"input_ids": [[1, *(3 + ord(c) % 50 for c in text)][:max_length] for text in texts]}


def documents(seed=0, languages=("a", "b"), count=12, longest=20):
    rng = np.random.default_rng(seed)
    texts = {
        code: ["".join(map(chr, rng.integers(97, 123, rng.integers(2, longest)))) for _ in range(count)]
        for code in languages
    }
    return token_documents(Letters(), [Corpus.of(f"x-{code}", of) for code, of in texts.items()], equal=False)


def by_hand(model, found, site):
    """One document at a time, without padding: all counted values, float64 [tokens, width] by layer, per language."""
    return {language: _layers(model, found[language], site) for language in found}


def _layers(model, listed, site):
    seen = {}

    def see(layer, _, values):
        seen.setdefault(layer, []).append(values.reshape(-1, values.shape[-1])[1:].double())

    with observed(model, [site], see), torch.no_grad():
        for ids in listed:
            model(input_ids=torch.tensor([ids]))
    return [torch.cat(seen[layer]) for layer in sorted(seen)]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_all_sites_of_every_architecture_equal_a_recomputation(family):
    model, read = build(family), documents()
    measured = collect_sites(model, read, sites=("ffn", "attn"), batch_size=2)
    assert tuple(measured) == SITES
    for site in SITES:
        found, expected = measured[site], by_hand(model, read, site)
        assert found.tokens.tolist() == [len(layers[0]) for layers in expected.values()]
        for k, layers in enumerate(expected.values()):
            for layer, values in enumerate(layers):
                near = {"atol": 2e-4, "rtol": 1e-4}
                torch.testing.assert_close(found.total[layer, :, k], values.sum(0), **near)
                torch.testing.assert_close(found.squares[layer, :, k], values.square().sum(0), **near)
                torch.testing.assert_close(found.active_total[layer, :, k], values.clamp(min=0).sum(0), **near)
                sure = values.abs().min(0).values > 1e-5  # a value at 0 may be rounded to either side in a batch
                assert torch.equal(found.active[layer, :, k][sure], (values > 0).sum(0)[sure])
                # every token is in the sample, so medians are exact
                median = torch.from_numpy(np.median(values.numpy(), axis=0)).float()
                torch.testing.assert_close(found.median[layer, :, k], median, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_models_are_counted_and_summed_exactly(dtype):
    """Against the same batches seen in float64: the model's rounding is its own, ours must add none."""
    model, read = build("llama").to(dtype), documents(count=60)
    seen = {}

    def see(layer, site, values):
        seen.setdefault(layer, []).append(values.double())

    measured = collect_sites(model, read, sites="ffn.act", batch_size=4, sample=0)
    lengths = read["x-a"].lengths()
    (shard,) = shards(lengths)
    with observed(model, ["ffn.act"], see), torch.no_grad():
        for group in batches(lengths, shard, 4 * int(max(read[code].lengths().max() for code in read))):
            batch = _batches.assemble([read["x-a"][n] for n in group], [np.zeros(0, np.int64)] * len(group), 0)
            model.model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
            for layer in seen:
                seen[layer][-1] = seen[layer][-1].flatten(0, 1)[batch.rows]
    found = measured["ffn.act"]
    assert found.active.dtype == torch.int64 and found.total.dtype == torch.float64 and found.median is None
    for layer, parts in seen.items():
        values = torch.cat(parts)
        assert torch.equal(found.active[layer, :, 0], (values > 0).sum(0))
        torch.testing.assert_close(found.total[layer, :, 0], values.sum(0), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(found.squares[layer, :, 0], values.square().sum(0), rtol=1e-6, atol=1e-9)
    assert measured.settings["dtype"] == str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("way", ["_add_by_product", "_add_by_reduction"])
def test_the_ways_of_cpu_and_other_devices_agree_with_float64(way, dtype):
    g = torch.Generator().manual_seed(0)
    values = (torch.randn(1000, 33, generator=g) * 100).to(dtype)
    values[:, 5] = 0
    values[7] = torch.nan  # not counted: padding may hold anything
    rows = torch.tensor([r for r in range(1000) if r % 7])
    sums = Sums.zeros(33, torch.device("cpu"))
    for part in rows.split(600):
        getattr(sums, way)(values, part)
    x = values[rows].double()
    assert torch.equal(sums.active, (x > 0).sum(0))
    for found, expected in zip(sums.sums, (x.sum(0), x.square().sum(0), x.clamp(min=0).sum(0))):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-2)


def test_the_sample_is_kept_in_the_models_dtype():
    counter = Counter()
    counter.begin(torch.tensor([1, 2]), torch.tensor([2]))
    counter.see(0, "ffn.act", torch.arange(9.0, dtype=torch.bfloat16).reshape(1, 3, 3))
    counter.end()
    assert counter.result()["ffn.act.sample"].dtype == torch.bfloat16
    assert counter.result()["ffn.act.sample"].tolist() == [[[6, 7, 8]]]


# Constants


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(0, 2**31), st.sampled_from(["mixed", "positive", "negative", "zero"]))
def test_medians_equal_numpys(tokens, seed, kind):
    values = np.random.default_rng(seed).standard_normal((tokens, 5)).astype(np.float32).round(1)
    values = {"mixed": values, "positive": abs(values) + 1, "negative": -abs(values), "zero": values * 0}[kind]
    every, active = medians(torch.from_numpy(values))
    np.testing.assert_allclose(every, np.median(values, axis=0), rtol=1e-6, atol=1e-7)
    expected = [np.median(column[column > 0]) if (column > 0).any() else 0 for column in values.T]
    np.testing.assert_allclose(active, expected, rtol=1e-6)


def test_a_median_of_a_sample_lies_within_the_documented_error():
    total, wanted = 200_000, 1024
    values = torch.rand(total, 20, generator=torch.Generator().manual_seed(1))
    every, _ = medians(values[torch.from_numpy(sampled_tokens(total, wanted, 0, "zh"))])
    assert (every - 0.5).abs().max() < 4 * 0.5 / math.sqrt(wanted)  # of a uniform value, value and rank are the same


def test_constants_over_active_tokens_and_the_deviation():
    model, read = build("llama"), documents(count=40)
    found = collect_sites(model, read)["ffn.act"]
    kinds = found.constants()
    assert list(kinds) == ["mean", "median", "diff", "active_mean", "active_median", "active_diff"]
    for k, layers in enumerate(by_hand(model, read, "ffn.act").values()):
        for layer, values in enumerate(layers):
            for j in range(0, values.shape[1], 7):
                active = values[values[:, j] > 0, j].numpy()
                expected = {"active_mean": active.mean(), "active_median": np.median(active)} if len(active) else {}
                for kind, value in expected.items():
                    assert float(kinds[kind][layer, j, k]) == pytest.approx(value, rel=1e-3, abs=1e-5)
                assert float(found.deviation[layer, j, k]) == pytest.approx(
                    values[:, j].numpy().std(), rel=1e-3, abs=1e-5
                )
    torch.testing.assert_close(
        kinds["active_diff"][..., 0], kinds["active_mean"][..., 0] - kinds["active_mean"][..., 1]
    )


# How documents are parted


lengths_lists = st.lists(st.integers(2, 60), min_size=1, max_size=80).map(lambda of: np.array(of, dtype=np.int64))


@settings(max_examples=100)
@given(lengths_lists, st.integers(1, 100), st.integers(1, 40))
def test_shards_and_batches_part_every_document_once(lengths, most, shard_tokens):
    kept = _batches.SHARD_TOKENS
    _batches.SHARD_TOKENS = shard_tokens
    try:
        parted = shards(lengths)
    finally:
        _batches.SHARD_TOKENS = kept
    assert [n for shard in parted for n in shard] == list(range(len(lengths)))
    assert 1 <= len(parted) <= _batches.MOST_SHARDS and all(len(shard) for shard in parted)
    for shard in parted:
        groups = batches(lengths, shard, most)
        assert sorted(n for group in groups for n in group) == list(shard)
        for group in groups:
            longest = max(lengths[n] for n in group)
            assert lengths[group[0]] == longest and (len(group) == 1 or longest * len(group) <= most)


@settings(max_examples=100)
@given(st.integers(1, 5000), st.integers(0, 300), st.integers(0, 3))
def test_sampled_tokens_are_distinct_and_spread(total, wanted, seed):
    chosen = sampled_tokens(total, wanted, seed, "zh")
    assert len(chosen) == len(set(chosen.tolist())) == min(total, wanted)
    assert (np.diff(chosen) > 0).all() and (not len(chosen) or (chosen[0] >= 0 and chosen[-1] < total))
    if wanted and total > wanted:
        assert (chosen * wanted // total <= np.arange(wanted)).all()
        assert (np.abs(chosen / total - (np.arange(wanted) + 0.5) / wanted) <= 1 / wanted + 1 / total).all()


def test_the_draw_of_the_sample_is_fixed():
    assert sampled_tokens(10**9, 3, 0, "zh").tolist() == [128457656, 532212733, 851198189]


@settings(max_examples=100)
@given(lengths_lists, st.integers(0, 50), st.data())
def test_every_sampled_token_is_found_in_its_document(lengths, wanted, data):
    total = int((lengths - 1).sum())
    chosen = sampled_tokens(total, wanted, 0, "zh")
    places = [(n, at) for n, length in enumerate(lengths) for at in range(1, length)]
    cut = data.draw(st.integers(0, len(lengths)))
    found = []
    for shard in (range(cut), range(cut, len(lengths))):
        found += [(n, int(at)) for n, of in zip(shard, sampled_of(lengths, chosen, shard)) for at in of]
    assert found == [places[t] for t in chosen]


def test_positions_that_count_with_padding_on_either_side():
    mask = torch.tensor([[1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]])
    assert counted_rows(mask).tolist() == [1, 2, 7, 9, 10, 11]


# Interruption


class Interrupted(Exception):
    pass


def same(one, other):
    return all(
        torch.equal(getattr(one[site], name), getattr(other[site], name))
        for site in one
        for name in ("tokens", "active", "total", "squares", "active_total", "median", "active_median")
    )


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(_batches, "SHARD_TOKENS", 60)


def test_a_pass_that_is_interrupted_anywhere_resumes_to_the_same_bits(tmp_path, small_shards, monkeypatch):
    model, read = build("llama"), documents(count=40)
    sites = ("ffn.act", "attn.q")
    undisturbed = collect_sites(model, read, sites=sites, sample=50)
    writes, total = [], sum(len(shards(read[language].lengths())) + 1 for language in read)
    assert total >= 8
    told = []
    write = ShardStore.write

    def failing(self, language, number, tensors):
        if len(writes) == stop:
            raise Interrupted
        writes.append((language, number))
        write(self, language, number, tensors)

    for stop in range(0, total, 3):
        writes.clear()
        folder = tmp_path / str(stop)
        with monkeypatch.context() as patched:
            patched.setattr(ShardStore, "write", failing)
            with pytest.raises(Interrupted):
                collect_sites(model, read, sites=sites, sample=50, store=ShardStore(folder, {}))
        told.clear()
        resumed = collect_sites(
            model, read, sites=sites, sample=50, store=ShardStore(folder, {}), done=lambda *of: told.append(of)
        )
        assert same(undisturbed, resumed)
        assert any(resumed for _, _, resumed in told) == bool(stop)
        for language, tokens in read.tokens.items():
            assert sum(new for of, new, _ in told if of == language) == tokens  # the bar is full at the end
        assert len(list(folder.glob("*.shard"))) == 2  # one joined shard a language is all that stays


def test_a_full_disk_in_the_middle_keeps_what_is_done(tmp_path, small_shards, monkeypatch):
    model, read = build("llama"), documents(count=40)
    fsync, calls = __import__("os").fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device; free space"):
        collect_sites(model, read, store=ShardStore(tmp_path / "s", {}))
    assert len(list((tmp_path / "s").glob("*.shard"))) == 2 and not list((tmp_path / "s").glob(".*"))
    assert same(collect_sites(model, read), collect_sites(model, read, store=ShardStore(tmp_path / "s", {})))


def test_batches_and_shards_change_nothing_but_rounding(small_shards):
    model, read = build("llama"), documents(count=40)
    one, other = (
        collect_sites(model, read, batch_size=1)["ffn.act"],
        collect_sites(model, read, batch_size=16)["ffn.act"],
    )
    assert torch.equal(one.active, other.active)
    torch.testing.assert_close(one.total, other.total, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(one.median, other.median, atol=1e-6, rtol=1e-5)


# Where models live, and what they lack


def test_a_model_spread_by_device_map_with_layers_offloaded(tmp_path):
    from accelerate import dispatch_model

    model, read = build("llama"), documents()
    expected = collect_sites(model, read, sites=("ffn.act", "attn.v"))
    places = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu"}
    places |= {f"model.layers.{n}": "disk" if n == 1 else "cpu" for n in range(len(model.model.layers))}
    spread = dispatch_model(model, places, main_device="cpu", offload_dir=tmp_path)
    assert spread.model.layers[1].mlp.gate_proj.weight.is_meta
    assert same(expected, collect_sites(spread, read, sites=("ffn.act", "attn.v")))


def test_no_head_is_computed():
    model, read = build("llama"), documents()
    model.lm_head.register_forward_hook(lambda *_: pytest.fail("the head was computed"))
    collect_sites(model, read)


def test_nothing_of_the_pass_stays_on_the_model():
    model = build("llama")
    collect_sites(model, documents())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_site_that_is_none_is_one_sentence():
    with pytest.raises(SpecError, match="unknown site"):
        collect_sites(build("llama"), documents(), sites=("ffn.gate",))


@pytest.mark.parametrize(
    ("widths", "says"),
    [
        ({"ffn.act": 40}, r"this model has no site 'attn.q': it has ffn.act"),
        ({"ffn.act": 40, "attn.q": (32, 32, 16)}, r"the layers differ in width at attn.q.*; leave attn.q out"),
    ],
)
def test_a_site_that_the_architecture_lacks_is_one_sentence(monkeypatch, widths, says):
    monkeypatch.setattr(_watch, "architecture_of", lambda model: Architecture(3, widths))
    with pytest.raises(SpecError, match=says):
        collect_sites(build("llama"), documents(), sites=("ffn.act", "attn.q"))


def test_fused_experts_are_refused_before_anything_runs_and_attention_beside_them_is_counted():
    model, read = build("qwen2_moe"), documents()
    model.model.embed_tokens.register_forward_hook(lambda *_: pytest.fail("the model ran"))
    for site in ("ffn.act", "ffn.hidden"):
        with pytest.raises(UnsupportedArchitectureError, match=rf"{site} of model_type 'qwen2_moe'.*fused experts"):
            collect_sites(model, read, sites=site)
    model = build("qwen2_moe")
    measured, expected = collect_sites(model, read, sites="attn.v")["attn.v"], by_hand(model, read, "attn.v")
    for k, layers in enumerate(expected.values()):
        for layer, values in enumerate(layers):
            torch.testing.assert_close(measured.total[layer, :, k], values.sum(0), atol=2e-4, rtol=1e-4)


def test_a_model_that_computes_infinities_is_one_sentence_and_nothing_of_it_is_kept(tmp_path):
    sound, broken, store = build("llama"), build("llama"), ShardStore(tmp_path / "s", {})
    with torch.no_grad():
        broken.model.layers[1].mlp.gate_proj.weight[3] = torch.inf
    with pytest.raises(DataError, match=r"no finite numbers at ffn.act of layer 1 on the corpus of 'x-a'"):
        collect_sites(broken, documents(), store=store)
    assert same(collect_sites(sound, documents(), store=store), collect_sites(sound, documents()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_counts_as_the_cpu_does():
    model, read = build("llama"), documents(count=40)
    here = collect_sites(model, read, sites=("ffn", "attn"))
    there = collect_sites(model.cuda(), read, sites=("ffn", "attn"))
    for site in here:
        assert (here[site].active - there[site].active).abs().max() <= 2  # a value at 0 may be rounded to either side
        torch.testing.assert_close(here[site].total, there[site].total, atol=1e-2, rtol=1e-3)
        torch.testing.assert_close(here[site].median, there[site].median, atol=1e-4, rtol=1e-3)
