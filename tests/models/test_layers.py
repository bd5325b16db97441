"""Layer selectors against the layer numbers that a reader expects."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lnbench.errors import SpecError
from lnbench.models import select_layers


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("all", range(12)),
        ("first:3", [0, 1, 2]),
        ("last:2", [10, 11]),
        ("middle", [4, 5, 6, 7]),
        ("0-2+7", [0, 1, 2, 7]),
        ("7 + 0-2", [0, 1, 2, 7]),
        ("first:2+last:1", [0, 1, 11]),
        ("5", [5]),
        (5, [5]),
        ([3, "1-2", 3], [1, 2, 3]),
        ("11-11", [11]),
        ("first:12", range(12)),
    ],
)
def test_selectors(selector: object, expected: object) -> None:
    assert select_layers(selector, 12) == tuple(expected)  # type: ignore[arg-type, call-overload]


@pytest.mark.parametrize(("layers", "expected"), [(1, [0]), (2, [0, 1]), (3, [1]), (7, [2, 3, 4]), (32, range(10, 22))])
def test_middle_is_what_both_outer_thirds_leave(layers: int, expected: object) -> None:
    assert select_layers("middle", layers) == tuple(expected)  # type: ignore[call-overload]


def test_stages_of_the_multilingual_workflow() -> None:
    assert select_layers("understanding", 10, n1=2, n2=3) == (0, 1)
    assert select_layers("solving", 10, n1=2, n2=3) == (2, 3, 4, 5, 6)
    assert select_layers("generation", 10, n1=2, n2=3) == (7, 8, 9)
    assert select_layers("understanding+generation", 10, n1=2, n2=3) == (0, 1, 7, 8, 9)


@settings(deadline=None)
@given(st.integers(1, 80).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n), st.integers(1, n))))
def test_stages_partition_the_model(sizes: tuple[int, int, int]) -> None:
    layers, n1, n2 = sizes
    if n1 + n2 >= layers:
        return
    parts = [select_layers(stage, layers, n1=n1, n2=n2) for stage in ("understanding", "solving", "generation")]
    assert sum(parts, ()) == tuple(range(layers))


@pytest.mark.parametrize(
    ("selector", "counts", "words"),
    [
        ("12", {}, ["'12'", "12 layers, 0-11"]),
        ("0-12", {}, ["'0-12'", "0-11"]),
        ("first:13", {}, ["'first:13'", "0-11"]),
        ("last:13", {}, ["'last:13'", "0-11"]),
        ("first:99999999999999999999", {}, ["reaches outside"]),
        ("first:0", {}, ["'first:0'", "selects none"]),
        ("last:0", {}, ["selects none"]),
        ("7-3", {}, ["'7-3'", "write the range as 3-7"]),
        ("frist:3", {}, ["'frist:3'", "first:N", "middle"]),
        ("-1", {}, ["'-1'", "first:N"]),
        ("1++2", {}, ["''", "first:N"]),
        ("", {}, ["empty", "first:N"]),
        ([], {}, ["empty"]),
        (True, {}, ["True"]),
        (2.5, {}, ["2.5"]),
        (None, {}, ["None"]),
        ("understanding", {}, ["n1", "understanding"]),
        ("generation", {"n1": 3}, ["n2", "generation"]),
        ("solving", {"n1": 3}, ["n2", "solving"]),
        ("solving", {"n1": 6, "n2": 6}, ["selects none"]),
        ("solving", {"n1": 7, "n2": 6}, ["n1=7", "n2=6", "12 layers"]),
        ("first:3", {"n1": 7}, ["n1", "no effect", "first:3"]),
    ],
)
def test_refusals_name_the_value_and_what_exists(selector: object, counts: dict[str, int], words: list[str]) -> None:
    with pytest.raises(SpecError) as refusal:
        select_layers(selector, 12, **counts)  # type: ignore[arg-type]
    for word in words:
        assert word in str(refusal.value)
