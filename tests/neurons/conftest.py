"""Small sets to work with, and a hypothesis strategy for any set."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from lnbench.neurons import SITES, Architecture, Header, NeuronSet, Rows

#: For property tests: a busy machine must not fail them.
quick = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

TINY = Architecture(3, {"ffn.act": 16, "ffn.hidden": 16, "attn.q": 8, "attn.k": 4}, "tiny")


def full_set(**changes) -> NeuronSet:
    """A set that has everything a set can have."""
    rng = np.random.default_rng(0)
    rows = Rows(*(np.array(column) for column in ([0, 0, 0, 1, 1], [0, 0, 1, 0, 0], [0, 2, 1, 0, 2], [3, 7, 1, 3, 0])))
    values = {
        "layers": 3,
        "header": Header(model="org/tiny", revision="abc", architecture=TINY, method="lape", parameters={"rate": 0.01}),
        "scores": np.arange(5) / 10,
        "statistic_languages": ["zh", "fr", "en"],
        "statistics": {kind: rng.normal(size=(5, 3)).astype(np.float32) for kind in ("mean", "diff")},
        "frequency": {"ffn.act": rng.random((3, 3, 16)).astype(np.float32)},
    }
    return NeuronSet(rows, ["zh", "fr"], ["ffn.act", "attn.q"], **{**values, **changes})


@pytest.fixture
def neurons() -> NeuronSet:
    return full_set()


LABELS = st.sampled_from(["zh", "en", "no", "culture:da", "zh-Hant", "中文", "a b", "x\u200cy", "all", "+", "ß"])
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def headers(draw, layers: int):
    architecture = None
    if draw(st.booleans()):
        widths = st.integers(20, 30) | st.lists(st.integers(20, 30), min_size=layers, max_size=layers)
        architecture = Architecture(layers, {site: draw(widths) for site in SITES})
    return Header(
        model=draw(st.none() | st.text(min_size=1, max_size=5)),
        architecture=architecture,
        method=draw(st.none() | st.just("lape")),
        parameters=draw(st.dictionaries(st.text(max_size=3), JSON, max_size=3)),
        corpus=draw(st.none() | st.dictionaries(st.text(max_size=3), JSON, max_size=2)),
        history=draw(st.lists(st.text(max_size=5), max_size=2)),
    )


@st.composite
def neuron_sets(draw, layers: int = 4, plain: bool = False):
    """Any set of `layers` layers; `plain` ones have no header and nothing measured."""
    languages = draw(st.lists(LABELS, unique=True, min_size=1, max_size=4))
    row = st.tuples(
        st.integers(0, len(languages) - 1), st.integers(0, 5), st.integers(0, layers - 1), st.integers(0, 19)
    )
    table = draw(st.lists(row, unique=True, max_size=20))
    rows = Rows(*np.array(table, np.int64).reshape(-1, 4).T)
    if plain:
        return NeuronSet(rows, languages, SITES, layers=layers)
    seen = draw(st.lists(LABELS, unique=True, max_size=3))
    seed = draw(st.integers(0, 2**32 - 1))
    rng, header = np.random.default_rng(seed), draw(headers(layers))
    width = header.architecture.widest("ffn.act") if header.architecture else 20
    return NeuronSet(
        rows,
        languages,
        SITES,
        layers=layers,
        header=header,
        scores=rng.normal(size=len(table)) if draw(st.booleans()) else None,
        statistic_languages=seen,
        statistics={"mean": rng.normal(size=(len(table), len(seen)))} if seen and draw(st.booleans()) else None,
        frequency={"ffn.act": rng.random((len(seen), layers, width))} if seen and draw(st.booleans()) else None,
    )
