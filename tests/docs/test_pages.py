"""Every documented command line names what exists, every Python block compiles, and the quick ones run.

All of it in the order of the page: a file that a command reads is shipped, is the reader's own (tests/docs/world.py),
or was made above. `python -m tests.docs.run` runs everything.
"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

pytest.importorskip("lm_eval")

from tests.docs import parsing, world
from tests.docs.pages import ROOT, blocks, is_command, pages, spans

PAGES = [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in pages()]
#: Text in the type of a command that is none.
NO_COMMANDS = {"lnbench could not add itself to ...", "lnbench neurons 1"}
#: What a block of Python, or of a shell's own commands, leaves behind.
_SAVED = re.compile(
    r"""(?:\.save\(|save_file\(\w+, |export\([^"]*|write_foreign\([^"]*)"([^"]+)"|cat > (\S+)|mkdir (.+)$""", re.M
)


def made_by(text: str) -> set[str]:
    """Files and folders that a block or a shell's command writes."""
    return {name for match in _SAVED.findall(text) for group in match for name in group.split()}


def parsed(text: str) -> parsing.Parsed | None:
    """A command of ours or of lm-eval; None for any other program."""
    given = parsing.words(text)
    program = given[0].rpartition("/")[2] if given else ""
    if program == "lnbench":
        return parsing.lnbench(given[1:])
    return parsing.lm_eval(given[1:]) if program == "lm_eval" else None


def is_there(name: str, made: set[str], needs: tuple[str, ...]) -> bool:
    """Whether a file that is read can be there."""
    if name == "lnbench/demo" or name.startswith(("hf://", "datasets:")) or (name.startswith("/") and "data" in needs):
        return True
    hub = re.fullmatch(r"(meta-llama|mistralai|org)/[\w.-]+|M", name)
    shipped = (
        (ROOT / name).exists()
        or (ROOT / "neuron_sets" / name).is_file()
        or name in world.OWN
        or name + "/" in world.OWN
    )
    parents = {str(parent) for parent in Path(name).parents}
    templates = [re.escape(one).replace(r"\{lang\}", r"\w+") for one in made]
    return bool(hub or shipped or name in made or parents & made or any(re.fullmatch(one, name) for one in templates))


@pytest.mark.parametrize("page", PAGES)
def test_commands_name_what_exists(page):
    made, wrong = set(), []
    for block in blocks(page):
        made |= made_by(block.text) | ({block.file} if block.file else set())
        for command in block.commands:
            assert is_command(command.text), f"{command.place}: {command.text!r} is no command; mark the fence as text"
            try:
                found = parsed(_set(block.text, command.text))
            except parsing.ParsingError as error:
                wrong.append(f"{command.place}: {command.text}\n    {error}")
                continue
            if found is None:
                continue
            reads = () if command.is_synopsis else found.reads
            files = [
                part for name in reads for part in ([name] if is_there(name, made, block.needs) else name.split("+"))
            ]
            lacking = [name for name in files if not is_there(name.partition("@")[0], made, block.needs)]
            if lacking and not {"study", "adapter", "package"} & set(block.needs):
                wrong.append(f"{command.place}: {command.text}\n    nothing above makes {', '.join(lacking)}")
            made |= set(found.writes)
    assert not wrong, "\n".join(wrong)


def _set(block: str, command: str) -> str:
    """The command with the block's own variables filled in."""
    for name, value in re.findall(r"^([A-Z])=(\S+)$", block, re.MULTILINE):
        command = command.replace(f"${name}", value)
    return command


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_sentences_exist(page):
    wrong = []
    for line, text in spans(page):
        if text in NO_COMMANDS or text.startswith("lm_eval"):
            continue
        try:
            parsing.loosely(text)
        except parsing.ParsingError as error:
            wrong.append(f"{page.name}:{line}: `{text}`: {error}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES)
def test_words_behind_needs_are_known(page):
    for block in blocks(page):
        assert set(block.needs) <= set(world.NEEDS), f"{block.page}:{block.line}"


@pytest.mark.parametrize("page", PAGES)
def test_python_compiles_and_imports_what_exists(page):
    for block in (one for one in blocks(page) if one.language == "python"):
        place = f"{block.page}:{block.line}"
        if (block.file or "").startswith(("lnbench/", "tests/")):
            continue  # tests/test_extending.py puts it there and runs it
        for node in ast.walk(ast.parse(block.text, place)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("lnbench"):
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    if alias.name in getattr(module, "__all__", ()):  # its module may need what is not installed
                        continue
                    assert hasattr(module, alias.name), f"{place}: {node.module} has no {alias.name}"
            if isinstance(node, ast.Attribute) and (name := _dotted(node)) and name.startswith("lnbench."):
                _reach(name, place)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def _reach(name: str, place: str) -> None:
    found = importlib.import_module("lnbench")
    for part in name.split(".")[1:]:
        if not hasattr(found, part):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    assert found is not None, place
