"""Reading study files: every mistake is one sentence with the file, the line, the value and what exists."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lnbench.errors import StudyError
from lnbench.studies import PRESETS, Study
from lnbench.studies._sections import ConditionEntry, ModelSection, Seeds

GOOD = """\
name: good
model:
  pretrained: lnbench/demo
  dtype: float32
neurons:
  zh: zh_ffn.pt
  fr: fr_ffn.pt
languages: [en, zh, fr]
tasks:
  - demo_summ
  - task: demo_mc
conditions:
  original: {}
  random: {control: random, seeds: 2}
  specific: {op: zero}
seeds: {torch: 1}
limit: 3
"""
HEAD = "name: x\nneurons: zh_ffn.pt\nlanguages: [zh]\ntasks: [demo_summ]\n"


def load(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return Study.load(path)


def refusal(tmp_path, text):
    with pytest.raises(StudyError) as error:
        load(tmp_path, text)
    sentence = str(error.value)
    assert "\n" not in sentence and sentence.startswith(str(tmp_path / "study.yaml"))
    return sentence.removeprefix(f"{tmp_path / 'study.yaml'}")


def test_a_good_file(tmp_path):
    study = load(tmp_path, GOOD)
    assert (study.name, study.limit, study.languages) == ("good", 3, ["en", "zh", "fr"])
    assert study.model.given() == {
        "pretrained": "lnbench/demo", "dtype": "float32", "batch_size": 8, "engine": "auto"
    }  # fmt: skip
    assert [task.task for task in study.tasks] == ["demo_summ", "demo_mc"]
    assert study.seeds.model_dump() == {"random": 0, "numpy": 1234, "torch": 1, "fewshot": 1234}
    assert Study.model_validate(yaml.safe_load(GOOD)).model_dump() == study.model_dump()


def test_reading_needs_no_torch(tmp_path):
    (tmp_path / "study.yaml").write_text(GOOD)
    code = "import sys; sys.modules['torch'] = None; from lnbench.studies import Study; print(Study.load('study.yaml'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith("name='good'"), done.stderr


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("name: x\nlangages: [en]\n", 2, ["'langages'", "'languages'"]),
        ("name: x\nmodel:\n  dtyp: float32\nlanguages: [en]\ntasks: [a]\n", 3, ["'dtyp'", "'dtype'"]),
        (HEAD + "conditions:\n  original: {}\n  half: {opp: zero}\n", 7, ["'opp'", "'op'"]),
        (HEAD + "seeds: {tensor: 1}\n", 5, ["'tensor'", "torch"]),
        ("name: x\nneurons: a\nlanguages: [zh]\ntasks:\n  - {task: a, langage: zh}\n", 5, ["'langage'", "'language'"]),
        (HEAD + "preset: {name: dose-response, scale: [1]}\n", 5, ["'scale'", "'scales'"]),
        (HEAD + "detect: {methode: lape}\n", 5, ["'methode'", "'method'"]),
        (HEAD + "limit: ten\n", 5, ["limit", "'ten'", "integer"]),
        (HEAD + "limit: 0\n", 5, ["limit", "0"]),
        (HEAD + "limit: yes\n", 5, ["limit", "True"]),
        (HEAD + "num_fewshot: -1\n", 5, ["num_fewshot", "-1"]),
        (HEAD + "model: {batch_size: big}\n", 5, ["batch_size", "'big'", "auto"]),
        (HEAD + "model: {engine: foldd}\n", 5, ["engine", "'foldd'", "fold"]),
        (HEAD + "model: {arguments: {trust_remote_code: true}}\n", 5, ["'trust_remote_code'"]),
        ("name: x\nneurons: a.pt\nlanguages: [en, no]\ntasks: [a]\n", 3, ["False", "'no'", "quotes"]),
        ("name: x\nneurons: a.pt\nlanguages:\n  - en\n  - xx\ntasks: [a]\n", 5, ["'xx'", "zh"]),
        ("name: x\nneurons: a.pt\nlanguages: en\ntasks: [a]\n", 3, ["languages", "list", "'en'"]),
        ("name: x\nneurons: a.pt\nlanguages: []\ntasks: [a]\n", 3, ["languages", "at least 1"]),
        ("name: ../x\nneurons: a.pt\nlanguages: [en]\ntasks: [a]\n", 1, ["'../x'"]),
        ("name: x\nneurons: {zh: 3}\nlanguages: [en]\ntasks: [a]\n", 2, ["neurons", "3"]),
        (HEAD + "conditions:\n  original: {op: zero}\n", 6, ["original", "untouched"]),
        (HEAD + "conditions:\n  half: {op: scal, value: 1}\n", 6, ["'half'", "'scal'", "'scale'"]),
        (HEAD + "conditions:\n  half: {op: scale}\n", 6, ["'half'", "scale:0.5"]),
        (HEAD + "conditions:\n  half: {value: 2}\n", 6, ["value", "op"]),
        (HEAD + "conditions:\n  half: {op: zero, spec: zero}\n", 6, ["op, spec and steps"]),
        (HEAD + "conditions:\n  half: {op: zero, layers: some}\n", 6, ["'half'", "'some'"]),
        (HEAD + "conditions:\n  half: {op: zero, seeds: 3}\n", 6, ["seeds", "control"]),
        (HEAD + "conditions:\n  random: {control: random, seeds: 0}\n", 6, ["seeds", "0"]),
        (HEAD + "conditions:\n  random: {control: randm}\n", 6, ["'randm'", "random"]),
        (HEAD + "conditions:\n  a: {control: random, of: specfic}\n  specific: {}\n", 6, ["'specfic'", "'specific'"]),
        (HEAD + "conditions: {half: {spec: nowhere.yaml}}\n", 5, ["nowhere.yaml"]),
        (HEAD + "conditions: {off: {op: zero}}\n", 5, ["False", "key"]),
        (HEAD + "conditions: 3\n", 5, ["conditions", "3"]),
        ("name: x\nlanguages: [zh]\ntasks: [a]\n", 1, ["needs neurons"]),
        (HEAD + "detect: {method: lape, corpora: {zh: a, en: b}}\n", 5, ["neurons", "detect"]),
        (HEAD + "preset: lape-matrx\n", 5, ["'lape-matrx'", "'lape-matrix'"]),
        (HEAD + "preset: plnd-blocks\n", 5, ["plnd-blocks", "n1"]),
        (HEAD + "preset: {name: plnd-blocks, n1: [1, 2], n2: 1}\n", 5, ["[1, 2]", "plnd-sweep"]),
        (HEAD + "name: again\n", 5, ["'name'", "twice"]),
        (HEAD + "model: {dtype: a, dtype: b}\n", 5, ["'dtype'", "twice"]),
        ("name: [unclosed\n", 2, ["YAML"]),
        ("name: x\nneurons: a.pt\n", 1, ["languages", "missing"]),
        ("name: x\nneurons: a.pt\nlanguages: [en]\ntasks: [{language: en}]\n", 4, ["task", "missing"]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(text, line, says, tmp_path):
    sentence = refusal(tmp_path, text)
    assert sentence.startswith(f", line {line}: "), sentence
    for part in says:
        assert part in sentence


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "a: &x {b: *x}", "? [a, b]\n: 1\n", "a: \x01"])
def test_what_is_no_study_at_all(text, tmp_path):
    refusal(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    for path, says in (
        (tmp_path / "none.yaml", "No such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "latin.yaml", "UTF-8"),
    ):
        with pytest.raises(StudyError, match=says):
            Study.load(path)


def test_aliases_that_multiply_are_refused_at_once(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "too many" in refusal(tmp_path, "\n".join(lines))


SECTIONS = {
    (): Study,
    ("model",): ModelSection,
    ("seeds",): Seeds,
    ("conditions", "specific"): ConditionEntry,
}


@given(data=st.data())
def test_any_unknown_key_is_named_with_its_line(data, tmp_path_factory):
    where = data.draw(st.sampled_from(list(SECTIONS)))
    known = SECTIONS[where].model_fields
    key = data.draw(
        st.from_regex(r"[a-z_]{3,12}", fullmatch=True).filter(
            lambda name: name not in known and isinstance(yaml.safe_load(name), str)  # not "off", "null"
        )
    )
    text = "\n".join(
        _with_key(GOOD.replace("{torch: 1}", "\n  torch: 1").replace("{op: zero}", "\n    op: zero"), where, key)
    )
    line = text.splitlines().index(next(row for row in text.splitlines() if row.strip() == f"{key}: 1")) + 1
    sentence = refusal(tmp_path_factory.mktemp("any"), text)
    assert sentence.startswith(f", line {line}: unknown key {key!r}")
    assert all(name in sentence for name in known)


def _with_key(text, where, key):
    """The lines of a study with one more key in a section."""
    rows, section = text.splitlines(), where[-1] if where else None
    at = next((at for at, row in enumerate(rows) if row.strip() == f"{section}:"), -1)
    indent = "  " * len(where)
    return [*rows[: at + 1], f"{indent}{key}: 1", *rows[at + 1 :]]


def test_every_key_and_preset_is_documented():
    from tests.harness.environments import ROOT

    page = (ROOT / "docs" / "studies.md").read_text()
    for name in PRESETS:
        assert f"`{name}`" in page
    for section in (Study, ModelSection, ConditionEntry):
        for key in section.model_fields:
            assert f"`{key}`" in page, key
