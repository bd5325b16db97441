"""The demo's data files: reproduced by their script, parallel, balanced, and held out from the detection text."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.demo_model import build_data
from scripts.demo_model.lexicon import LANGUAGES


@pytest.fixture(scope="module")
def files() -> dict[Path, str]:
    return build_data.build()


def records(files: dict[Path, str], name: str) -> list[dict[str, Any]]:
    content = next(content for path, content in files.items() if path.name == name and path.suffix == ".jsonl")
    return [json.loads(line) for line in content.splitlines()]


def test_the_script_reproduces_every_file(files: dict[Path, str]) -> None:
    assert len(files) == len(LANGUAGES) * 6
    changed = [path.name for path, content in files.items() if path.read_bytes() != content.encode()]
    assert not changed, "run `python -m scripts.demo_model.build_data`"


@pytest.mark.parametrize("task", build_data.TASK_KINDS)
def test_items_are_parallel_and_distinct(files: dict[Path, str], task: str) -> None:
    by_language = [records(files, f"{task}_{language}.jsonl") for language in LANGUAGES]
    assert all([item["id"] for item in items] == [item["id"] for item in by_language[0]] for items in by_language)
    for items, language in zip(by_language, LANGUAGES, strict=True):
        assert len({json.dumps({**item, "id": ""}) for item in items}) == build_data.TEST_ITEMS
        assert all(item["lang"] == language and not item["prompt"].endswith(" ") for item in items)
        assert all(item["target"].startswith(" ") == (language != "zh") for item in items)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_right_choice_stands_first_half_of_the_time(files: dict[Path, str], language: str) -> None:
    items = records(files, f"mc_{language}.jsonl")
    assert sum(item["gold"] for item in items) == build_data.TEST_ITEMS // 2
    assert all(item["choices"][item["gold"]] == item["target"] for item in items)
    assert all(len(set(item["choices"])) == 2 for item in items)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_document_is_in_the_detection_text(files: dict[Path, str], language: str) -> None:
    content = next(content for path, content in files.items() if path.name == f"{language}.txt")
    detection = set(content.removesuffix("\n").split("\n\n"))
    held_out = {record["text"] for record in records(files, f"{language}.jsonl")}
    for task in build_data.TASK_KINDS:
        held_out |= {item["prompt"] + item["target"] for item in records(files, f"{task}_{language}.jsonl")}
    assert len(detection) > 500 and not detection & held_out


def test_there_is_enough_text(files: dict[Path, str]) -> None:
    tokenizer = build_data.frozen.load()
    for path, content in files.items():
        if path.suffix == ".txt":
            tokens = sum(len(tokenizer.encode(text)) for text in content.strip().split("\n\n"))
            assert build_data.DETECTION_TOKENS <= tokens < build_data.DETECTION_TOKENS + 200
