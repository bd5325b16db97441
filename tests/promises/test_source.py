"""What the sources must not do anywhere: run what they read, write what breaks half way, load torch to print a help."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = [*sorted((ROOT / "lnbench").rglob("*.py")), ROOT / "_lnbench_autoload.py"]
SOURCES = [*SHIPPED, *sorted((ROOT / "scripts").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]

#: Modules whose only use is to run what a file says.
RUNNING = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "codeop", "runpy"}
CALLS = {
    *("eval", "exec", "compile", "os.system", "os.popen"),
    *("yaml.load_all", "yaml.full_load", "yaml.full_load_all", "yaml.unsafe_load", "yaml.unsafe_load_all"),
}
#: Keyword arguments that let a file's code run, with the only value that they may have.
SAFE = {"trust_remote_code": False, "allow_pickle": False, "weights_only": True, "shell": False}


def offences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything in a module that could run what it reads."""
    loaders = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and _is_safe_loader(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from ((node.lineno, name) for name in named if name.partition(".")[0] in RUNNING)
        elif isinstance(node, ast.Call):
            name, given = ast.unparse(node.func), {key.arg: key.value for key in node.keywords}
            if name in CALLS or (name == "torch.load" and "weights_only" not in given):
                yield node.lineno, name
            if (
                name == "yaml.load"
                and not {ast.unparse(value) for value in [*node.args[1:], *given.values()]} & loaders
            ):
                yield node.lineno, name
            for key in SAFE.keys() & given.keys():
                value = given[key]
                if not (isinstance(value, ast.Constant) and value.value is SAFE[key]):
                    yield node.lineno, f"{key}={ast.unparse(value)}"


def _is_safe_loader(node: ast.ClassDef) -> bool:
    return {ast.unparse(base) for base in node.bases} <= {"yaml.SafeLoader", "yaml.CSafeLoader"}


def test_nothing_runs_what_it_reads():
    assert len(SOURCES) > 300
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in SOURCES
        for line, what in offences(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        *("import pickle", "from dill import loads", "eval(text)", "exec(code)", "yaml.load(text)", "os.system(line)"),
        *("torch.load(path)", "torch.load(path, weights_only=False)", "np.load(path, allow_pickle=True)"),
        *("AutoModel.from_pretrained(name, trust_remote_code=asked)", "subprocess.run(line, shell=True)"),
    ],
)
def test_what_could_run_code_is_seen(code):
    assert len(list(offences(ast.parse(code)))) == 1


# Writing

#: They fill a hidden folder that gets its name when it is whole, a cell's folder, which counts with its manifest, or
#: a checkpoint, which counts with the hashes of its files.
FOLDERS = {
    *("lnbench/models/_export/_shards.py", "lnbench/models/_export/_files.py", "lnbench/models/_export/_run.py"),
    *("lnbench/models/delta/_write.py", "lnbench/studies/_ray.py", "lnbench/analysis/tuning/_train.py"),
}
WRITES = {"write_text", "write_bytes", "savefig", "save_file", "save_image", "imsave", "tofile", "to_csv"}


def writes(tree: ast.AST) -> Iterator[int]:
    """Lines that write to a file which is not the temporary one of a ``with whole(...)``."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            yield from _writes(function.body, memory=_in_memory(function))


def _writes(body: list[ast.stmt], memory: set[str], safe: bool = False) -> Iterator[int]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            continue
        if isinstance(statement, ast.With):
            opened = [item.context_expr for item in statement.items]
            safe_inside = safe or any(ast.unparse(each).startswith("whole(") for each in opened)
            yield from _writes(statement.body, memory, safe_inside)
            if not safe_inside:
                yield from (call.lineno for each in opened for call in ast.walk(each) if _is_write(call, memory))
            continue
        inner = [part for field in ("body", "orelse", "finalbody") for part in getattr(statement, field, [])]
        inner += [part for handler in getattr(statement, "handlers", []) for part in handler.body]
        yield from _writes(inner, memory, safe)
        if not safe:
            own = [statement] if not inner else [getattr(statement, "iter", None), getattr(statement, "test", None)]
            yield from (call.lineno for part in own if part for call in ast.walk(part) if _is_write(call, memory))


def _is_write(node: ast.AST, memory: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    if name == "write_text" and isinstance(node.func, ast.Name):
        return False  # our own, which is held to this too
    to = {ast.unparse(argument) for argument in node.args}
    if name in WRITES or ast.unparse(node.func) in ("torch.save", "np.save", "json.dump"):
        return not to & memory
    modes = [a.value for a in [*node.args, *(k.value for k in node.keywords)] if isinstance(a, ast.Constant)]
    return name == "open" and any(
        isinstance(mode, str) and mode[:1] in "wx" for mode in modes if mode
    )  # "a" keeps what is there


def _in_memory(function: ast.FunctionDef) -> set[str]:
    """Names that are given a buffer in memory."""
    kept = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and "BytesIO(" in ast.unparse(node.value):
            kept |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return kept


def test_files_are_written_whole():
    found = [
        f"{name}:{line}"
        for path in SHIPPED
        if (name := str(path.relative_to(ROOT))) not in FOLDERS
        for line in writes(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("def f(p):\n    p.write_text('x')", [2]),
        ("def f(p):\n    with open(p, 'w') as s:\n        pass", [2]),
        ("def f(p):\n    if p:\n        figure.savefig(p)", [3]),
        ("def f(p):\n    with whole(p) as part:\n        part.write_text('x')", []),
        ("def f(p):\n    held = io.BytesIO()\n    figure.savefig(held)", []),
        ("def f(p):\n    with p.open('rb') as s:\n        s.read()", []),
    ],
)
def test_a_write_that_could_break_half_way_is_seen(code, lines):
    assert list(writes(ast.parse(code))) == lines


# Imports

HELP = """
import sys
sys.argv = ["lnbench", "--help"]
import lnbench
from lnbench.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print([name for name in ("torch", "transformers", "lm_eval", "datasets") if name in sys.modules])
"""


def test_import_and_help_load_no_torch():
    shown = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    *page, loaded = shown.stdout.splitlines()
    assert loaded == "[]"
    assert any("leaderboard" in line for line in page)
