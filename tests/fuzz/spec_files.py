"""What a user writes by hand: specs, study files, expectations, and the arguments of a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.formats import Format, json_text, of_yaml, to_bytes
from tests.fuzz.parsers import Parser

ROOT = Path(__file__).parents[2]

STEERING = b"""\
# from Chinese to French
steps:
  - {lang: zh, op: zero}
  - {lang: fr, op: set, value: 1.5*mean:fr}
sites: ffn
layers: first:2+3
exclude: [en]
tokens: generated
expect: fr
"""
CONTROLLED = b"lang: zh+fr\nsteps: ['scale:0.5']\ncontrol: random\nseed: 3\n"
CONTROLLED += b"match: site\ntop: 10\nlayers: solving\nn1: 1\nn2: 1\n"

STUDY = b"""\
name: a-study
model: {pretrained: org/model, batch_size: 8, dtype: float32}
neurons: [{file: a.pth, languages: [en, zh], site: ffn.act}]
languages: [en, zh]
tasks: [demo_summ, {task: "belebele_{lang}", language: zh}]
conditions:
  original: {}
  random: {control: random, seeds: 2}
  specific: {op: zero}
  half: {steps: [{op: "scale:0.5"}], layers: 1-2, evaluate: [ablated]}
limit: 2
gen_kwargs: {until: ["\\n"]}
seeds: {random: 1}
"""
PRESET = (
    b"name: b\nneurons: {zh: zh.pt}\nlanguages: [zh]\npreset: {name: plnd-sweep, n1: [1, 2], n2: 1, block: solving}\n"
)
FOUND = b"name: c\nlanguages: [en, zh]\ntasks: [demo_mc]\n"
FOUND += b"detect: {method: lape, corpora: {en: en.txt, zh: zh.txt}, tokens: 1000}\n"
EXPECT = b"""\
tolerance: 2 points
significance: 0.01
metrics: [exact_match]
rules:
  - {language: zh, task: summaries, tolerance: 4 points}
  - {metric: fidelity, significance: 0.1}
expect:
  - "zh summaries: specific drop > random drop"
  - fidelity >= 0.9
  - unchanged under specific zh within 5 %
  - "non-english: specific drop > 2 points"
  - specific gap > random gap
"""


def spec(path: Path) -> None:
    """A spec that was read is one that can be written down and read again."""
    from lnbench.models import Spec

    found = Spec.parse(path)
    plain = found.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    assert Spec.parse(json.loads(json.dumps(plain, allow_nan=False))) == found or plain
    str(found.steps[0])


def study(path: Path) -> None:
    """The conditions of a study that was read."""
    from lnbench.studies import Study

    found = Study.load(path)
    listed = found.expand(["zh", "en"])
    assert all(condition.name in found.conditions for condition in listed)
    found.model_dump(mode="json")


def words() -> Any:
    from lnbench.reporting.checking._cells import Cell, Keys, Place
    from lnbench.reporting.checking._words import Words

    keys, scores = Keys(("a", "b")), np.array([1.0, 0.0])
    places = [("original", None, None), ("random", "zh", 0), ("specific", "zh", None)]
    return Words.of(
        Cell(Place(f"demo_summ_{code}", code, *place), "demo_summ", metric, True, False, None, 0.5, keys, scores)
        for code in ("zh", "en")
        for place in places
        for metric in ("exact_match", "fidelity")
    )


WORDS = words()


def expectations(path: Path) -> None:
    from lnbench.reporting.checking._file import ExpectFile

    found = ExpectFile.read(path)
    settings = found.settings(WORDS)
    assert 0 < settings.significance < 1
    assert all(one.claim for one in found.expectations(WORDS))


def expectations_form() -> Format:
    tokens = (
        b"zh",
        b"drop",
        b"gap",
        b">",
        b">=",
        b"within",
        b"unchanged",
        b"under",
        b"specific",
        b"non-english",
        b'"',
        b"2 points",
        b"5 %",
    )
    return of_yaml(EXPECT, b"expect: fidelity >= 0.9\n", tokens=tokens)


ARGUMENTS = (
    "pretrained=org/model,mask=zh_ffn.pt,lang=zh,dtype=float32",
    "mask=zh_ffn.pt+demo_langs_ffn.safetensors,lang=zh+fr,control=random,seed=3,match=layer-site",
    "mask=zh_ffn.pt,lang=zh,layers=first:2+3,sites=ffn,top=5,tokens=prompt",
    '{"mask": ["zh_ffn.pt"], "lang": ["zh"], "spec": {"steps": [{"op": "zero"}]}, "engine": "fold", "n1": 1}',
    "mask=zh_ffn.pt,spec=set:mean:fr,exclude=en,expect=zh",
)


def arguments(path: Path) -> None:
    """As lm-eval and `LnbenchLM` read ``--model_args``, up to the model itself."""
    from lm_eval.utils import simple_parse_args_string

    from lnbench.harness import _arguments, _delta

    text = path.read_bytes().decode("utf-8", "surrogateescape")
    try:  # lm-eval's own part: what it cannot read never reaches us
        given = json.loads(text) if text.lstrip().startswith("{") else simple_parse_args_string(text)
    except Exception:
        return
    if not isinstance(given, dict):
        return
    pretrained, engine, mask = given.pop("pretrained", None), given.pop("engine", "auto"), given.pop("mask", None)
    _arguments.refuse_unknown(set(given) - set(_arguments.OUR_KEYS), ["dtype", "delta", "device"])
    _arguments.check_engine(engine)
    _arguments.neurons_and_spec(mask, pretrained, given)
    _delta.own_delta(given)


def arguments_form() -> Format:
    def read(data: bytes) -> Any:
        text = data.decode()
        return (
            json.loads(text)
            if text.startswith("{")
            else dict(part.split("=", 1) for part in text.split(",") if "=" in part)
        )

    keys = [
        "mask",
        "lang",
        "spec",
        "layers",
        "sites",
        "exclude",
        "top",
        "control",
        "seed",
        "match",
        "tokens",
        "expect",
        "n1",
        "n2",
        "engine",
        "languages",
        "site",
        "kv_map",
        "delta",
    ]
    tokens = [f",{key}=".encode() for key in keys] + [
        b"=",
        b",",
        b"+",
        b"[",
        b"]",
        b"zh_ffn.pt",
        b"hf://a/b/c",
        b"./",
        b"/dev/null",
    ]
    return Format([text.encode() for text in ARGUMENTS], tokens, read, lambda tree: to_bytes(json_text(tree)))


HUB = (
    b"hf://org/repo/file.safetensors@main",
    b"hf://datasets/org/repo/folder/file.pt@refs/pr/1",
    b"hf://org/repo/file",
)


def hub_name(path: Path) -> None:
    from lnbench.neurons.hub._name import hub_place

    place = hub_place(path.read_bytes().decode("utf-8", "surrogateescape"))
    assert place.repo.count("/") == 1 and ".." not in place.file.split("/") and not place.file.startswith("/")


def parsers() -> Iterator[Parser]:
    yield Parser("spec YAML", "input.yaml", lambda: of_yaml(STEERING, CONTROLLED), spec)
    yield Parser("study YAML", "input.yaml", lambda: of_yaml(STUDY, PRESET, FOUND), study)
    yield Parser("expectations YAML", "input.yaml", expectations_form, expectations)
    yield Parser("model arguments", "input.txt", arguments_form, arguments, named="")
    yield Parser(
        "hub references",
        "input.txt",
        lambda: Format(HUB, (b"hf://", b"@", b"/", b"datasets/", b"..", b"models/")),
        hub_name,
        named="hf",
    )
