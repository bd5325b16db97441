"""The pages on tasks and data say what the code does."""

import re
from pathlib import Path

import pytest

pytest.importorskip("lm_eval")

from lnbench._data import packaged
from lnbench.harness.task_data import _hub
from lnbench.harness.task_data._loading import BENCHMARKS
from scripts.make_tasks import FORMS, files

DOCS = Path(__file__).parents[2] / "docs"
TASKS, DATA = ((DOCS / f"{name}.md").read_text("utf-8") for name in ("tasks", "data"))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_row_of_a_form(form):
    (row,) = [line for line in TASKS.splitlines() if line.startswith(f"| `lnbench_{form.name}_{{lang}}`")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[-1] == (str(form.tokens) if form.tokens else "")
    said = re.search(r", (\d+)\b", cells[1])
    assert (int(said[1]) if said else None) == (len(form.languages) if form.dataset else None)
    size = BENCHMARKS[form.dataset].size if form.dataset else None
    assert size is None or cells[2] == str(size)
    ends = {"\n": "line break", "\n\n": "blank line", "{question}": "question", "\n{text}": "text label"}
    assert all(ends[one] in cells[5] for one in form.until)


def test_bounds_on_passages():
    bounds = {form.name: form.passage for form in FORMS if form.passage}
    assert f"XQuAD {bounds['xquad']:,}" in TASKS
    assert f"XL-Sum {bounds['xlsum']:,} ({bounds['xlsum'] // 2:,} in languages that write no spaces)" in TASKS


def test_numbers_of_tasks_and_groups():
    groups = sum("\ngroup: " in content for content in files().values())
    assert f"{len(files()) - groups} tasks and {groups} groups" in TASKS


def test_the_hub():
    assert f"`{_hub.REVISION}`" in DATA
    for benchmark in BENCHMARKS.values():
        if benchmark.repository:
            (row,) = [line for line in DATA.splitlines() if f"`{benchmark.repository}`" in line]
            assert benchmark.split in row and (benchmark.shots_split or "") in row


def test_every_shared_part_is_named_by_a_task():
    parts = {path.name for path in packaged("tasks").rglob("*.inc")}
    named = set(re.findall(r"include: (?:\S*/)?(\S+)", "".join(files().values())))
    for path in packaged("tasks").rglob("*.inc"):
        named |= set(re.findall(r"include: (?:\S*/)?(\S+)", path.read_text("utf-8")))
    assert parts == named
