"""`lnbench eval`, the embedded model and `accelerate launch`: whole runs of the command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lm_eval.tasks
import pytest

from lnbench._data import DEMO_MODEL, demo_model_dir, packaged
from lnbench.errors import LnbenchError, ModelArgumentError, OutputError, SpecError, TaskError
from lnbench.harness import run_eval
from scripts import make_tasks

from .environments import Environment


@pytest.fixture(autouse=True)
def no_built_in_tasks(tmp_path_factory, monkeypatch):
    """lm-eval's 10,000 own tasks take seconds to index, in every run of the command within this process."""
    monkeypatch.setattr(lm_eval.tasks.manager, "__file__", str(tmp_path_factory.mktemp("none") / "manager.py"))


def options(task_folder: Path, *more: str, tasks: str = "tiny_gen,tiny_mc") -> list[str]:
    return ["--tasks", tasks, "--include_path", str(task_folder), "--device", "cpu", *more]


def results(folder: Path) -> dict:
    (file,) = folder.glob("*/results_*.json")
    return json.loads(file.read_text())


def test_eval_runs_our_model(zh_mask, tiny_model, task_folder, tmp_path, capsys):
    arguments = ["--model_args", f"mask={zh_mask},spec=scale:0.5", "--output_path", str(tmp_path), "--limit", "2"]
    before = list(sys.argv)
    assert run_eval(options(task_folder, *arguments)) == 0
    assert sys.argv == before
    found = results(tmp_path)
    assert (found["config"]["model"], found["model_name"]) == ("lnbench", str(tiny_model))
    assert found["config"]["lnbench"]["condition"].startswith("scale:0.5 zh")
    assert "|tiny_gen|" in capsys.readouterr().out


def test_eval_takes_another_model(tiny_model, task_folder, tmp_path):
    arguments = ["--model_args", f"pretrained={tiny_model}", "--output_path", str(tmp_path), "--limit", "1"]
    assert run_eval(["run", "--model", "hf", *options(task_folder, *arguments)]) == 0
    assert "lnbench" not in results(tmp_path)["config"]


def test_eval_reads_a_config_file(zh_mask, task_folder, tmp_path):
    config = tmp_path / "run.yaml"
    named = {"mask": str(zh_mask), "spec": {"steps": [{"lang": "zh", "op": "zero"}]}}
    lines = {"model_args": named, "tasks": ["tiny_mc"], "include_path": str(task_folder), "limit": 1, "device": "cpu"}
    config.write_text(json.dumps(lines))
    assert run_eval(["run", "--config", str(config), "--output_path", str(tmp_path / "out")]) == 0
    assert results(tmp_path / "out")["config"]["model"] == "lnbench"
    config.write_text(json.dumps({**lines, "model": "dummy", "model_args": {}}))
    assert run_eval(["run", "--config", str(config), "--output_path", str(tmp_path / "dummy")]) == 0
    assert results(tmp_path / "dummy")["config"]["model"] == "dummy"


def test_eval_lists_and_helps(task_folder, capsys):
    assert run_eval(["ls", "tasks", "--include_path", str(task_folder)]) == 0
    ours = {Path(name).stem for name in make_tasks.files()}
    assert {"tiny_gen", *ours} <= {line.split("|")[1].strip() for line in _table(capsys)}
    with pytest.raises(SystemExit) as left:
        run_eval(["--help"])
    assert left.value.code == 0
    assert "--model_args" in capsys.readouterr().out


def _table(capsys) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if line.count("|") > 1]


def test_one_json_object_as_arguments(zh_mask, mask, task_folder, tmp_path):
    """Lists and mappings have no other way through `--model_args`."""
    steps = [{"lang": "zh", "op": "zero"}, {"lang": "fr", "op": "scale", "value": 2}]
    given = json.dumps({"mask": [str(mask)], "spec": {"steps": steps}, "device_map": {"": "cpu"}})
    arguments = ["--model_args", given, "--output_path", str(tmp_path), "--limit", "1"]
    assert run_eval(options(task_folder, *arguments)) == 0
    assert results(tmp_path)["config"]["lnbench"]["neurons"] == 20


def test_use_cache_through_the_command(mask, task_folder, tmp_path, monkeypatch):
    from lnbench.harness import LnbenchLM

    def run(name: str, lang: str) -> list:
        more = ["--model_args", f"mask={mask},lang={lang}", "--use_cache", str(tmp_path / "shared"), "--log_samples"]
        assert run_eval(options(task_folder, *more, "--output_path", str(tmp_path / name))) == 0
        files = sorted((tmp_path / name).rglob("samples_*"))
        assert len(files) == 2
        return [json.loads(line)["resps"] for file in files for line in file.open()]

    first, other = run("a", "zh"), run("b", "fr")
    assert first != other
    monkeypatch.setattr(LnbenchLM, "_model_call", None)  # whoever computes now fails
    monkeypatch.setattr(LnbenchLM, "_model_generate", None)
    assert (run("c", "zh"), run("d", "fr")) == (first, other)


REFUSED = {
    "task not found": (["--tasks", "nonesuch"], TaskError, "'nonesuch'"),
    "task file does not parse": (["--tasks", "BROKEN"], TaskError, "broken.yaml, line 3"),
    "output below a file": (["--output_path", "FILE/out"], OutputError, "--output_path"),
    "token rule": (["--model_args", "mask=MASK,lang=zh,tokens=prompt"], SpecError, "tokens=prompt"),
    "argument": (["--model_args", "mask=MASK,langs=zh"], ModelArgumentError, "langs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_eval_refuses(name, mask, task_folder, tmp_path):
    arguments, error, said = REFUSED[name]
    (tmp_path / "broken.yaml").write_text("task: x\ndoc_to_text: [\n")
    (tmp_path / "file").write_text("")
    files = {"MASK": mask, "BROKEN": tmp_path / "broken.yaml", "FILE": tmp_path / "file"}
    for word, file in files.items():
        arguments = [argument.replace(word, str(file)) for argument in arguments]
    with pytest.raises(error, match=said):
        run_eval(options(task_folder, "--model_args", f"mask={mask},lang=zh", *arguments))
    assert {path.name for path in tmp_path.iterdir()} == {"broken.yaml", "file"}


#: Options -> what the sentence says of them; lm-eval itself ends in a traceback at most of them.
THEIRS = {
    "config that is not there": (["--config", "none.yaml"], "Config file not found"),
    "config that is none": (["--config", "FILE"], "YAML root must be a mapping"),
    "model arguments": (["--model_args", '{"mask": }'], "lm-eval refuses this: "),
    "generation": (["--gen_kwargs", "temperature=abc"], "could not convert string to float: 'abc'"),
    "documents": (["--samples", '{"tiny_gen": [99999]}'], "lm-eval refuses this: "),
    "model": (["--model", "lnbenhc"], "'lnbenhc', but no model for this name found; did you mean 'lnbench'? see"),
    "no task": (["--tasks", ""], "lm-eval refuses this: Tasks not found; see"),
    "near task": (["--tasks", "lnbench_demo_mc_zz"], "did you mean 'lnbench_demo_mc_"),
    "folder": (["--include_path", "none"], "--include_path 'none' does not exist"),
    "examples": (["--num_fewshot", "-2"], "--num_fewshot -2 cannot be; give 0 or more"),
    "batch": (["--batch_size", "abc"], "batch_size='abc' is no number of requests; give 1 or more"),
    "batch below 1": (["--batch_size", "-4"], "batch_size='-4' is no number of requests"),
}


@pytest.mark.parametrize("name", THEIRS)
def test_what_lm_eval_refuses_is_one_sentence_too(name, zh_mask, task_folder, tmp_path):
    arguments, said = THEIRS[name]
    file = tmp_path / "text.yaml"
    file.write_text("no mapping")
    arguments = [argument.replace("FILE", str(file)) for argument in arguments]
    with pytest.raises(LnbenchError) as refused:
        run_eval(options(task_folder, "--model_args", f"mask={zh_mask}", *arguments))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_an_error_of_a_tasks_own_code_keeps_its_traceback(zh_mask, task_folder, tmp_path):
    (tmp_path / "own.py").write_text("def broken(doc):\n    return {}['nothing']\n")
    own = {"include": str(task_folder / "gen.yaml"), "task": "own"}
    lines = [*(f"{key}: {value}" for key, value in own.items()), "doc_to_target: !function own.broken"]
    (tmp_path / "own.yaml").write_text("\n".join(lines))
    with pytest.raises(KeyError, match="nothing"):
        run_eval(options(tmp_path, "--model_args", f"mask={zh_mask}", tasks="own"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--taks x", "unrecognized arguments: --taks x; did you mean '--tasks'? see `lnbench eval --help`"),
        ("--qqqqq --tasks x", "unrecognized arguments: --qqqqq; see `lnbench eval --help`"),
        ("--tasks x --limit abc", "argument --limit/-L: invalid float value: 'abc'; see `lnbench eval --help`"),
    ],
)
def test_an_option_that_is_wrong(line, sentence, capsys):
    with pytest.raises(SystemExit) as left:
        run_eval(line.split())
    assert left.value.code == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


@pytest.fixture
def saves_nothing(monkeypatch):
    from lm_eval.loggers import EvaluationTracker

    monkeypatch.setattr(EvaluationTracker, "save_results_aggregated", lambda self, **_: None)


@pytest.mark.usefixtures("saves_nothing")
def test_results_that_lm_eval_failed_to_save(zh_mask, task_folder, tmp_path):
    line = options(task_folder, "--model_args", f"mask={zh_mask}", "--limit", "1")
    with pytest.raises(OutputError, match="could not save"):
        run_eval([*line, "--output_path", str(tmp_path)])
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps({"output_path": str(tmp_path / "out")}))
    with pytest.raises(OutputError, match="could not save"):
        run_eval(["run", "--config", str(config), *line])


@pytest.mark.usefixtures("saves_nothing")
@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK"])
def test_other_processes_of_a_launch_do_not_ask_for_results(name, monkeypatch, zh_mask, task_folder, tmp_path):
    """Only the first one writes, after the others have ended."""
    line = options(task_folder, "--model_args", f"mask={zh_mask}", "--limit", "1", "--output_path", str(tmp_path))
    monkeypatch.setattr("lm_eval.simple_evaluate", lambda **_: None)
    monkeypatch.setenv(name, "1")
    assert run_eval(line) == 0


embedded = pytest.mark.skipif(
    not (demo_model_dir() / "config.json").is_file() or not (packaged("neuron_sets") / "zh_ffn.pt").is_file(),
    reason="the embedded model is not trained yet: make demo-model",
)


@embedded
@pytest.mark.slow
def test_embedded_model_through_the_stock_command(wheel_environment: Environment):
    command = "lm_eval --model lnbench --model_args mask=zh_ffn.pt --tasks lnbench_demo_arith_zh --limit 4"
    found = wheel_environment.run(*command.split(), "--output_path", "demo_out")
    assert found.returncode == 0, found.stderr
    assert f"model {DEMO_MODEL}" in found.stdout
    written = results(wheel_environment.folder / "demo_out")
    assert (written["model_name"], written["config"]["model_dtype"]) == (DEMO_MODEL, "torch.float32")
    assert [path.name for path in (wheel_environment.folder / "demo_out").iterdir()] == ["lnbench__demo"]


@embedded
def test_embedded_model_by_name(task_folder, tmp_path):
    more = ["--model_args", f"pretrained={DEMO_MODEL}", "--limit", "2", "--output_path", str(tmp_path)]
    assert run_eval(options(task_folder, *more, tasks="lnbench_demo_arith_zh")) == 0
    found = results(tmp_path)
    assert (found["model_name"], found["config"]["lnbench"]["condition"]) == (DEMO_MODEL, "original")


@pytest.mark.slow
def test_accelerate_launch(wheel_environment: Environment, zh_mask, task_folder):
    launch = "python -m accelerate.commands.launch --cpu --num_processes 2 -m lm_eval --model lnbench --tasks tiny_mc"
    more = ["--include_path", str(task_folder), "--model_args", f"mask={zh_mask}", "--output_path", "launched"]
    found = wheel_environment.run(*launch.split(), *more)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("lnbench: mask") == 1
    assert results(wheel_environment.folder / "launched")["config"]["lnbench"]["neurons"] == 11


@pytest.mark.parametrize("limit", ["0", "-1", "nan", "inf", "99999999999999999999999"])
def test_a_limit_that_counts_no_documents(limit):
    with pytest.raises(TaskError, match="counts no documents; give how many"):
        run_eval(["--tasks", "lnbench_demo_mc_zh", "--limit", limit])
