"""Grouped queries: the map from query rows to key/value rows, and what the naive one gets wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import NeuronSetError
from lnbench.models import grouped_query_index, grouped_query_rows


def by_layout(heads: int, kv_heads: int, head_dim: int) -> np.ndarray:
    """Key/value row of every query row, from the layout that repeating key/value heads gives."""
    rows = np.arange(kv_heads * head_dim).reshape(kv_heads, 1, head_dim)
    return np.repeat(rows, heads // kv_heads, axis=1).ravel()


def test_the_naive_map_is_wrong_nearly_everywhere() -> None:
    heads, kv_heads, size = 32, 8, 128
    index = np.arange(heads * size)
    right = grouped_query_index(index, heads, kv_heads, size)
    assert np.array_equal(right, by_layout(heads, kv_heads, size))
    assert int((index // (heads // kv_heads) != right).sum()) == 4064


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 9))
def test_the_map_is_the_layout_of_repeated_heads(group: int, kv_heads: int, size: int) -> None:
    heads = group * kv_heads
    rows = grouped_query_index(np.arange(heads * size), heads, kv_heads, size)
    assert np.array_equal(rows, by_layout(heads, kv_heads, size))
    assert np.array_equal(np.bincount(rows), np.full(kv_heads * size, group)), "every row serves as many queries"


def test_one_index_and_no_grouping() -> None:
    assert grouped_query_index(300, 32, 8, 128) == 44
    assert grouped_query_index(77, 4, 4, 32) == 77


def test_a_set_maps_to_its_union_and_reports_the_count() -> None:
    rows = grouped_query_rows([[0, 4, 8, 9, 9], [], [31]], heads=8, kv_heads=2, head_dim=4)
    assert [list(layer) for layer in rows.indices] == [[0, 1], [], [7]]
    assert (rows.given, rows.kept) == (5, 3)
    assert str(rows) == "5 rows in query space are 3 key/value rows (2 shared)"


def test_a_shared_query_head_of_a_model_is_the_row_that_transformers_repeats() -> None:
    import torch
    from transformers.models.llama.modeling_llama import repeat_kv

    keys = torch.arange(2 * 4).reshape(1, 2, 1, 4)
    repeated = repeat_kv(keys, 3).reshape(-1)
    assert np.array_equal(repeated.numpy(), grouped_query_index(np.arange(24), 6, 2, 4))


@pytest.mark.parametrize(("index", "heads", "kv", "word"), [(32, 8, 2, "32"), (-1, 8, 2, "-1"), (0, 8, 3, "8 query")])
def test_bad_input_is_named(index: int, heads: int, kv: int, word: str) -> None:
    with pytest.raises(NeuronSetError, match=word):
        grouped_query_index(np.array([0, index]), heads, kv, 4)
