"""``docs/promises.md``: no promise without a test, no test that does not exist, no page that is left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "promises.md"
TEST = re.compile(r"  - `(tests/(?:\w+/)*test_\w+\.py)::(test_\w+)`")


def promises(text: str) -> dict[str, list[tuple[str, str]]]:
    """The tests of each promise of a page: file and function.

    Raises:
        ValueError: a line below a promise is no test.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    tests: list[tuple[str, str]] = []
    for line in text.partition("## What may differ")[0].splitlines():
        if line.startswith("- "):
            if line in found:
                raise ValueError(f"this promise stands twice: {line}")
            tests = found[line] = []
        elif line.startswith(" "):
            match = TEST.fullmatch(line)
            if match is None:
                raise ValueError(f"no test is named like this: {line}")
            tests.append((match[1], match[2]))
    return found


@cache
def functions(file: str) -> dict[str, ast.FunctionDef]:
    """The functions of a module of tests, by name; none where there is no such module."""
    path = ROOT / file
    if not path.is_file():
        return {}
    parsed = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in parsed.body if isinstance(node, ast.FunctionDef)}


def faults(text: str) -> Iterator[str]:
    """What is wrong with a page of promises, one sentence each."""
    for promise, tests in promises(text).items():
        if not promise.endswith("."):
            yield f"no sentence: {promise}"
        if not tests:
            yield f"no test shows: {promise}"
        known = [functions(file).get(name) for file, name in tests]
        yield from (f"there is no {file}::{name}" for (file, name), node in zip(tests, known) if node is None)
        for node in filter(None, known):
            marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
            if "mark.skip" in marks.replace("mark.skipif", "") or "mark.xfail" in marks:
                yield f"{node.name} is never run"
        if tests and all(node and "test_data" in {a.arg for a in node.args.args} for node in known):
            yield f"only tests that need LNBENCH_TEST_DATA show: {promise}"


def test_every_promise_is_shown_by_tests_that_exist():
    text = PAGE.read_text(encoding="utf-8")
    assert list(faults(text)) == []
    assert len(promises(text)) > 100, "the page is not read"


def test_every_page_of_the_documentation_is_collected():
    linked = set(re.findall(r"\]\(([\w-]+\.md)[)#]", PAGE.read_text(encoding="utf-8")))
    assert {page.name for page in PAGE.parent.glob("*.md")} - linked == {PAGE.name}


HERE = "tests/promises/test_promises.py::test_a_page_with_faults_is_told"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"- It holds.\n  - `{HERE}`\n", []),
        ("- It holds.\n", ["no test shows: - It holds."]),
        (f"- It holds\n  - `{HERE}`\n", ["no sentence: - It holds"]),
        ("- It holds.\n  - `tests/promises/test_promises.py::test_gone`\n", ["there is no"]),
        ("- It holds.\n  - `tests/test_gone.py::test_gone`\n", ["there is no"]),
        (
            "- It holds.\n  - `tests/tasks/test_real_data.py::test_mgsm`\n",
            ["only tests that need LNBENCH_TEST_DATA"],
        ),
    ],
    ids=["good", "no-test", "no-sentence", "no-function", "no-file", "needs-data"],
)
def test_a_page_with_faults_is_told(text, said):
    found = list(faults(text))
    assert len(found) == len(said) and all(part in one for part, one in zip(said, found)), found


@pytest.mark.parametrize("line", ["  - tests/test_rooms.py::test_imports_point_one_way", "  and so on"])
def test_a_line_that_names_no_test_is_told(line):
    with pytest.raises(ValueError, match="no test is named like this"):
        promises(f"- It holds.\n{line}\n")
