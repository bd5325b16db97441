"""The output key changes with everything that decides outputs, and with nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from lnbench.errors import ModelArgumentError
from lnbench.models import Plan, _output_key, local_weights_fingerprint, output_key

PLAN = Plan.from_edits({(0, "ffn.act"): ([1, 2], 0.0, 0.0)}).plan_hash
FIELDS: dict[str, Any] = {
    "plan_hash": PLAN,
    "model": "org/model",
    "revision": "abc",
    "tokenizer": None,
    "adapter": None,
    "dtype": "float32",
    "engine": "fold",
}


def test_it_is_the_hash_of_canonical_json() -> None:
    text = json.dumps({**FIELDS, "extra": {}}, sort_keys=True, separators=(",", ":"))
    assert output_key(**FIELDS) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"plan_hash": Plan.from_edits({(0, "ffn.act"): ([1, 3], 0.0, 0.0)}).plan_hash},
        {"plan_hash": Plan.from_edits({(0, "ffn.act"): ([1, 2], 0.0, 0.0)}, tokens="prompt").plan_hash},
        {"model": "org/other"},
        {"revision": "abd"},
        {"revision": None},
        {"tokenizer": "org/tokenizer"},
        {"adapter": "org/lora"},
        {"dtype": "bfloat16"},
        {"engine": "hook"},
        {"extra": {"load_in_8bit": True}},
    ],
)
def test_everything_that_decides_outputs_counts(change: dict[str, Any]) -> None:
    assert output_key(**{**FIELDS, **change}) != output_key(**FIELDS)


def test_what_decides_nothing_does_not_count() -> None:
    assert output_key(**{**FIELDS, "dtype": "torch.float32"}) == output_key(**FIELDS)
    empty = {**FIELDS, "plan_hash": Plan.from_edits({}).plan_hash}
    assert output_key(**empty) == output_key(**{**empty, "engine": "hook"})


def test_an_unresolved_dtype_is_refused() -> None:
    with pytest.raises(ModelArgumentError, match="dtype=auto"):
        output_key(**{**FIELDS, "dtype": "auto"})


# Local checkpoints


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text('{"hidden_size": 8}')
    (folder / "README.md").write_text("about")
    save_file({"w": np.arange(64, dtype=np.float32)}, folder / "model.safetensors")
    return folder


def test_a_copy_has_the_fingerprint_of_its_original(checkpoint: Path, tmp_path: Path) -> None:
    before = local_weights_fingerprint(checkpoint)
    moved = shutil.copytree(checkpoint, tmp_path / "elsewhere")
    for file in moved.iterdir():
        os.utime(file, (1, 1))
    (moved / "README.md").write_text("another text about it")
    assert local_weights_fingerprint(str(moved)) == before
    assert output_key(**{**FIELDS, "model": str(moved)}) == output_key(**{**FIELDS, "model": str(checkpoint)})


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"])
def test_each_file_that_decides_outputs_counts(checkpoint: Path, name: str) -> None:
    before = local_weights_fingerprint(checkpoint), output_key(**{**FIELDS, "model": str(checkpoint)})
    with (checkpoint / name).open("ab") as stream:
        stream.write(b" ")
    after = local_weights_fingerprint(checkpoint), output_key(**{**FIELDS, "model": str(checkpoint)})
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_one_value_of_a_small_checkpoint_counts(checkpoint: Path) -> None:
    before = local_weights_fingerprint(checkpoint)
    weights = np.arange(64, dtype=np.float32)
    weights[31] = -1
    save_file({"w": weights}, checkpoint / "model.safetensors")
    assert local_weights_fingerprint(checkpoint) != before


def test_a_local_adapter_counts_by_its_content(checkpoint: Path) -> None:
    before = output_key(**{**FIELDS, "adapter": str(checkpoint)})
    (checkpoint / "config.json").write_text("{}")
    assert output_key(**{**FIELDS, "adapter": str(checkpoint)}) != before


def test_a_large_file_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Header, both ends and windows count; the bytes between windows are not read."""
    monkeypatch.setattr(_output_key, "WHOLE_FILE", 1000)
    monkeypatch.setattr(_output_key, "END", 100)
    monkeypatch.setattr(_output_key, "WINDOWS", 4)
    monkeypatch.setattr(_output_key, "WINDOW", 10)
    header = 300  # longer than the end that is read anyway
    whole = header.to_bytes(8, "little") + bytes(1000) + bytes(range(256)) * 4
    read = {
        position
        for start, length in _output_key._pieces(header, len(whole))
        for position in range(start, min(start + length, len(whole)))
    }
    assert {0, 8 + header - 1, len(whole) - 100, len(whole) - 1} <= read
    prints = {}
    for position in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[position] ^= 0xFF
        if position < 8:
            continue  # the length of the header is part of it
        path = tmp_path / f"{position}" / "model.safetensors"
        path.parent.mkdir()
        path.write_bytes(changed)
        prints[position] = local_weights_fingerprint(path)
    unread = {prints[position] for position in prints if position not in read}
    assert len(unread) == 1
    assert len({prints[position] for position in prints if position in read} - unread) == len(read & prints.keys())


def test_nothing_to_fingerprint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelArgumentError, match="holds no checkpoint"):
        local_weights_fingerprint(tmp_path)
    with pytest.raises(ModelArgumentError, match="absent"):
        local_weights_fingerprint(tmp_path / "absent")
    with pytest.raises(ModelArgumentError, match="holds no checkpoint"):
        output_key(**{**FIELDS, "model": str(tmp_path)})
