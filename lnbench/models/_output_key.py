"""What decides a model's outputs, as one hash: the name under which answers may be kept and compared.

Two runs with the same output key may share a response cache. Batch size, device and library versions are not in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lnbench._paths import at_home
from lnbench.errors import ModelArgumentError
from lnbench.models._plan import Plan

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".msgpack", ".h5")
SMALL_SUFFIXES = (".json", ".py", ".txt", ".model", ".jinja", ".tiktoken")
"""Files beside the weights that decide outputs: config, generation config, tokenizer, code."""

WHOLE_FILE = 64 * 2**20
"""Bytes up to which a file is hashed whole."""
END = 2**20
"""Bytes hashed at each end of a larger file."""
WINDOWS, WINDOW = 64, 2**16
"""Number and size in bytes of the evenly spaced pieces hashed between the ends."""


def output_key(
    *,
    plan_hash: str,
    model: str,
    revision: str | None,
    tokenizer: str | None,
    adapter: str | None,
    dtype: str,
    engine: str,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """Return the SHA-256 (hex) of everything that decides outputs, as canonical JSON (sorted keys, no spaces, UTF-8).

    Args:
        plan_hash: :attr:`Plan.plan_hash`; it covers the edits and the token rule.
        model: a hub name, or the path of a local checkpoint, whose fingerprint then stands for it.
        revision: the commit of a hub model (not a branch name such as ``main``, which moves); None for a local one.
        tokenizer: hub name, local path, or None for the model's own.
        adapter: hub name, local path, or None for no adapter.
        dtype: of the weights, as in ``bfloat16`` or ``torch.bfloat16``; not ``auto``.
        engine: ``fold`` or ``hook``; in bfloat16 they differ by rounding. The empty plan has the same key with both.
        extra: anything else that changes outputs, as plain JSON (quantisation, attention implementation).

    Raises:
        ModelArgumentError: a local path holds no weights, or ``dtype`` is not resolved.
    """
    precision = str(dtype).removeprefix("torch.")
    if precision == "auto":
        raise ModelArgumentError("dtype=auto does not say what the weights are; pass the dtype of the loaded model")
    fields = {
        "plan_hash": plan_hash,
        "model": _identity(model),
        "revision": revision,
        "tokenizer": _identity(tokenizer),
        "adapter": _identity(adapter),
        "dtype": precision,
        "engine": "none" if plan_hash == Plan.from_edits({}).plan_hash else engine,
        "extra": dict(extra or {}),
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def local_weights_fingerprint(path: str | Path) -> str:
    """Return the SHA-256 (hex) of what a local checkpoint (a folder, or one file) holds, in seconds at any size.

    Per file: its name, its size, and its bytes: all of them up to 64 MiB, and of a larger file the first and last
    MiB, 64 evenly spaced windows of 64 KiB and, for safetensors, the header. Dates and the folder's own name do not
    count, so a copy has the fingerprint of its original. An edit of a few values in a larger file can fall between
    the windows: give an edited checkpoint a config of its own.

    Raises:
        ModelArgumentError: there is nothing at ``path``, or no file that could be weights or a tokenizer.
    """
    root = at_home(path)
    files = [root] if root.is_file() else _files(root)
    if not files:
        raise ModelArgumentError(f"{root} holds no checkpoint; give a folder with .safetensors files, or a hub name")
    digest = hashlib.sha256(b"lnbench weights 1\n")
    for file in files:
        digest.update(f"{file.name}\n{file.stat().st_size}\n{_file_hash(file)}\n".encode())
    return digest.hexdigest()


def _identity(name: str | None) -> str | None:
    """A hub name as it is; something on this disk by its fingerprint."""
    if name is None or not at_home(name).exists():
        return name
    return f"local:{local_weights_fingerprint(name)}"


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    suffixes = WEIGHT_SUFFIXES + SMALL_SUFFIXES
    return sorted((f for f in root.iterdir() if f.is_file() and f.suffix.lower() in suffixes), key=lambda f: f.name)


def _file_hash(path: Path) -> str:
    try:
        status = path.stat()
        if status.st_size <= WHOLE_FILE:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        return _sampled_hash(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise ModelArgumentError(f"cannot read {path}: {error.strerror}; check its permissions") from None


@lru_cache(maxsize=1024)  # a key is wanted for every condition that a loaded model is put into
def _sampled_hash(path: Path, size: int, changed: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        header = int.from_bytes(stream.read(8), "little") if path.suffix == ".safetensors" else 0
        for start, length in _pieces(header, size):
            stream.seek(start)
            digest.update(stream.read(length))
    return digest.hexdigest()


def _pieces(header: int, size: int) -> list[tuple[int, int]]:
    """Return (start, length) of what is read of a large file."""
    step = (size - 2 * END) // WINDOWS
    windows = [(END + number * step, WINDOW) for number in range(WINDOWS)]
    return [(0, max(END, min(8 + header, size))), *windows, (size - END, END)]
