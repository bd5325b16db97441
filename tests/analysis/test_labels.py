"""Labels that are no languages go through detection, algebra, ablation, studies and tables: the example of the page."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from lnbench import NeuronSet
from lnbench.models import Spec
from lnbench.neurons import Architecture

from ..checking.conftest import call

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "labels.md").read_text(encoding="utf-8")
NORTH, SOUTH = "culture:north", "culture:south"


def blocks(kind):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.M | re.S)
    return [text for name, text in found if name == kind]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The page's commands, run one after the other."""
    folder = tmp_path_factory.mktemp("labels")
    (folder / "neuron_sets").symlink_to(ROOT / "neuron_sets")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TQDM_DISABLE", "1")
        commands, *rest = (block for block in blocks("") if "lm_eval" not in block)
        for line in commands.splitlines():
            _line(line)
        exec(compile(blocks("python")[0], "labels.md", "exec"), {})
        Path("cultures.yaml").write_text(blocks("yaml")[0])
        for line in "".join(rest).splitlines():
            _line(line)
    return folder


def _line(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "mkdir":
        for name in words[1:]:
            Path(name).mkdir()
    elif words[0] == "cp":
        for name in words[1:-1]:
            shutil.copy(name, words[-1])
    else:
        code, out, errors = call(words[1:])
        assert code == 0, (line, out, errors)


def test_the_page_runs(folder):
    cultures, pure = (NeuronSet.load(folder / f"{name}.safetensors") for name in ("cultures", "pure"))
    assert cultures.languages == (NORTH, SOUTH, "en") and pure.languages == (NORTH, SOUTH)
    planted = NeuronSet.load("demo_langs_ffn.safetensors")
    taken = {(n, i) for code in ("fr", "sw") for n, layer in enumerate(planted.indices(code, "ffn.act")) for i in layer}
    left = {label: [set(layer) for layer in pure.indices(label, "ffn.act")] for label in pure.languages}
    assert not any((n, i) in taken for layers in left.values() for n, layer in enumerate(layers) for i in layer)
    assert 0 < pure.count(SOUTH) < cultures.count(SOUTH) and pure.count(NORTH) > 0
    assert set(pure.header.to_json()["corpus"]["coverage"]) == {NORTH, SOUTH, "en"}
    table = (folder / "board").rglob("*.md")
    text = "".join(file.read_text(encoding="utf-8") for file in table)
    assert f"specific {NORTH}" in text and f"random {SOUTH}" in text and f"to-north {SOUTH}" in text


def test_results_are_checked_by_label(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "e.yaml").write_text(
        "expect:\n"
        "  - zh: specific culture:north drop < 101 points\n"
        "  - fr: random culture:south drop < 101 points\n"
        "  - zh unchanged under specific culture:south within 100 points\n"
    )
    assert call(["check", "results", "--baseline", "b.json", "--update"])[0] == 0
    code, out, _ = call(["check", "results", "--baseline", "b.json", "--expect", "e.yaml"])
    assert code == 0 and "3 of 3 expectations hold" in out


@pytest.mark.parametrize(
    ("text", "kind", "of", "factor"),
    [
        ("set:mean:culture:da", "mean", "culture:da", 1.0),
        ("add: -1 * diff:relation:capital of", "diff", "relation:capital of", -1.0),
        ("set:1.5*median:fr", "median", "fr", 1.5),
    ],
)
def test_statistics_of_any_label(text, kind, of, factor):
    value = Spec.parse(text).steps[0].value
    assert (value.kind, value.of, value.factor) == (kind, of, factor)
    assert Spec.parse({"steps": [str(Spec.parse(text).steps[0])]}).steps == Spec.parse(text).steps


def test_specs_controls_and_plans_take_any_label():
    from lnbench.models import compile_plan

    shape = Architecture(layers=2, widths={"ffn.act": 16})
    rows = {"relation:capital-of": {"ffn.act": [[1, 2], [3]]}, "zh": {"ffn.act": [[2], []]}}
    neurons = NeuronSet.from_indices(rows, architecture=shape)
    plan = compile_plan(Spec.parse("zero", lang="relation:capital-of", exclude="zh"), neurons, shape)
    assert plan.neurons == 2 and plan.languages == ("relation:capital-of",)
    spec = Spec.parse("zero", lang="relation:capital-of+zh", control="random", seed=1)
    assert compile_plan(spec, neurons, shape).neurons == 3
