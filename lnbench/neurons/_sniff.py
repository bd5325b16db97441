"""What a file is, by its content; each kind that is no neuron set gets a sentence of its own."""

from __future__ import annotations

import re
from pathlib import Path

from lnbench.errors import NeuronFileError
from lnbench.neurons._payload import HEADER_KEY
from lnbench.neurons.foreign._names import delimiter_of

#: How torch files of before 2020 begin: a pickled magic number.
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

#: How pickles of the text protocols (0 and 1) begin: a list, a dict, a tuple, or the name of something to call.
_OLD_PICKLE = re.compile(rb"\([ldt]p?\d*\n|\([IVSX\]}]|[\]})]q|[(c]*c[\w.]+\n\w+\n")

_NOT_READ = "lnbench never unpickles, because a pickle can run any code"
_REMEDY = "save the set with NeuronSet.save"
_RESAVE = "save it again with torch.save of torch 1.6 or newer"

#: The formats that hold all of a set; the others are other projects' and hold the neurons, and little else.
NATIVE = ("safetensors", "pt")

_WEB_PAGE = "is a web page, not a neuron set: download the file itself (on the hub, the `resolve` address)"
_PICKLE = f"is a pickle, and {_NOT_READ}: open it where you trust it, and {_REMEDY}"

#: A dict whose first key is a number or in single quotes, or an empty one with another below it.
_PLND = re.compile(r"\{\s*(?:\d|'|np\.)|\{\s*\}[ \t\r]*\n\s*\{")
#: How files that are no neuron sets begin, and what to say of them. The first that fits counts.
_KINDS: tuple[tuple[bytes | tuple[bytes, ...], str], ...] = (
    (
        _OLD_TORCH,
        f"is a torch file of the old pickle format, and {_NOT_READ}: open it where you trust it, and {_RESAVE}",
    ),
    ((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), _PICKLE),
    ((b"<!doctype", b"<html", b"<?xml"), _WEB_PAGE),
    (b"version https://git-lfs", "is a git-lfs pointer, not the file itself: run `git lfs pull`"),
)


def file_format(path: Path) -> str:
    """``safetensors`` or ``pt``, our own; ``lape``, ``plnd``, ``mask``, ``json`` or ``csv``, other projects'.

    Raises:
        NeuronFileError: the file is missing, empty, a folder, unsafe to read, or something else.
    """
    if path.is_dir():
        raise NeuronFileError(f"{path} is a folder: name a neuron-set file in it")
    if not path.exists():
        raise NeuronFileError(f"{path} does not exist: check the name")
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        return _of_torch(path)
    if start[7:9] == b"\0{":
        return _of_safetensors(path)
    if start.startswith(b"\x93NUMPY"):
        return "mask"
    if len(start) >= 2 and (kind := _of_text(start)) and not _OLD_PICKLE.match(start):
        return kind
    raise NeuronFileError(f"{path} {_what(start)}")


def is_native(path: Path) -> bool:
    """Whether a file is of our own formats; errors as in `file_format`."""
    return file_format(path) in NATIVE


def _of_torch(path: Path) -> str:
    """Which format a zip of torch is, after a look at its pickle."""
    from lnbench.neurons._torch_file import contents

    found = contents(path)
    if found.ours:
        return "pt"
    if found.root == "list":
        return "lape"
    if found.root == "tensor" or (found.root == "dict" and found.storages == {"BoolStorage"}):
        return "mask"
    raise NeuronFileError(
        f"{path} is a torch file without a neuron-set header (a model checkpoint?): give the neuron-set file"
    )


def _of_safetensors(path: Path) -> str:
    """A file without our header whose arrays are all bool is a mask; our reader says what else is wrong with it."""
    from lnbench.neurons._safetensors_file import layout

    entries = layout(path)
    metadata = entries.get("__metadata__")
    types = {entry.get("dtype") for name, entry in entries.items() if name != "__metadata__"}
    ours = isinstance(metadata, dict) and HEADER_KEY in metadata
    return "mask" if types == {"BOOL"} and not ours else "safetensors"


def _of_text(start: bytes) -> str | None:
    """What a text is, from how it begins."""
    text = start.decode("utf-8-sig", errors="replace").lstrip()
    if _PLND.match(text):
        return "plnd"
    if text.startswith(("[", "{")):
        return "json"
    return "csv" if delimiter_of(text.split("\n", 1)[0]) else None


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
