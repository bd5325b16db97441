"""Counts and sums against a recomputation from the model's own weights; padding and first positions never count."""

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

import lnbench
from lnbench.detection import collect, detect_lape, read_documents, token_batches
from lnbench.errors import DataError
from lnbench.models import observed
from tests.models.tiny import FAMILIES, build


@pytest.fixture(scope="module")
def llama():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=60, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def batch(seed, lengths=(9, 6, 4)):
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, 60, (len(lengths), max(lengths)), generator=g)
    mask = torch.tensor([[1] * n + [0] * (max(lengths) - n) for n in lengths])
    return ids * mask, mask


def activations_by_hand(model, ids):
    """Layer by layer from hidden states: what goes into each block's MLP, through its gate and SiLU."""
    seen = []
    for layer in model.model.layers:
        layer.post_attention_layernorm.register_forward_hook(lambda m, i, o: seen.append(o))
    with torch.no_grad():
        model(input_ids=ids)
    for layer in model.model.layers:
        layer.post_attention_layernorm._forward_hooks.clear()
    return [torch.nn.functional.silu(h @ layer.mlp.gate_proj.weight.T) for h, layer in zip(seen, model.model.layers)]


def test_counts_and_sums_equal_a_recomputation_per_document(llama):
    batches = {"a": [batch(1), batch(2)], "b": [batch(3)]}
    found = collect(llama, batches)
    assert found.languages == ("a", "b")
    for k, listed in enumerate(batches.values()):
        active, total, tokens = torch.zeros(2, 24), torch.zeros(2, 24, dtype=torch.float64), 0
        for ids, mask in listed:
            for row, kept in zip(ids, mask):
                n = int(kept.sum())  # one document at a time: no padding at all
                for layer, a in enumerate(activations_by_hand(llama, row[None, :n])):
                    active[layer] += (a[0, 1:] > 0).sum(0)
                    total[layer] += a[0, 1:].double().sum(0)
                tokens += n - 1
        assert found.tokens[k] == tokens
        assert torch.equal(found.active[..., k], active.long())
        torch.testing.assert_close(found.total[..., k], total, atol=1e-5, rtol=1e-5)


def test_order_of_documents_does_not_matter(llama):
    ids, mask = batch(4)
    forward, backward = (collect(llama, {"a": [(ids[o], mask[o])], "b": [batch(5)]}) for o in ([0, 1, 2], [2, 1, 0]))
    assert torch.equal(forward.active, backward.active)


def test_diff_is_against_the_mean_of_the_others(llama):
    found = collect(llama, {"a": [batch(1)], "b": [batch(2)], "c": [batch(3)]})
    m = found.mean
    torch.testing.assert_close(found.diff[..., 1], m[..., 1] - (m[..., 0] + m[..., 2]) / 2)


def test_an_ungated_model_is_watched_after_its_activation():
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=60, n_embd=16, n_layer=2, n_head=2, n_positions=64)).eval()
    seen = {}
    with observed(model, ["ffn.act"], lambda layer, site, values: seen.setdefault(layer, values)), torch.no_grad():
        model(input_ids=batch(1)[0])
    assert seen[1].shape == (3, 9, 64)
    model.transformer.h[1].mlp.c_proj.register_forward_pre_hook(lambda m, i: seen.setdefault("down", i[0]))
    with torch.no_grad():
        model(input_ids=batch(1)[0])
    assert torch.equal(seen[1], seen["down"])


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_architecture_counts_a_padded_batch_as_its_documents_alone(family):
    model = build(family)
    ids, mask = batch(1)
    together = collect(model, {"a": [(ids, mask)]})
    alone = collect(model, {"a": [(row[None, :n], kept[None, :n]) for row, kept, n in zip(ids, mask, mask.sum(1))]})
    assert together.tokens.tolist() == alone.tokens.tolist() == [8 + 5 + 3]
    assert torch.equal(together.active, alone.active)
    torch.testing.assert_close(together.total, alone.total, atol=1e-5, rtol=1e-5)


def test_detected_set_knows_its_model_and_its_constants(llama):
    found = collect(llama, {"a": [batch(1)], "b": [batch(2)]})
    made = detect_lape(llama, found, model_id="org/tiny", top_rate=0.2, filter_rate=0.5, bar_rate=0.5)
    assert made.header.model == "org/tiny"
    assert made.header.architecture.widths["ffn.act"] == 24
    assert len(made) > 0
    for kind, expected in (("mean", found.mean), ("diff", found.diff)):
        values = made.statistic(kind, "b", "a", "ffn.act")
        for layer, (indices, row) in enumerate(zip(made.indices("a", "ffn.act"), values)):
            np.testing.assert_allclose(row, expected[layer, indices, 1].numpy(), rtol=1e-6)
    shares = (found.active[..., 1] / found.tokens[1]).numpy()
    np.testing.assert_allclose(made.frequency["ffn.act"][1], shares, rtol=1e-6)
    with torch.no_grad(), lnbench.ablate(llama, made, lang="a", spec="set:mean:b"):
        changed = llama(input_ids=batch(1)[0]).logits
    with torch.no_grad():
        assert not torch.equal(changed, llama(input_ids=batch(1)[0]).logits)


def test_documents_are_parted_by_blank_lines(tmp_path):
    path = tmp_path / "zh.txt"
    path.write_text("一\n二\n\n三\n \n四\n\n", encoding="utf-8")
    assert read_documents(path) == ["一\n二", "三", "四"]


@pytest.mark.parametrize(
    ("content", "says"), [(None, "no corpus"), (b"\xff\xfe\x00", "not UTF-8"), (b"\n \n", "no text")]
)
def test_unusable_corpora_are_one_sentence(tmp_path, content, says):
    path = tmp_path / "x.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_documents(path)


def test_batches_pad_right_and_cut_long_documents():
    class Letters:
        pad_token_id = 0

        def __call__(self, text, truncation, max_length):
            return {"input_ids": [ord(c) for c in text][:max_length]}

    batches = list(token_batches(Letters(), ["abc", "a", "abcdef"], batch_size=2, max_length=4))
    assert [ids.tolist() for ids, _ in batches] == [[[97, 0, 0], [97, 98, 99]], [[97, 98, 99, 100]]]
    assert batches[0][1].tolist() == [[1, 0, 0], [1, 1, 1]]
