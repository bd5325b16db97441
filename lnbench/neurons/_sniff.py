"""What a file is, from its first bytes; each kind that is no neuron set gets a sentence of its own."""

from __future__ import annotations

import re
from pathlib import Path

from lnbench.errors import NeuronFileError

#: How torch files of before 2020 begin: a pickled magic number.
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

#: How pickles of the text protocols (0 and 1) begin: a list, a dict, a tuple, or the name of something to call.
_OLD_PICKLE = re.compile(rb"\([ldt]p?\d*\n|\([IVSX\]}]|[\]})]q|[(c]*c[\w.]+\n\w+\n")

_NOT_READ = "lnbench never unpickles, because a pickle can run any code"
_REMEDY = "save the set with NeuronSet.save"

_WEB_PAGE = "is a web page, not a neuron set: download the file itself (on the hub, the `resolve` address)"
_PICKLE = f"is a pickle, and {_NOT_READ}: open it where you trust it, and {_REMEDY}"

#: How files that are no neuron sets begin, and what to say of them. The first that fits counts.
_KINDS: tuple[tuple[bytes | tuple[bytes, ...], str], ...] = (
    (
        _OLD_TORCH,
        f"is a torch file of the old pickle format, and {_NOT_READ}: open it where you trust it, and {_REMEDY}",
    ),
    ((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), _PICKLE),
    ((b"<!doctype", b"<html", b"<?xml"), _WEB_PAGE),
    (b"version https://git-lfs", "is a git-lfs pointer, not the file itself: run `git lfs pull`"),
)


def file_format(path: Path) -> str:
    """``safetensors`` or ``pt`` (any zip of torch).

    Raises:
        NeuronFileError: the file is missing, empty, a folder, or begins like something else.
    """
    if path.is_dir():
        raise NeuronFileError(f"{path} is a folder: name a neuron-set file in it")
    if not path.exists():
        raise NeuronFileError(f"{path} does not exist: check the name")
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        return "pt"
    if start[8:9] == b"{":
        return "safetensors"
    raise NeuronFileError(f"{path} {_what(start)}")


def _what(start: bytes) -> str:
    """What the first 512 bytes say, and the remedy."""
    if len(start) < 9:
        size = f"has only {len(start)} bytes" if start else "is empty"
        return f"{size}: download or write it again"
    if _OLD_PICKLE.match(start):
        return _PICKLE
    for begins, sentence in _KINDS:
        if start.startswith(begins) or start.lstrip().lower().startswith(begins):
            return sentence
    return f"is not a neuron-set file (it begins with {start[:16]!r}): {_REMEDY} as .safetensors or .pt"
