"""Command lines held to the commands and options that exist, without running them."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from lnbench.cli import app
from tests.docs.pages import ROOT

#: Options that name what is written.
WRITES = {"out", "stats_out", "json", "plot", "png", "markdown", "junit", "heatmap", "card_only", "to"}
#: Options that are a file or a folder only in some commands, where click cannot tell.
READS = {
    "mask",
    "corpus",
    "held_out",
    "prompts",
    "words",
    "truth",
    "stats",
    "baseline",
    "expect",
    "neurons",
    "data_dir",
}


class ParsingError(Exception):
    """What is wrong with a command line."""


@dataclass(frozen=True)
class Parsed:
    """Attributes:
    path: the command and its sub-commands.
    reads: files that must be there.
    writes: files and folders that are there afterwards.
    """

    path: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def words(text: str) -> list[str]:
    """A command line as a shell splits it, without what is set before it and behind it, and without brackets."""
    text = text.split("\n")[0]
    found = shlex.split(re.sub(r"\[(-[^\]]*)\]", r"\1", text), comments=True)
    while found and re.fullmatch(r"[A-Z_]+=.*", found[0]):
        found = found[1:]
    return found


def lnbench(given: list[str]) -> Parsed:
    """Parse ``lnbench ...`` as it would be run.

    Raises:
        ParsingError: click refuses it.
    """
    command, path, rest = get_command(app), [], given
    context = command.make_context("lnbench", list(rest[:1]), resilient_parsing=True)
    try:
        while hasattr(command, "commands") or command.name is None or hasattr(command, "list_commands"):
            name, command, rest = command.resolve_command(context, rest)
            path.append(name)
            parts = rest if not hasattr(command, "list_commands") else rest[:1]
            context = command.make_context(name, list(parts), parent=context, resilient_parsing=parts is not rest)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise ParsingError(error.format_message()) from None
    return _files(tuple(path), context)


def _files(path: tuple[str, ...], context: Any) -> Parsed:
    if path == ("eval",):
        return lm_eval(context.args)
    reads, writes = [], []
    for parameter in context.command.params:
        given = context.params.get(parameter.name)
        if given is None or isinstance(given, bool):
            continue
        values = [str(one) for one in (given if isinstance(given, list | tuple) else [given])]
        if parameter.name in WRITES:
            writes += values
        elif parameter.param_type_name == "argument" or parameter.name in READS or parameter.name == "model":
            reads += [_source(value) for value in values]
    if path == ("paper",):
        reads.remove(str(context.params["name"]))
    if path == ("check",) and context.params["update"]:
        writes.append(str(context.params["baseline"]))
        reads.remove(str(context.params["baseline"]))
    if path[:2] == ("study", "run") and context.params["out"] is None:
        writes.append("results")
    return Parsed(path, tuple(reads), tuple(writes))


def _source(value: str) -> str:
    """The file in ``zh=zh.txt``."""
    return value.partition("=")[2] if re.match(r"[\w:-]+=", value) else value


@cache
def _lm_eval_parser() -> Any:
    from lm_eval._cli.harness import HarnessCLI

    return HarnessCLI()._parser


@cache
def model_arguments() -> frozenset[str]:
    """What the models ``hf`` and ``vllm`` of lm-eval take, read off their source, and what lnbench adds."""
    from lnbench.harness._arguments import OUR_KEYS

    folder = Path(str(importlib.util.find_spec("lm_eval").origin)).parent / "models"
    names = set(OUR_KEYS) | {"delta"}
    for file in ("huggingface.py", "vllm_causallms.py"):
        for node in ast.walk(ast.parse((folder / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                names |= {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
    return frozenset(names | {"enforce_eager", "gpu_memory_utilization"})  # vLLM's engine takes these


def lm_eval(given: list[str]) -> Parsed:
    """Parse ``lm_eval ...`` by lm-eval's own parser; tasks of ours must exist, model arguments be known.

    Raises:
        ParsingError: something is not.
    """
    line = given if given and given[0] in ("run", "ls", "validate") else ["run", *given]
    try:
        parsed = _lm_eval_parser().parse_args(line)
    except SystemExit:
        raise ParsingError(f"lm_eval refuses {' '.join(line)!r}") from None
    if line[0] != "run":
        return Parsed(("lm_eval",), (), ())
    values = parsed.model_args or {}
    values = values if isinstance(values, dict) else dict(part.split("=", 1) for part in values.split(",") if part)
    for key in values:
        if key not in model_arguments():
            raise ParsingError(f"no model takes the argument {key!r}")
    _check_tasks(parsed.tasks)
    files = [str(values[key]) for key in ("mask", "spec", "pretrained", "delta", "peft") if key in values]
    writes = [parsed.output_path] if parsed.output_path else []
    return Parsed(("lm_eval",), tuple(name for name in files if not is_word(name)), tuple(map(str, writes)))


def is_word(value: str) -> bool:
    """Whether a spec is an operation and no file."""
    return bool(re.fullmatch(r"zero|(scale|add|set):[\w.:-]+", value))


@cache
def task_names() -> frozenset[str]:
    """Names of lnbench's tasks and groups; ``tag:`` names groups too."""
    import yaml

    names = set()
    for path in (ROOT / "tasks").rglob("*.yaml"):
        names.add(path.stem)
        if match := re.search(r"^tag:\s*(.*?)(?=^\S|\Z)", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            tags = yaml.safe_load(match[1])
            names |= set(tags if isinstance(tags, list) else [tags])
    return frozenset(names)


def _check_tasks(given: Any) -> None:
    for name in (given if isinstance(given, list) else str(given).split(",")) if given else ():
        if name.startswith("lnbench_") and name not in task_names():
            raise ParsingError(f"there is no task {name!r}")


def loosely(text: str) -> None:
    """Hold a command in a sentence to the commands and options that exist; ``...``, ``A|B`` and values may stand for
    others.

    Raises:
        ParsingError: a sub-command or an option does not exist.
    """
    command: Any = get_command(app)
    context = command.make_context("lnbench", [], resilient_parsing=True)
    rest = words(text)[1:]
    while rest and hasattr(command, "list_commands"):
        names = rest[0].split("|")
        found = [command.get_command(context, name) for name in names]
        if None in found:
            if rest[0].startswith("-") or rest[0] == "...":
                return
            raise ParsingError(f"there is no command {rest[0]!r}")
        command, rest = found[0], rest[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    if command.context_settings.get("ignore_unknown_options"):
        return
    for word in rest:
        if word.startswith("--") and word.partition("=")[0] not in known and hasattr(command, "params"):
            if hasattr(command, "list_commands"):
                return
            raise ParsingError(f"there is no option {word!r}")
