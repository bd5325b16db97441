"""One helper suggests names in every room: what it finds, and that each kind of misspelt word is answered."""

import pytest

from lnbench._near import hint, near, nearest
from lnbench.errors import LnbenchError
from lnbench.languages import DEMO_LANGUAGES, language, languages_of, meant, registered


@pytest.mark.parametrize(
    ("given", "known", "found"),
    [
        ("ZERO", ["zero", "scale"], ["zero"]),
        ("lapee", ["lape", "plnd", "ap"], ["lape"]),
        (" Zero ", ["zero"], ["zero"]),
        ("Zero", ["ZERO"], ["ZERO"]),
        ("qqqq", ["zero", "scale"], []),
        (None, ["zero"], []),
        (3.5, ["3.5"], ["3.5"]),
    ],
)
def test_near(given, known, found):
    assert near(given, known) == found
    assert hint(given, known) == (f"did you mean {found[0]!r}? " if found else "")


def test_all_are_named_where_none_is_like_it():
    assert nearest("qqqq", ["b", "a"]) == "choose among a, b"
    assert nearest("qqqq", [], all_of="there are") == "there are nothing"
    assert nearest("aab", ["aaa", "aac", "zzz"], most=2) in (
        "did you mean 'aac' or 'aaa'?",
        "did you mean 'aaa' or 'aac'?",
    )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("chinese", "zh"),
        ("Swahilli", "sw"),
        ("cn", "zh"),
        ("JP", "ja"),
        ("german", "de"),
        ("gr", "el"),
        ("xx", None),
        ("qqq", None),
    ],
)
def test_a_language_is_known_by_its_name_and_its_country(given, code):
    assert meant(given) == (f"did you mean {code!r}? " if code else "")


def test_only_what_can_be_chosen_is_suggested():
    assert meant("japanese", DEMO_LANGUAGES) == meant("jp", DEMO_LANGUAGES) == ""


def spec(**keys):
    from lnbench.models import Spec

    return Spec.parse(keys.pop("spec", None), **keys)


def study(tmp_path, text):
    from lnbench.studies import Study

    (tmp_path / "s.yaml").write_text(text)
    return Study.load(tmp_path / "s.yaml").plan()


_STUDY = """
name: s
model: {pretrained: lnbench/demo}
neurons: demo_langs_ffn.safetensors
languages: [zh]
tasks: [demo_summ]
conditions: {original: {}, specific: {op: zero}}
"""


def other_study(old, new):
    return lambda folder: study(folder, _STUDY.replace(old, new))


def load(name):
    from lnbench import NeuronSet

    return NeuronSet.load(name)


def method(name, **keys):
    from lnbench.detection._methods import _function, check_parameters

    return check_parameters(name, keys) if keys else _function(name)


def claims(name):
    from lnbench.models import claims_of

    return claims_of(name)


def experiments(name):
    from lnbench.analysis.paper import experiments_of

    return list(experiments_of("lape", [name]))


def arguments(**keys):
    from lnbench.harness._arguments import check_engine, refuse_unknown

    return check_engine(keys["engine"]) if "engine" in keys else refuse_unknown(keys, ())


#: What is misspelt -> (a call with it, what is meant).
MISSPELT = {
    "language code": (lambda _: language("swahili"), "sw"),
    "typed code": (lambda _: registered("frensh"), "fr"),
    "dataset": (lambda _: languages_of("xqad"), "xquad"),
    "spec op": (lambda _: spec(spec="zer"), "zero"),
    "spec key": (lambda _: spec(layer="all"), "layers"),
    "token rule": (lambda _: spec(tokens="prompts"), "prompt"),
    "match": (lambda _: spec(control="random", match="layersite"), "layer-site"),
    "study key": (other_study("neurons:", "neuron:"), "neurons"),
    "task": (other_study("demo_summ", "demo_sum"), "demo_summ"),
    "preset": (other_study("conditions: {original: {}, specific: {op: zero}}", "preset: plnd-block"), "plnd-blocks"),
    "shipped set": (lambda _: load("zh_fnn.pt"), "zh_ffn.pt"),
    "site": (lambda _: load("zh_ffn.pt").select(sites=["ffn.atc"]), "ffn.act"),
    "label of a set": (lambda _: load("demo_langs_ffn.safetensors").select(languages=["ZH"]), "zh"),
    "model type": (lambda _: claims("lama"), "llama"),
    "experiment": (lambda _: experiments("matrx"), "matrix"),
    "method": (lambda _: method("lap"), "lape"),
    "engine": (lambda _: arguments(engine="fodl"), "fold"),
    "model argument": (lambda _: arguments(maks="zh_ffn.pt"), "mask"),
}


@pytest.mark.parametrize("what", MISSPELT, ids=lambda what: what.replace(" ", "-"))
def test_a_misspelt_word_is_answered_with_the_right_one(what, tmp_path):
    call, right = MISSPELT[what]
    with pytest.raises(LnbenchError) as refused:
        call(tmp_path)
    sentence = str(refused.value)
    assert f"did you mean {right!r}?" in sentence, sentence
    assert "\n" not in sentence
