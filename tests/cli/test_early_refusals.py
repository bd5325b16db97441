"""What the arguments alone decide is refused before anything heavy is imported, and says what to do."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lnbench.analysis.paper import KEYS, PAPERS, experiments_of

#: Each takes a second or more to import.
HEAVY = ("torch", "scipy", "matplotlib", "transformers", "lm_eval", "datasets")

#: Command line -> what its refusal says.
REFUSED = {
    "plot workflow nowhere": "there is no folder 'nowhere'; give a study's store",
    "plot sweep empty": "'empty' holds no results; fill it with `lnbench study run STUDY.yaml --out empty`",
    "plot matrix empty": "'empty' holds no results; fill it with",
    "plot steering nowhere": "there is no folder 'nowhere'",
    "plot dose empty --format pdf": "--format 'pdf' is unknown; choose one of terminal, markdown, latex",
    "plot matrix empty --format markdwn": "did you mean 'markdown'?",
    "plot counts nowhere.pt": "no neuron set 'nowhere.pt'",
    "plot overlap zh_ffn.pt nowhere.pt": "no neuron set 'nowhere.pt'",
    "plot counts zh_ffn.pt --png missing/x.png": "there is no folder 'missing'",
    "plot counts zh_ffn.pt --png x.pdf": "call it x.png",
    "paper lap --model lnbench/demo --out o": "unknown paper 'lap'; did you mean 'lape'?",
    "paper lape --model lnbench/demo --out o --only matrx": "lape has no experiment 'matrx'; did you mean 'matrix'?",
    "paper lape --model lnbench/demo --out o --languages en+xx": "'xx' is none of them",
    "paper lape --model lnbench/demo --out o --corpus en=en.txt": "leave --corpus out",
    "paper plnd --model org/m --out o": "org/m has no text of its own",
    "paper plnd --model org/m --out o --languages en+zh": "is for the embedded model",
    "paper plnd --model lnbench/demo --out file/o": "results cannot be written to 'file/o'",
    "demo --ablate en+cn": "the embedded model has no language 'cn'; did you mean 'zh'?",
    "demo --mask nowhere.pt": "no neuron set 'nowhere.pt'",
    "check nowhere --baseline missing/b.json --update": "there is no folder 'missing'",
}

_CODE = """
import json, sys
sys.argv = ["lnbench"]
from lnbench.cli import app
from lnbench.errors import LnbenchError
from typer.testing import CliRunner
said = []
for line in json.loads(sys.stdin.read()):
    before = set(sys.modules)
    done = CliRunner().invoke(app, line.split(), prog_name="lnbench")
    sentence = str(done.exception) if isinstance(done.exception, LnbenchError) else done.output
    said.append([done.exit_code, sentence, [name for name in %r if name in sys.modules and name not in before]])
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What one fresh process says to every line, and what it imported for it."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "empty").mkdir()
    (folder / "file").write_text("in the way")
    done = subprocess.run(
        [sys.executable, "-c", _CODE % (HEAVY,)],
        input=json.dumps(list(REFUSED)),
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["empty", "file"]
    return dict(zip(REFUSED, json.loads(done.stdout.splitlines()[-1])))


@pytest.mark.parametrize("line", REFUSED)
def test_refused_early_and_in_one_sentence(answers, line):
    code, sentence, imported = answers[line]
    assert code != 0
    assert REFUSED[line] in sentence
    assert "\n" not in sentence.strip()
    assert imported == [] or line.startswith("check"), imported


@pytest.mark.parametrize("paper", PAPERS)
def test_the_keys_that_are_known_early_are_the_experiments(paper):
    assert tuple(one.key for one in experiments_of(paper)) == KEYS[paper]


def test_a_place_that_rights_alone_do_not_rule_out_is_tried(tmp_path, monkeypatch):
    import tempfile

    from lnbench._write import check_writable
    from lnbench.errors import OutputError

    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(OutputError, match="says 'Read-only file system'; choose another folder"):
        check_writable(tmp_path / "x.png")


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_a_hub_that_is_switched_off_is_named_by_its_switch(monkeypatch, variable):
    from huggingface_hub import constants

    from lnbench.errors import ModelArgumentError
    from lnbench.models import load_tokenizer

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelArgumentError) as refused:
        load_tokenizer("org/x")
    assert f"(the hub is switched off by {variable}, and its cache has no copy); unset it" in str(refused.value)
    with pytest.raises(ModelArgumentError, match=r"did you mean 'lnbench/demo'\?"):
        load_tokenizer("lnbench/dmo")
