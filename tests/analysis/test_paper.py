"""``lnbench paper``: reports of both papers on the embedded model, and what is refused before any work."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from lnbench.analysis import Picture, Section, ShownTable
from lnbench.analysis.paper import (
    Experiment,
    Report,
    Setting,
    _make,
    demo_setting,
    experiments_of,
    make_report,
    write_report,
)
from lnbench.analysis.paper import _published as published
from lnbench.analysis.paper._markdown import plain
from lnbench.cli.paper import app
from lnbench.errors import LnbenchError, OutputError
from lnbench.neurons import NeuronSet

ROOT = Path(__file__).resolve().parents[2]
PIXEL = bytes.fromhex("89504e470d0a1a0a")
HOSTILE = Section(
    "one",
    "<script>alert(1)</script>",
    "Prose with <img src=x onerror=alert(2)> and [a link](javascript:alert(3)) and `code`.",
    [ShownTable("cap | tion <b>", ["a", "b|c"], [["<i>x</i>", "1 | 2"], ["*y*", ""]])],
    [Picture("p", 'alt "> <script>', PIXEL)],
    {"n": 1},
)


class Tags(HTMLParser):
    """The elements of a page and the links in it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.handlers: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def test_a_report_is_escaped_everywhere(tmp_path):
    files = write_report(Report("A <title>", "Intro.", [HOSTILE]), tmp_path / "out")
    assert [file.name for file in files] == ["report.md", "report.html", "report.json", "p.png"]
    tags = Tags()
    tags.feed(files[1].read_text(encoding="utf-8"))
    assert not {"script", "i", "b", "iframe"} & set(tags.names) and not tags.handlers
    assert not [link for link in tags.links if link.startswith("javascript")]
    assert tags.names.count("img") == 1 and tags.names.count("td") == 2 and "Content-Security-Policy" in (
        files[1].read_text(encoding="utf-8")
    )  # fmt: skip
    made = MarkdownIt("commonmark", {"html": True}).enable("table").render(files[0].read_text(encoding="utf-8"))
    tags = Tags()
    tags.feed(made.replace("<img src=x", "&lt;"))  # prose is written by the experiments, and is theirs
    assert not {"script", "i", "b"} & set(tags.names) and tags.names.count("td") == 4
    assert json.loads(files[2].read_text(encoding="utf-8"))["sections"]["one"]["n"] == 1


def test_numbers_that_are_none_do_not_lose_a_report(tmp_path):
    section = Section("one", "One", "Told.", data={"a": math.nan, "b": [math.inf, 1.5], "c": {"d": (math.nan,)}})
    numbers = json.loads(write_report(Report("R", "I.", [section]), tmp_path)[2].read_text(encoding="utf-8"))
    assert numbers["sections"]["one"] == {"title": "One", "a": None, "b": [None, 1.5], "c": {"d": [None]}}


def test_a_report_takes_the_place_of_an_earlier_one_and_of_no_other(tmp_path):
    about = {"paper": "plnd", "model": "m"}
    write_report(Report("R", "I.", [HOSTILE], about), tmp_path)
    (tmp_path / "images" / "mine.png").write_bytes(PIXEL)
    write_report(Report("R", "I.", [replace(HOSTILE, pictures=())], about), tmp_path)
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["mine.png"]
    for other in ({"paper": "lape", "model": "m"}, {"paper": "plnd", "model": "n"}):
        with pytest.raises(OutputError, match="holds the report of the"):
            write_report(Report("R", "I.", [HOSTILE], other), tmp_path)


def test_work_is_named_after_the_contents_of_its_files(tmp_path):
    text = tmp_path / "en.txt"
    text.write_text("one\n")
    setting = Setting(model=str(tmp_path), out=tmp_path, languages=["en"], corpora={"en": str(text)})
    first, held = setting.key("x"), setting.held_out_key()
    assert setting.key("x") == first != setting.key("y")
    text.write_text("one two\n")
    assert setting.key("x") != first and setting.held_out_key() == held
    assert replace(setting, limit=3).held_out_key() != held


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=40))
def test_words_in_tables_stay_what_they_are(text):
    words = " ".join(text.split())
    rows = f"| head |\n| --- |\n| {plain(text)} |\n"
    tokens = MarkdownIt("commonmark").enable("table").parse(rows)
    cells = [token for token in tokens if token.type == "inline"]
    shown = "".join(child.content for child in cells[1].children or [])
    assert all(child.type == "text" for child in cells[1].children or []) and shown == words.strip()


def test_published_numbers_are_those_of_the_reference():
    kept = json.loads((ROOT / "leaderboard" / "references" / "plnd-table-1.json").read_text(encoding="utf-8"))
    rows = [(row["model"], row["condition"], *row["values"], row["average"]) for row in kept["rows"]]
    assert [tuple(row) for row in published.table_1().rows] == rows


def test_published_counts_are_those_of_the_released_files(test_data):
    files = {"LLaMA-2-7B": "LLaMA-2-7B.neuron.pth", "Mistral-7B": "Mistral-7B.neuron.pth"}
    for model, counts in published.LAPE_COUNTS.items():
        found = NeuronSet.load(next((test_data / "lape_neurons").glob(f"*{files[model]}")), languages=list(counts))
        assert {label: int(found.mask(language=label).sum()) for label in found.languages} == counts


@pytest.mark.parametrize("paper", ["plnd", "lape"])
def test_every_experiment_runs_on_the_embedded_model(paper, tmp_path):
    ended = CliRunner().invoke(
        app, [paper, "--model", "lnbench/demo", "--out", str(tmp_path / "out"), "--limit", "2", "--seeds", "2"]
    )
    assert ended.exit_code == 0, (ended.exception, ended.output[-2000:])
    keys = [experiment.key for experiment in experiments_of(paper)]
    numbers = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["sections"]
    assert list(numbers) == keys
    assert not any("not_run" in section for section in numbers.values())
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "planted positive control" in text and ("Published:" in text or "published:" in text)
    if paper == "plnd":
        tables = numbers["without-english"]["tables"]
        gaps = [row["cells"]["gap"]["value"] for table in tables for row in table["rows"] if "gap" in row["cells"]]
        assert gaps and None not in gaps
    pictures = list((tmp_path / "out" / "images").glob("*.png"))
    assert len(pictures) >= 5 and all(f"images/{picture.name}" in text for picture in pictures)


def test_what_cannot_be_run_says_why_and_the_others_go_on(tmp_path):
    setting = demo_setting("plnd", tmp_path, limit=2, seeds=2)
    setting = replace(setting, prompts={"en": str(tmp_path / "none.txt")}, mask="demo_langs_ffn.safetensors")
    report, refused = make_report("plnd", setting, only=["lens", "counts"])
    assert refused == ["lens"] and "none.txt" in report.sections[0].text
    assert report.sections[1].key == "counts" and "not_run" not in report.sections[1].data


def test_an_error_that_nobody_foresaw_costs_one_section(tmp_path, monkeypatch, caplog):
    def broken(_: Setting) -> Section:
        raise RuntimeError("out of <b>memory</b>")

    whole = Section("whole", "Whole", "Told.")
    listed = [Experiment("broken", "Broken", broken), Experiment("whole", "Whole", lambda _: whole)]
    monkeypatch.setattr(_make, "experiments_of", lambda paper, only: iter(listed))
    report, refused = make_report("lape", demo_setting("lape", tmp_path))
    assert refused == ["broken"] and report.sections[1] == whole
    assert "RuntimeError: out of \\<b\\>memory" in report.sections[0].text and "Traceback" in caplog.text
    assert report.made_with["paper"] == "lape" and report.made_with["seeds"] == 5
    json.dumps(report.as_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["apl", "--model", "lnbench/demo"], "unknown paper 'apl'; did you mean 'plnd'? choose plnd or lape"),
        (["plnd", "--model", "lnbench/demo", "--only", "lense"], "plnd has no experiment 'lense'"),
        (["lape", "--model", "lnbench/demo", "--languages", "en+xx"], "'xx' is none of them"),
        (["lape", "--model", "some/model"], "some/model has no text of its own"),
        (["lape", "--model", "some/model", "--corpus", "en=a", "--corpus", "en=b"], "names en a second time"),
        (["lape", "--model", "some/model", "--corpus", "en=a", "--corpus", "zh=a"], "no corpus at 'a'"),
        (["plnd", "--model", "lnbench/demo", "--corpus", "en=a"], "leave --corpus out"),
        (["plnd", "--model", "lnbench/demo", "--tune", "xx"], "--tune xx has no text"),
        (["plnd", "--model", "lnbench/demo", "--tune", "zh", "--held-out", "en=a"], "and not zh, which is tuned"),
        (["plnd", "--model", "lnbench/demo", "--device", "nowhere"], "the device 'nowhere' cannot be used"),
        (["plnd", "--model", "lnbench/demo", "--tasks", "nope"], "unknown task 'nope'"),
        (["plnd", "--model", "lnbench/demo", "--mask", "none.pt"], "no neuron set 'none.pt'"),
        (["lape", "--model", "lnbench/demo", "--n1", "1"], "--n1 is of the experiments of plnd"),
    ],
    ids=[
        *("paper", "experiment", "language", "corpus", "twice", "text", "demo", "tune", "held-out", "device", "task"),
        *("mask", "idle"),
    ],
)
def test_refusals_come_first(tmp_path, arguments, words):
    ended = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert isinstance(ended.exception, LnbenchError) and words in str(ended.exception)
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_not_there_is_refused_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for code in ("en", "zh"):
        (tmp_path / f"{code}.txt").write_text("some text\n", encoding="utf-8")
    corpora = [text for code in ("en", "zh") for text in ("--corpus", f"{code}={tmp_path / code}.txt")]
    ended = CliRunner().invoke(app, ["plnd", "--model", "no/such", *corpora, "--out", str(tmp_path / "out")])
    assert isinstance(ended.exception, LnbenchError) and "no/such" in str(ended.exception)
    assert not (tmp_path / "out").exists()
