import copy
import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import LnbenchError, ModelMismatchError, NeuronSetError, SpecError, UnknownLanguageError
from lnbench.neurons import SITES, Architecture, Header, NeuronSet, Rows, target_hash
from tests.neurons.conftest import TINY, full_set, neuron_sets, quick


def test_from_indices_gives_the_indices_back():
    made = NeuronSet.from_indices({"zh": {"attn.q": {2: [5]}, "ffn.act": [[7, 3], [], [1]]}, "fr": {}})
    assert made.languages == ("zh", "fr") and made.sites == ("ffn.act", "attn.q")
    assert made.layers == 3 and len(made) == 4
    assert [a.tolist() for a in made.indices("zh", "ffn.act")] == [[3, 7], [], [1]]
    assert [a.tolist() for a in made.indices("zh", "attn.q")] == [[], [], [5]]
    assert [a.tolist() for a in made.indices("fr", "ffn.act")] == [[], [], []]
    assert all(a.dtype == np.int64 for a in made.indices("fr", "attn.o"))


def test_trailing_languages_and_layers_without_neurons_keep_their_places():
    made = NeuronSet.from_indices({"en": {"ffn.act": [[1], [], []]}, "ja": {"ffn.act": [[], [], []]}})
    assert made.languages == ("en", "ja") and len(made.indices("ja", "ffn.act")) == 3
    assert NeuronSet.from_indices({"en": {}}, architecture=TINY).layers == 3
    assert NeuronSet.from_indices({"en": {}}, layers=5).layers == 5


@pytest.mark.parametrize("kind", [list, tuple, set, np.array, lambda v: np.array(v, np.uint8), range])
def test_indices_may_come_in_any_container(kind):
    values = range(3, 6) if kind is range else kind([5, 3, 4])
    made = NeuronSet.from_indices({"zh": {"ffn.act": [values]}})
    assert made.indices("zh", "ffn.act")[0].tolist() == [3, 4, 5]


def test_indices_may_come_as_tensors():
    torch = pytest.importorskip("torch")
    made = NeuronSet.from_indices({"zh": {"ffn.act": [torch.tensor([5, 3]), torch.tensor([], dtype=torch.long)]}})
    assert [a.tolist() for a in made.indices("zh", "ffn.act")] == [[3, 5], []]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"zh": {"ffn.act": [[3, 3]]}}, r"language 'zh', site 'ffn\.act', layer 0, index 3\) is listed twice"),
        ({"zh": {"ffn.act": [[-1]]}}, "holds -1"),
        ({"zh": {"ffn.act": [[2**40]]}}, "holds 1099511627776"),
        ({"zh": {"ffn.act": [[1.0]]}}, r"whole numbers, not \[1\.0\]"),
        ({"zh": {"ffn.act": [["1"]]}}, "whole numbers"),
        ({"zh": {"ffn.act": [[True]]}}, "whole numbers"),
        ({"zh": {"ffn.act": [[10**30]]}}, "whole numbers"),
        ({"zh": {"ffn.act": [[[1], [2, 3]]]}}, "whole numbers"),
        ({"zh": {"ffn.act": [3, 7]}}, "layer 0 must be a flat list"),
        ({"zh": {"ffn.act": "37"}}, "one list of indices per layer, not '37'"),
        ({"zh": {"ffn.act": 3}}, "one list of indices per layer, not 3"),
        ({"zh": {"ffn.act": {-1: [3]}}}, "layers of 'zh' at ffn.act holds -1"),
        ({"zh": {"ffn.act": {10**6: [3]}}}, "no model has more than 4096"),
        ({"zh": {"mlp": [[3]]}}, "unknown site 'mlp': the sites are ffn.act"),
        ({"zh": [[3]]}, "dict from site to layers"),
        ({False: {"ffn.act": [[3]]}}, "YAML reads a bare `no`"),
        ({True: {"ffn.act": [[3]]}}, "YAML reads a bare `yes`"),
        ({3: {}}, "language 3 is not text"),
        ({"": {}}, "'' cannot be a label"),
        ({" zh": {}}, "' zh' cannot be a label"),
        ({"a\tb": {}}, "cannot be a label"),
        ({"a\nb": {}}, "cannot be a label"),
        ({"\ud800": {}}, "cannot be a label"),
    ],
)
def test_bad_rows_are_refused_in_one_sentence(mapping, says):
    with pytest.raises(NeuronSetError, match=says) as error:
        NeuronSet.from_indices(mapping)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("label", ["culture:da", "zh-Hant", "中文", "no", "x\u200cy", "en fr", "🙂"])
def test_any_label_will_do(label):
    assert NeuronSet.from_indices({label: {"ffn.act": [[1]]}}).languages == (label,)


def test_indices_are_held_to_the_architecture():
    with pytest.raises(NeuronSetError, match=r"index 16\) lies outside the set's own architecture, which has 16"):
        NeuronSet.from_indices({"zh": {"ffn.act": [[3, 16]]}}, architecture=TINY)
    with pytest.raises(NeuronSetError, match=r"site 'attn\.o'.*whose sites are ffn\.act"):
        NeuronSet.from_indices({"zh": {"attn.o": [[3]]}}, architecture=TINY)
    with pytest.raises(NeuronSetError, match="speaks of 4 layers, and its architecture has 3"):
        NeuronSet.from_indices({"zh": {"ffn.act": [[], [], [], []]}}, architecture=TINY)


def test_a_duplicate_label_is_refused():
    rows = Rows(*(np.zeros(0, int) for _ in range(4)))
    with pytest.raises(NeuronSetError, match="'zh' is listed twice"):
        NeuronSet(rows, ["zh", "zh"], SITES)
    with pytest.raises(NeuronSetError, match="must be a list, not the text 'zh'"):
        NeuronSet(rows, "zh", SITES)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scores": [1, 2, 3]}, r"scores must be numbers of shape \(5,\)"),
        ({"scores": [1, 2, 3, 4, float("nan")]}, r"scores holds nan at \(4,\)"),
        ({"scores": [1, 2, 3, 4, 1e300]}, "scores holds inf"),
        ({"scores": ["a"] * 5}, "must be numbers"),
        ({"statistics": {"mean": np.zeros((5, 2))}}, r"mean must be numbers of shape \(5, 3\)"),
        ({"statistics": {"me an": np.zeros((5, 3))}}, "statistic is called 'me an'"),
        ({"statistic_languages": []}, "mean, diff: name the languages of the text in statistic_languages"),
        ({"statistic_languages": [], "statistics": None}, "frequency: name the languages"),
        ({"statistic_languages": ["a", "b", "a"]}, "'a' is listed twice"),
        (
            {"frequency": {"ffn.act": np.zeros((3, 3, 15))}},
            r"frequency of ffn.act must be numbers of shape \(3, 3, 16\)",
        ),
        ({"frequency": {"ffn.act": np.full((3, 3, 16), 1.5)}}, "must lie in 0..1"),
        ({"frequency": {"mlp": np.zeros((3, 3, 16))}}, "unknown site 'mlp'"),
        ({"layers": 4}, "speaks of 4 layers"),
    ],
)
def test_tables_of_a_wrong_shape_or_value_are_refused(changes, says):
    with pytest.raises(NeuronSetError, match=says):
        full_set(**changes)


def test_nothing_can_be_changed(neurons):
    with pytest.raises(AttributeError, match="cannot be changed"):
        neurons.languages = ("en",)
    with pytest.raises(AttributeError):
        del neurons.languages
    with pytest.raises(TypeError, match="changed"):
        neurons.header.parameters["rate"] = 1
    with pytest.raises(TypeError, match="changed"):
        neurons.statistics["mean"] = 1
    arrays = [*neurons.rows().columns, neurons.scores, neurons.statistics["mean"], neurons.frequency["ffn.act"]]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_set_does_not_share_memory_with_what_it_was_made_from():
    scores, parameters = np.zeros(5, np.float32), {"list": [1]}
    made = full_set(scores=scores, header=Header(parameters=parameters))
    scores[0], parameters["list"][0] = 9, 9
    assert made.scores[0] == 0 and made.header.parameters["list"] == (1,)
    made.indices("zh", "ffn.act")[0][0] = 99
    assert made.indices("zh", "ffn.act")[0].tolist() == [3]


def test_rows_are_sorted_and_what_is_measured_goes_with_them():
    rows = Rows(np.array([1, 0, 0]), np.array([0, 1, 0]), np.array([0, 1, 1]), np.array([2, 4, 3]))
    made = NeuronSet(
        rows, ["zh", "fr"], ["attn.q", "ffn.act"], scores=[0.1, 0.2, 0.3], statistic_languages=["zh"],
        statistics={"mean": [[1], [2], [3]]},
    )  # fmt: skip
    assert made.sites == ("ffn.act", "attn.q")
    assert np.stack(made.rows().columns, 1).tolist() == [[0, 0, 1, 4], [0, 1, 1, 3], [1, 1, 0, 2]]
    assert made.scores.tolist() == pytest.approx([0.2, 0.3, 0.1])
    assert [a.tolist() for a in made.statistic("mean", "zh", "fr", "attn.q")] == [[1], []]


def test_statistics_are_aligned_with_indices(neurons):
    for language in neurons.languages:
        for site in neurons.sites:
            values = neurons.statistic("diff", "en", language, site)
            assert [len(v) for v in values] == [len(i) for i in neurons.indices(language, site)]
    rows = neurons.rows()
    row = np.flatnonzero((rows.language_id == 1) & (rows.layer == 2))[0]
    assert neurons.statistic("mean", "fr", "fr", "ffn.act")[2][0] == neurons.statistics["mean"][row, 1]


@pytest.mark.parametrize(("kind", "of"), [("median", "zh"), ("mean", "de")])
def test_a_missing_statistic_says_how_to_get_it(neurons, kind, of):
    with pytest.raises(SpecError, match=f"'{kind}:{of}'.*lnbench neurons stats"):
        neurons.statistic(kind, of, "zh", "ffn.act")


def test_unknown_names_are_refused(neurons):
    with pytest.raises(UnknownLanguageError, match="no language 'de': it has zh, fr"):
        neurons.indices("de", "ffn.act")
    with pytest.raises(UnknownLanguageError, match="YAML"):
        neurons.indices(False, "ffn.act")
    with pytest.raises(SpecError, match="unknown site 'mlp'"):
        neurons.indices("zh", "mlp")
    with pytest.raises(SpecError, match="no layer 3: it has layers 0 to 2"):
        neurons.count(layer=3)


@quick
@given(neuron_sets())
def test_counts_add_up(made):
    by_site = [made.count(language, site) for language in made.languages for site in made.sites]
    assert sum(by_site) == len(made) == sum(made.count(layer=layer) for layer in range(made.layers))
    for language in made.languages:
        assert made.count(language) == sum(len(a) for site in SITES for a in made.indices(language, site))


def test_the_content_hash_is_what_the_documentation_says(neurons):
    text = (
        "lnbench neurons 1\n"
        "fr\tffn.act\t0\t3\nfr\tffn.act\t2\t0\n"
        "zh\tattn.q\t1\t1\nzh\tffn.act\t0\t3\nzh\tffn.act\t2\t7\n"
    )
    assert neurons.content_hash == hashlib.sha256(text.encode()).hexdigest()
    empty = NeuronSet.from_indices({"zh": {}})
    assert empty.content_hash == hashlib.sha256(b"lnbench neurons 1\n").hexdigest()


def test_layers_are_ordered_as_numbers_and_indices_too():
    made = NeuronSet.from_indices({"zh": {"ffn.act": {10: [10, 9], 2: [1]}}})
    text = "lnbench neurons 1\nzh\tffn.act\t2\t1\nzh\tffn.act\t10\t9 10\n"
    assert made.content_hash == hashlib.sha256(text.encode()).hexdigest()


@quick
@given(neuron_sets(), st.randoms(use_true_random=False))
def test_the_content_hash_depends_on_the_rows_alone(made, random):
    order = list(made.languages)
    random.shuffle(order)
    mapping = {
        label: {site: [a[::-1] for a in made.indices(label, site)] for site in random.sample(SITES, 6)}
        for label in order
    }
    again = NeuronSet.from_indices(mapping | {"unused": {}}, method="other")
    assert again.content_hash == made.content_hash


@quick
@given(neuron_sets(plain=True), neuron_sets(plain=True))
def test_other_rows_have_another_hash(a, b):
    def table(s):
        layers = [(x, y, n, v) for x in s.languages for y in s.sites for n, v in enumerate(s.indices(x, y))]
        return {(x, y, n, i) for x, y, n, v in layers for i in v.tolist()}

    assert (a.content_hash == b.content_hash) == (table(a) == table(b))


def test_a_target_is_hashed_with_an_empty_language():
    text = "lnbench neurons 1\n\tattn.q\t0\t1\n\tffn.act\t3\t2 5\n"
    target = {("ffn.act", 3): [5, 2], ("attn.q", 0): np.array([1]), ("attn.k", 0): []}
    assert target_hash(target) == hashlib.sha256(text.encode()).hexdigest()


def test_a_set_that_fits_passes(neurons):
    neurons.check(TINY)
    neurons.check(Architecture(3, {"ffn.act": 16, "attn.q": 8, "attn.o": 8}))  # sites that only one knows are no matter


@pytest.mark.parametrize(
    ("layers", "widths", "says"),
    [
        (3, {"ffn.act": 7, "attn.q": 8}, r"language 'zh', site 'ffn\.act', layer 2, index 7\).*7 neurons there"),
        (3, {"ffn.act": 16, "attn.q": 1}, r"language 'zh', site 'attn\.q', layer 1, index 1\).*1 neurons there"),
        (3, {"ffn.act": [16, 16, 7], "attn.q": 8}, r"layer 2, index 7\)"),
        (2, {"ffn.act": 16, "attn.q": 8}, r"site 'ffn\.act', layer 2, index 7\).*which has 2 layers"),
        (3, {"ffn.act": 16}, r"site 'attn\.q', layer 1, index 1\).*whose sites are ffn\.act"),
        (4, {"ffn.act": 16, "attn.q": 8}, r"counts 3 layers and this model has 4, first neuron \(language 'zh'"),
        (3, {"ffn.act": 32, "attn.q": 8}, r"counts 16 neurons at ffn\.act and this model has 32"),
    ],
)
def test_a_set_for_another_model_names_the_first_neuron_that_does_not_fit(neurons, layers, widths, says):
    with pytest.raises(ModelMismatchError, match=says) as error:
        neurons.check(Architecture(layers, widths))
    assert "org/tiny" in str(error.value) and "neuron (language 'zh'" in str(error.value)


def test_without_an_architecture_only_the_rows_are_checked():
    made = NeuronSet.from_indices({"zh": {"ffn.act": [[3]]}})
    made.check(Architecture(30, {"ffn.act": 4}))
    with pytest.raises(ModelMismatchError, match=r"layer 0, index 3\)"):
        made.check(Architecture(30, {"ffn.act": 3}))
    NeuronSet.from_indices({"zh": {}}).check(Architecture(1, {"ffn.act": 3}))


@quick
@given(neuron_sets())
def test_sets_can_be_copied_and_sent_to_other_processes(made):
    assert copy.deepcopy(made) == made == pickle.loads(pickle.dumps(made))


def test_equality_looks_at_everything(neurons):
    assert neurons == full_set() and hash(neurons) == hash(full_set())
    others = [
        full_set(scores=None),
        full_set(scores=np.zeros(5)),
        full_set(statistics=None),
        full_set(frequency=None),
        full_set(header=Header(architecture=TINY)),
    ]
    assert all(other != neurons and other.content_hash == neurons.content_hash for other in others)
    assert neurons != "neurons"


def test_repr_is_short_and_telling(neurons):
    assert repr(neurons) == f"NeuronSet(5 neurons of zh+fr at ffn.act+attn.q, lape, {neurons.content_hash[:12]})"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"modell": "x"}, "unknown header field 'modell'"),
        ({"method": 3}, "`method` must be text"),
        ({"revision": ""}, "`revision` must be text"),
        ({"history": "one"}, "`history` must be a list"),
        ({"history": 3}, "`history` must be a list"),
        ({"parameters": [1]}, "`parameters` must be a dict"),
        ({"parameters": {"a": float("nan")}}, r"parameters\.a is nan"),
        ({"parameters": {"a": object()}}, r"parameters\.a is <object"),
        ({"parameters": {False: 1}}, "the key False"),
        ({"corpus": "text"}, "`corpus` must be a dict"),
        ({"schema": "7.0"}, "format '7.0' cannot be made"),
    ],
)
def test_headers_hold_plain_json(fields, says):
    with pytest.raises(NeuronSetError, match=says):
        NeuronSet.from_indices({"zh": {}}, **fields)


def test_numpy_numbers_in_parameters_become_plain():
    made = NeuronSet.from_indices({"zh": {}}, parameters={"a": np.float32(0.5), "b": [np.int64(3)]})
    assert made.header.to_json()["parameters"] == {"a": 0.5, "b": [3]}
    assert type(made.header.parameters["a"]) is float


class FakeModel:
    class config:
        _name_or_path = "org/fake"
        _commit_hash = "abc"


def test_a_model_tells_its_architecture_name_and_commit(monkeypatch):
    monkeypatch.setattr("lnbench.neurons._reader._readers", [lambda model: TINY])
    made = NeuronSet.from_indices({"zh": {"ffn.act": [[3]]}}, model=FakeModel())
    assert made.header.architecture == TINY
    assert (made.header.model, made.header.revision) == ("org/fake", "abc")
    with pytest.raises(NeuronSetError, match="index 16"):
        NeuronSet.from_indices({"zh": {"ffn.act": [[16]]}}, model=FakeModel())


def test_a_model_that_nobody_can_read(monkeypatch):
    monkeypatch.setattr("lnbench.neurons._reader._readers", [])
    with pytest.raises(NeuronSetError, match="from a FakeModel here: pass architecture="):
        NeuronSet.from_indices({"zh": {}}, model=FakeModel())
    assert NeuronSet.from_indices({"zh": {}}, model="org/x").header.model == "org/x"


@quick
@given(
    st.dictionaries(
        st.text(max_size=3),
        st.dictionaries(
            st.text(max_size=4),
            st.lists(st.integers() | st.lists(st.integers() | st.floats() | st.text(max_size=2))) | st.none(),
            max_size=2,
        ),
        max_size=2,
    )
)
def test_any_mapping_gives_a_set_or_one_sentence(mapping):
    try:
        NeuronSet.from_indices(mapping)
    except LnbenchError as error:
        assert "\n" not in str(error)
