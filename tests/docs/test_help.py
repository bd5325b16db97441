"""Every command explains itself by an example that parses, and names what was meant by a misspelt word."""

from __future__ import annotations

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from lnbench.cli import COMMANDS, app
from lnbench.cli._examples import EXAMPLES
from lnbench.cli._frame import first_sentence
from tests.docs import parsing, world
from tests.docs.test_pages import is_there


def tree(command, context, path=()):
    """Path and command of everything that can be typed."""
    yield " ".join(path), command
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        below = command.get_command(context, name)
        yield from tree(below, below.make_context(name, [], parent=context, resilient_parsing=True), (*path, name))


def everything():
    command = get_command(app)
    return dict(tree(command, command.make_context("lnbench", [], resilient_parsing=True)))


ALL = everything()
RUNNER = CliRunner()


def called(*line):
    return RUNNER.invoke(app, line, prog_name="lnbench", env={"COLUMNS": "100"})


def test_every_command_has_an_example_and_no_example_is_left_over():
    assert set(ALL) == set(EXAMPLES)
    assert len(ALL) > 40


@pytest.mark.parametrize("path", sorted(set(ALL) - {"eval"}))
def test_the_help_page_ends_with_the_examples(path):
    shown = called(*path.split(), "--help")
    assert shown.exit_code == 0
    lines = [line.strip() for line in shown.stdout.splitlines()]
    examples = [part.strip() for one in EXAMPLES[path] for part in one.splitlines()]
    assert lines[-len(examples) :] == examples
    assert max(map(len, shown.stdout.splitlines())) <= 120
    assert called(*path.split(), "-h").stdout == shown.stdout


@pytest.mark.parametrize(("path", "example"), [(path, one) for path, lines in EXAMPLES.items() for one in lines])
def test_an_example_parses(path, example):
    given = parsing.words(example.replace("\\\n", " "))
    if given[0] == "lm_eval":
        found = parsing.lm_eval(given[1:])
    elif "--help" in given:
        assert " ".join(given[1:-1]) in ALL
        return
    else:
        found = parsing.lnbench(given[1:])
        assert " ".join(found.path).startswith(path) or found.path == ("lm_eval",)
    made = {"results", "stats.safetensors", "baseline.json", "leaderboard"}
    for name in found.reads:
        assert is_there(name, made, ()) or all(is_there(part, made, ()) for part in name.split("+")), (example, name)


def test_the_first_page_names_every_command_in_full():
    shown = " ".join(called("--help").stdout.split())
    for name, (_, line) in COMMANDS.items():
        assert f" {name} {line}" in shown
    assert "..." not in shown.replace("[ARGS]...", "")


@pytest.mark.parametrize("path", [path for path, command in ALL.items() if path and hasattr(command, "list_commands")])
def test_a_group_says_whole_sentences(path):
    shown = " ".join(called(*path.split(), "--help").stdout.split())
    for name in ALL[path].commands:
        assert f"{name} {first_sentence(ALL[f'{path} {name}'].help)}" in shown


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("demp", "demo"),
        ("studdy run x.yaml", "study"),
        ("neurons shw x", "show"),
        ("neurons combine unoin a b", "union"),
        ("detect lap", "lape"),
        ("study rn", "run"),
        ("Demo", "demo"),
    ],
)
def test_a_misspelt_command_is_answered_with_the_right_one(line, meant):
    shown = called(*line.split())
    assert shown.exit_code == 2
    assert f"; did you mean {meant!r}?" in shown.stderr


def test_where_nothing_is_alike_all_commands_are_named():
    shown = called("neurons", "xyzzy")
    assert "no such command 'xyzzy'; the commands are combine, convert, diff, push, random, show, stats" in shown.stderr


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("neurons show x --jsn", "--json"),
        ("demo --limt 3", "--limit"),
        ("detect lape --modle m", "--model"),
        ("study run x.yaml --ouput r", "--out"),
        ("eval --taks lnbench_demo", "--tasks"),
    ],
)
def test_a_misspelt_option_is_answered_with_the_right_one(line, meant):
    shown = called(*line.split())
    assert shown.exit_code == 2
    assert meant in shown.stderr.splitlines()[-1]


def test_stand_ins_leave_nothing_that_is_not_here():
    arguments = "pretrained=meta-llama/Llama-3.1-8B,mask=my_zh.pt,dtype=bfloat16"
    line = world.with_stand_ins(f"lm_eval --model lnbench --model_args {arguments} --tasks xnli_zh")
    found = parsing.lm_eval(parsing.words(line)[1:])
    assert found.reads == ("my_zh.pt", "lnbench/demo")


def test_help_of_eval_has_the_example_before_the_options_of_lm_eval(monkeypatch):
    handed = []
    monkeypatch.setattr("lnbench.harness.run_eval", lambda args: handed.append(list(args)) or 0, raising=False)
    shown = called("eval", "--help")
    assert shown.exit_code == 0 and handed == [["--help"]]
    assert EXAMPLES["eval"][0] in shown.stdout and "\b" not in shown.stdout
    assert called("eval", "--tasks", "x").stdout == ""


def test_what_is_asked_for_first_comes_first():
    assert list(ALL["detect"].commands)[:3] == ["lape", "plnd", "ap"]
    assert next(iter(ALL["neurons"].commands)) == "show"
