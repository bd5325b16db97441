"""The quick commands of the pages run in this process, in the order of their page, and end as their help says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lnbench.cli import app
from lnbench.errors import LnbenchError
from tests.docs import parsing, world
from tests.docs.pages import ROOT, blocks, pages

#: Commands that load no model and take less than a second.
QUICK = ("neurons show", "neurons combine", "neurons convert", "neurons diff", "neurons random", "plot counts")
QUICK += ("plot overlap", "detect compare", "fidelity", "cache show")


def is_quick(text: str) -> bool:
    return any(text.startswith(f"lnbench {start}") for start in QUICK)


PAGES = [
    pytest.param(page, id=page.relative_to(ROOT).as_posix())
    for page in pages()
    if any(is_quick(command.text) and not block.needs for block in blocks(page) for command in block.commands)
]


@pytest.mark.parametrize("page", PAGES)
def test_the_quick_commands_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LNBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "leaderboard").symlink_to(ROOT / "leaderboard", target_is_directory=True)
    ran, missing = 0, set()
    for command in (one for block in blocks(page) if not block.needs for one in block.commands):
        if command.is_synopsis or not command.text.startswith("lnbench"):
            continue
        given = parsing.words(world.with_stand_ins(command.text))[1:]
        found = parsing.lnbench(given)
        if not is_quick(command.text) or missing & set(found.reads):
            missing |= set(found.writes)
            continue
        make_own(tmp_path, found.reads)
        if any(not there(tmp_path, name) for name in found.reads):
            continue  # a file that a block of Python makes
        done = CliRunner().invoke(app, given, prog_name="lnbench")
        assert not isinstance(done.exception, LnbenchError), f"{command.place}: {done.exception}"
        ends = [codes for start, codes in world.ENDS.items() if command.text.startswith(f"lnbench {start}")]
        assert done.exit_code in (0, *(ends[0] if ends else ())), f"{command.place}: {done.output}"
        ran += 1
    assert ran or "my_zh.pt" in missing or page.name in ("extending.md", "labels.md")


def make_own(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if name in world.OWN and not (folder / name).exists():
            world.OWN[name](folder / name)


def there(folder: Path, name: str) -> bool:
    return (
        bool(re.match(r"lnbench/demo|hf://", name))
        or (folder / name).exists()
        or (ROOT / "neuron_sets" / name).is_file()
    )


def test_what_the_reader_has_can_be_made(tmp_path, test_data, monkeypatch):
    monkeypatch.setenv("LNBENCH_TEST_DATA", str(test_data))
    for name, make in world.OWN.items():
        if name != "results/my-study":  # a study of some seconds: the full run makes it
            make(tmp_path / name.rstrip("/"))
            assert (tmp_path / name).exists()
            shutil.rmtree(tmp_path / name) if (tmp_path / name).is_dir() and not (
                tmp_path / name
            ).is_symlink() else None
