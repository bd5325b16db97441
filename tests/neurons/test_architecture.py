import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import NeuronSetError, SpecError
from lnbench.neurons import SITES, Architecture, Heads, expand_sites
from tests.neurons.conftest import quick


def test_short_site_names_are_written_out_in_order():
    assert expand_sites(["attn.q", "ffn"]) == ("ffn.act", "ffn.hidden", "attn.q")
    assert expand_sites("attn") == ("attn.q", "attn.k", "attn.v", "attn.o")
    assert expand_sites([]) == ()
    assert expand_sites(["ffn", "ffn.act", "ffn"]) == ("ffn.act", "ffn.hidden")


@pytest.mark.parametrize("bad", ["mlp", "", "FFN", None, 3])
def test_an_unknown_site_is_named_and_the_known_ones_listed(bad):
    with pytest.raises(SpecError, match=r"ffn\.act, ffn\.hidden, attn\.q.*ffn, attn") as error:
        expand_sites([bad])
    assert repr(bad) in str(error.value)


def test_the_fingerprint_is_what_the_documentation_says():
    text = '{"layers":2,"widths":{"attn.q":[8,4],"ffn.act":11008,"ffn.hidden":11008}}'
    made = Architecture(2, {"ffn.hidden": 11008, "ffn.act": 11008, "attn.q": (8, 4)}, "llama")
    assert made.fingerprint == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_equality_and_fingerprint_ignore_the_model_type():
    one, two = Architecture(2, {"ffn.act": 4}, "llama"), Architecture(2, {"ffn.act": (4, 4)}, "qwen2")
    assert one == two and hash(one) == hash(two) and one.fingerprint == two.fingerprint
    assert one != Architecture(2, {"ffn.act": (4, 5)})
    assert one.fingerprint != Architecture(2, {"ffn.act": (4, 5)}).fingerprint


def test_widths_per_layer():
    made = Architecture(2, {"ffn.act": [4, 6]})
    assert (made.width("ffn.act", 0), made.width("ffn.act", 1), made.widest("ffn.act")) == (4, 6, 6)
    assert made.widest("attn.q") == 0


def test_asking_for_what_a_model_lacks():
    made = Architecture(2, {"ffn.act": 4})
    with pytest.raises(SpecError, match=r"no site 'attn\.q': it has ffn\.act"):
        made.width("attn.q")
    with pytest.raises(SpecError, match="no layer 2: it has layers 0 to 1"):
        made.width("ffn.act", 2)


@pytest.mark.parametrize(
    ("layers", "widths", "says"),
    [
        (0, {"ffn.act": 4}, "layers of an architecture must be a whole number"),
        (True, {"ffn.act": 4}, "not True"),
        (2.0, {"ffn.act": 4}, "not 2.0"),
        (10**15, {"ffn.act": 4}, "from 1 to 4096"),
        (2, {"ffn.act": 0}, "width of ffn.act"),
        (2, {"ffn.act": 2**31}, "width of ffn.act"),
        (2, {"ffn.act": [4]}, "1 widths for 2 layers"),
        (2, {"mlp": 4}, "no site 'mlp'"),
    ],
)
def test_impossible_counts_are_refused(layers, widths, says):
    with pytest.raises(NeuronSetError, match=says):
        Architecture(layers, widths)


def test_it_cannot_be_changed():
    made = Architecture(2, {"ffn.act": 4})
    with pytest.raises(AttributeError):
        made.layers = 3
    with pytest.raises(TypeError, match="changed"):
        made.widths["ffn.act"] = 5


@quick
@given(
    st.integers(1, 5).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.dictionaries(
                st.sampled_from(SITES),
                st.one_of(st.integers(1, 99), st.lists(st.integers(1, 99), min_size=n, max_size=n)),
            ),
        )
    )
)
def test_json_keeps_it(values):
    made = Architecture(*values, "x")
    again = Architecture.from_json(made.to_json())
    assert again == made and again.model_type == "x" and again.fingerprint == made.fingerprint


def test_json_keeps_known_heads_and_is_silent_of_unknown_ones():
    heads = Heads(8, 2, 4)
    assert Architecture.from_json(Architecture(2, {"attn.k": 8}, heads=heads).to_json()).heads == heads
    assert "heads" not in Architecture(2, {"attn.k": 8}).to_json()


@pytest.mark.parametrize("bad", [[8, 2, 4], {"queries": 8, "keys": 2}, {"queries": 8, "keys": 3, "size": 4}])
def test_heads_that_cannot_be_are_refused(bad):
    with pytest.raises(NeuronSetError, match="heads"):
        Architecture.from_json({"layers": 2, "widths": {"attn.k": 8}, "heads": bad})


@pytest.mark.parametrize("bad", [None, [], {"layers": 2}, {"widths": {}}, {"layers": 2, "widths": 3}])
def test_json_without_its_fields_is_refused(bad):
    with pytest.raises(NeuronSetError, match="`layers` and `widths`"):
        Architecture.from_json(bad)


def test_a_wrong_fingerprint_is_refused():
    data = Architecture(2, {"ffn.act": 4}).to_json() | {"fingerprint": "0" * 16}
    with pytest.raises(NeuronSetError, match="states the fingerprint '0000000000000000'"):
        Architecture.from_json(data)
