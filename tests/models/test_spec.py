"""Specs: what is read, what wins, and the sentence for everything that is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lnbench.errors import SpecError
from lnbench.models import SPEC_KEYS, Spec, _spec
from lnbench.models._layers import STAGES

MANUAL = (Path(__file__).parents[2] / "docs" / "specs.md").read_text(encoding="utf-8")
STEER = """
steps:
  - {lang: zh, op: zero}
  - {lang: fr, op: set, value: "mean:fr"}
layers: first:8
sites: [ffn.act]
exclude: [en]
tokens: all
expect: fr
"""


def written(folder: Path, text: str, name: str = "steer.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(spec: Any, **inline: Any) -> str:
    with pytest.raises(SpecError) as caught:
        Spec.parse(spec, **inline)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


# What is read


def test_nothing_given_is_zero() -> None:
    spec = Spec.parse()
    assert [str(step) for step in spec.steps] == ["zero"]
    assert (spec.layers, spec.sites, spec.control, spec.tokens) == ("all", None, "none", "all")


@pytest.mark.parametrize(
    ("text", "op", "value"),
    [
        ("zero", "zero", None),
        ("scale:0.5", "scale", 0.5),
        ("scale:-1", "scale", -1.0),
        ("add:0.1", "add", 0.1),
        ("add: 1e-3", "add", 0.001),
        ("set:2", "set", 2.0),
        ("set:mean:fr", "set", ("mean", "fr", 1.0)),
        ("set:1.5*mean:fr", "set", ("mean", "fr", 1.5)),
        ("set:-2*median:zh-Hant", "set", ("median", "zh-Hant", -2.0)),
        ("add:0.5*diff:fr", "add", ("diff", "fr", 0.5)),
    ],
)
def test_inline_operations(text: str, op: str, value: Any) -> None:
    (step,) = Spec.parse(text).steps
    assert step.op == op
    got = step.value
    assert (got if got is None or isinstance(got, float) else (got.kind, got.of, got.factor)) == value


def test_inline_keys() -> None:
    spec = Spec.parse(
        "zero", lang="zh+fr", sites="ffn.act+attn.q", layers=5, exclude="en", control="random", seed="3", match="site"
    )
    assert spec.lang == ("zh", "fr")
    assert spec.sites == ("ffn.act", "attn.q")
    assert (spec.layers, spec.exclude, spec.control, spec.seed, spec.match) == ("5", ("en",), "random", 3, "site")


def test_lists_and_joined_text_are_the_same() -> None:
    assert Spec.parse("zero", lang=["zh", "fr"], layers=[0, "2-3"]) == Spec.parse("zero", lang="zh+fr", layers="0+2-3")


def test_yaml_file(tmp_path: Path) -> None:
    spec = Spec.parse(str(written(tmp_path, STEER)))
    assert [(step.lang, str(step)) for step in spec.steps] == [(("zh",), "zero"), (("fr",), "set:mean:fr")]
    assert (spec.layers, spec.sites, spec.exclude, spec.expect) == ("first:8", ("ffn.act",), ("en",), "fr")


def test_yaml_short_forms_and_numbers_that_yaml_reads_as_text(tmp_path: Path) -> None:
    text = "lang: zh\nsteps:\n  - scale:0.5\n  - {op: 'add:2'}\n  - {op: set, value: 1e-3}\nlayers: 3\n"
    spec = Spec.parse(written(tmp_path, text, "short.yml"))
    assert [str(step) for step in spec.steps] == ["scale:0.5", "add:2", "set:0.001"]
    assert (spec.layers, spec.lang) == ("3", ("zh",))


def test_nan_is_a_language_for_those_who_read_numbers() -> None:
    assert Spec.parse("zero", lang=float("nan")).lang == ("nan",)


# What wins


def test_inline_keys_complete_a_file(tmp_path: Path) -> None:
    spec = Spec.parse(written(tmp_path, "steps: [zero]\nseed: 2\n"), control="random", lang="zh")
    assert (spec.seed, spec.control, spec.lang) == (2, "random", ("zh",))


def test_the_same_value_twice_is_no_contradiction(tmp_path: Path) -> None:
    path = written(tmp_path, STEER)
    assert Spec.parse(path, layers="first:8", sites="ffn.act", exclude=["en"]) == Spec.parse(path)


def test_inline_lang_goes_to_the_steps_that_name_none() -> None:
    spec = Spec.parse({"steps": ["zero", {"lang": "fr", "op": "set", "value": 1}]}, lang="zh")
    assert (spec.lang, spec.steps[0].lang, spec.steps[1].lang) == (("zh",), None, ("fr",))


@pytest.mark.parametrize(
    ("inline", "words"),
    [
        ({"layers": "first:4"}, ["layers is first:8 in the spec", "first:4 beside it"]),
        ({"sites": "attn.q"}, ["sites is ffn.act in the spec", "attn.q beside it"]),
        ({"expect": "zh"}, ["expect is fr in the spec", "zh beside it"]),
        ({"lang": "zh"}, ["lang=zh has no effect", "(zh, fr)"]),
    ],
)
def test_contradictions(tmp_path: Path, inline: dict[str, str], words: list[str]) -> None:
    sentence = refusal(written(tmp_path, STEER), **inline)
    assert all(word in sentence for word in ["steer.yaml", *words]), sentence


# What is refused


@pytest.mark.parametrize(
    ("spec", "inline", "words"),
    [
        ("zer", {}, ["unknown op 'zer'", "did you mean 'zero'", "zero, scale, add, set"]),
        ("", {}, ["has no op"]),
        ("scale", {}, ["scale", "finite number", "scale:0.5"]),
        ("scale:", {}, ["scale", "finite number"]),
        ("scale:mean:fr", {}, ["scale takes a finite number", "'mean:fr'"]),
        ("scale:inf", {}, ["finite", "'inf'"]),
        ("set:nan", {}, ["finite", "'nan'"]),
        ("set:nan*mean:fr", {}, ["finite", "nan*mean:fr"]),
        ("set:x*mean:fr", {}, ["x*mean:fr"]),
        ("set:maen:fr", {}, ["unknown statistic 'maen'", "did you mean 'mean'", "mean, median, diff"]),
        ("set:mean:", {}, ["'mean:'"]),
        ("zero:1", {}, ["zero takes no value", "'1'"]),
        (3, {}, ["cannot read 3 as a spec"]),
        ("zero", {"layer": 3}, ["unknown key 'layer'", "did you mean 'layers'", "lang, sites, layers"]),
        ("zero", {"layers": "firts:3"}, ["'firts:3'", "first:N"]),
        ("zero", {"layers": False}, ["False"]),
        ("zero", {"lang": False}, ["lang", "YAML", "False", "'no'"]),
        ("zero", {"lang": ["zh", True]}, ["lang", "YAML", "True", "'on'"]),
        ("zero", {"lang": 5}, ["lang: 5 is not a name"]),
        ("zero", {"lang": "zh++fr"}, ["'zh++fr'", "empty name"]),
        ("zero", {"lang": ""}, ["lang=''"]),
        ("zero", {"lang": "all+zh"}, ["all+zh"]),
        ("zero", {"sites": []}, ["sites=[]"]),
        ("zero", {"expect": "fr+zh"}, ["expect='fr+zh'", "one"]),
        ("zero", {"control": "randon"}, ["unknown control 'randon'", "did you mean 'random'"]),
        ("zero", {"control": "random", "match": "layer_site"}, ["'layer_site'", "layer-site, site, activation"]),
        ("zero", {"control": "random", "seed": -1}, ["seed", "-1"]),
        ("zero", {"control": "random", "seed": 1.5}, ["seed", "1.5"]),
        ("zero", {"control": "random", "seed": True}, ["seed", "True"]),
        ("zero", {"control": "random", "seed": "x"}, ["seed", "'x'"]),
        ("zero", {"seed": 3}, ["seed=3 has no effect", "control=random"]),
        ("zero", {"match": "site"}, ["match=site has no effect", "control=random"]),
        ("zero", {"tokens": "promt"}, ["unknown tokens 'promt'", "all, prompt, generated"]),
        ("zero", {"n1": -1}, ["n1", "-1"]),
        ({"steps": []}, {}, ["steps", "[]"]),
        ({"steps": "zero"}, {}, ["steps", "'zero'"]),
        ({"steps": [3]}, {}, ["cannot read the step 3"]),
        ({"step": ["zero"]}, {}, ["unknown key 'step'", "did you mean 'steps'"]),
        ({1: 2, "steps": ["zero"]}, {}, ["unknown key 1"]),
        ({"layers": "all"}, {}, ["steps is a list of at least one step"]),
        ({"steps": [{"lang": "zh", "opp": "zero"}]}, {}, ["unknown key 'opp'", "did you mean 'op'"]),
        ({"steps": [{"lang": "zh"}]}, {}, ["no op"]),
        ({"steps": ["zero", {"op": "scal"}]}, {}, ["step 2", "'scal'", "did you mean 'scale'"]),
        ({"steps": [{"op": "scale:2", "value": 3}]}, {}, ["already has a value", "3"]),
        ({"steps": [{"op": "set", "value": False}]}, {}, ["set", "False"]),
        ({"steps": [{"op": "set", "value": [1, 2]}]}, {}, ["set", "[1, 2]"]),
    ],
)
def test_refusals(spec: Any, inline: dict[str, Any], words: list[str]) -> None:
    sentence = refusal(spec, **inline)
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps:\n  - {lang: no, op: zero}\n", ["lang", "no, off or false", "quote the code", "lang: 'no'"]),
        ("steps:\n  - {lang: zh, op: zero}\nexclude: [en, no]\n", ["exclude", "quote the code"]),
        ("steps:\n  - {lang: zh, op: zero}\nexpect: off\n", ["expect", "quote the code"]),
        ("steps:\n  - {lang: zh, op: zero\n", ["not readable YAML", "line"]),
        ("steps: [zero]\nlayers: first:2\nlayers: last:2\n", ["'layers' stands twice", "line 3"]),
        ("steps:\n  - {lang: zh, lang: fr, op: zero}\n", ["'lang' stands twice"]),
        ("- zero\n", ["must hold keys", "list"]),
        ("", ["must hold keys", "NoneType"]),
        ("steps: [!!python/object/apply:os.system ['true']]\n", ["not readable YAML"]),
        ("layer: all\nsteps: [zero]\n", ["unknown key 'layer'", "did you mean 'layers'"]),
    ],
)
def test_refused_files(tmp_path: Path, text: str, words: list[str]) -> None:
    sentence = refusal(written(tmp_path, text))
    assert all(word in sentence for word in ["steer.yaml", *words]), sentence


def test_unreadable_files(tmp_path: Path) -> None:
    assert "absent.yaml: No such file" in refusal(str(tmp_path / "absent.yaml"))
    (tmp_path / "folder.yml").mkdir()
    assert "folder.yml" in refusal(tmp_path / "folder.yml")
    (tmp_path / "latin.yaml").write_bytes(b"steps: [zero] # \xe9\n")
    assert "UTF-8" in refusal(tmp_path / "latin.yaml")


# Round trip, and what may be imported

numbers = st.floats(allow_nan=False, allow_infinity=False)
statistics = st.builds("{!r}*{}:{}".format, numbers, st.sampled_from(["mean", "median", "diff"]), st.sampled_from("ab"))
operations = st.one_of(
    st.just("zero"),
    st.builds("scale:{!r}".format, numbers),
    st.builds("{}:{}".format, st.sampled_from(["add", "set"]), numbers.map(repr) | statistics),
)


@settings(deadline=None)
@given(st.lists(operations, min_size=1, max_size=3), st.sampled_from(["zh", "zh+fr", "all", None]))
def test_parse_reads_what_a_spec_writes(steps: list[str], lang: str | None) -> None:
    spec = Spec.parse({"steps": steps}, lang=lang, control="random", layers="first:2+7")
    assert Spec.parse(spec.model_dump(mode="json")) == spec
    assert Spec.parse({"steps": [str(step) for step in spec.steps]}).steps == spec.steps


# The manual


def test_the_examples_of_the_manual_can_be_read(tmp_path: Path) -> None:
    files = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)
    assert len(files) == 2
    for number, text in enumerate(files):
        Spec.parse(written(tmp_path, text, f"{number}.yaml"))
    operations = re.findall(r"`((?:zero|(?:scale|add|set):[^`]*))`", MANUAL)
    assert len(operations) >= 8
    for operation in operations:
        Spec.parse(operation)


@pytest.mark.parametrize("name", [*SPEC_KEYS, *_spec.OPERATIONS, *_spec.STATISTICS, *_spec.MATCHES, *STAGES])
def test_the_manual_has_every_name(name: str) -> None:
    assert re.search(rf"`{name}\b", MANUAL)


def test_specs_need_no_torch() -> None:
    imports = "from lnbench.models import Spec, compile_plan, output_key"
    code = f"import sys; {imports}; Spec.parse('zero'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
