"""How files come apart and go together again, so that a step can change what they mean and not only their bytes."""

from __future__ import annotations

import gzip
import io
import json
import marshal
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tests.fuzz import hostile
from tests.fuzz.torch_zip import stored_zip


class Raw(str):
    """JSON text that is written as it is, where a value stood."""

    __slots__ = ()

    def __new__(cls, text: str) -> Raw:
        return str.__new__(cls, f"\ue000{hostile.VALUES.index(text)}\ue001")

    @staticmethod
    def again(key: str, how: int) -> str:
        """A key that is written like another one."""
        return f"{key}\ue002{how}\ue003"


_VALUE, _AGAIN = re.compile('"\ue000(\\d+)\ue001"'), re.compile("\ue002\\d+\ue003")
_BARE = re.compile("\ue000(\\d+)\ue001")


def json_text(tree: Any, **how: Any) -> str:
    text = json.dumps(tree, ensure_ascii=False, **how)
    return _AGAIN.sub("", _VALUE.sub(lambda found: hostile.VALUES[int(found[1])], text))


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def bare(value: Any) -> str:
    """A cell of a table: text without quotes."""
    text = value if isinstance(value, str) else json_text(value)
    return _AGAIN.sub("", _BARE.sub(lambda found: hostile.VALUES[int(found[1])].strip('"'), text))


def plain(tree: Any) -> Any:
    """The tree with Python values where hostile JSON stood; what is no JSON stays text."""
    if isinstance(tree, dict):
        return {_AGAIN.sub("", str(key)): plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    if isinstance(tree, str) and (found := _BARE.fullmatch(tree)):
        try:
            return json.loads(hostile.VALUES[int(found[1])])
        except (ValueError, RecursionError):
            return hostile.VALUES[int(found[1])][:50]
    return tree


@dataclass(frozen=True)
class Format:
    """Attributes:
    seeds: valid files.
    tokens: what such files are made of.
    read: a seed as a tree of dicts, lists and plain values; None where there is none.
    write: the file of a (damaged) tree.
    parts: the file's inner parts, or nothing where it has none.
    joined: the file of (damaged) parts.
    """

    seeds: Sequence[bytes]
    tokens: Sequence[bytes] = ()
    read: Callable[[bytes], Any] | None = None
    write: Callable[[Any], bytes] | None = None
    parts: Callable[[bytes], list[bytes]] | None = None
    joined: Callable[[list[bytes]], bytes] = b"".join
    trees: tuple[bytes, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        if self.read is not None:
            object.__setattr__(self, "trees", tuple(marshal.dumps(self.read(seed)) for seed in self.seeds))

    def written(self, tree: Any) -> bytes:
        assert self.write is not None
        return self.write(tree)


def of_json(*seeds: bytes, tokens: Sequence[bytes] = ()) -> Format:
    return Format(seeds, tokens, json.loads, lambda tree: to_bytes(json_text(tree)))


def of_json_lines(*seeds: bytes, tokens: Sequence[bytes] = ()) -> Format:
    def write(rows: Any) -> bytes:
        return to_bytes("\n".join(json_text(row) for row in rows) + "\n") if isinstance(rows, list) else b"\n"

    return Format(seeds, tokens, lambda data: [json.loads(line) for line in data.splitlines() if line], write)


def of_table(*seeds: bytes, delimiter: str = ",", tokens: Sequence[bytes] = ()) -> Format:
    def write(rows: Any) -> bytes:
        lines = [
            delimiter.join(map(bare, row)) if isinstance(row, list) else bare(row)
            for row in (rows if isinstance(rows, list) else [rows])
        ]
        return to_bytes("\n".join(lines) + "\n")

    def read(data: bytes) -> Any:
        return [line.split(delimiter) for line in data.decode().split("\n") if line]

    return Format(seeds, (*tokens, delimiter.encode(), b"\n", b'"', b'""'), read, write)


def of_yaml(*seeds: bytes, tokens: Sequence[bytes] = ()) -> Format:
    import yaml

    return Format(seeds, (*hostile.YAML, *tokens), yaml.safe_load, lambda tree: to_bytes(json_text(tree)))


def of_safetensors(*seeds: bytes, tokens: Sequence[bytes] = ()) -> Format:
    """The tree is the header, with the JSON in its metadata taken apart too; the tensors' bytes are a part."""

    def parts(data: bytes) -> list[bytes]:
        length = int.from_bytes(data[:8], "little")
        return [data[8 : 8 + length], data[8 + length :]] if length < len(data) else []

    def joined(found: list[bytes]) -> bytes:
        return len(found[0]).to_bytes(8, "little") + found[0] + found[1]

    def read(data: bytes) -> Any:
        header = json.loads(parts(data)[0])
        texts = header.get("__metadata__", {})
        header["__metadata__"] = {key: json.loads(text) if text[:1] in "{[" else text for key, text in texts.items()}
        return [header, {"bytes": parts(data)[1].hex()}]

    def write(tree: Any) -> bytes:
        header = tree[0] if isinstance(tree, list) and tree else tree
        if isinstance(header, dict) and isinstance(header.get("__metadata__"), dict):
            about = header["__metadata__"].items()
            texts = {key: json_text(value) if isinstance(value, (dict, list)) else value for key, value in about}
            header = {**header, "__metadata__": texts}
        try:
            payload = bytes.fromhex(tree[1]["bytes"])
        except (LookupError, TypeError, ValueError):
            payload = b""
        return joined([to_bytes(json_text(header)), payload])

    return Format(seeds, tokens, read, write, parts, joined)


def of_zip(*seeds: bytes, read: Any = None, write: Any = None) -> Format:
    """The parts are the members of a stored zip, as torch writes it."""
    names: dict[int, list[str]] = {}

    @lru_cache(maxsize=8)
    def members(data: bytes) -> tuple[bytes, ...]:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                found = tuple(archive.read(name) for name in archive.namelist())
                names[len(found)] = archive.namelist()
        except Exception:
            return ()
        return found

    def parts(data: bytes) -> list[bytes]:
        return list(members(data))

    def joined(found: list[bytes]) -> bytes:
        return stored_zip(zip(names[len(found)], found, strict=True))

    return Format(seeds, hostile.PICKLE, read, write, parts, joined)


def of_npy(*seeds: bytes) -> Format:
    def parts(data: bytes) -> list[bytes]:
        length = int.from_bytes(data[8:10], "little")
        return [data[10 : 10 + length], data[10 + length :]]

    def joined(found: list[bytes]) -> bytes:
        return b"\x93NUMPY\x01\x00" + (len(found[0]) % 65536).to_bytes(2, "little") + found[0] + found[1]

    tokens = (b"'descr'", b"'|O'", b"'<i8'", b"'|V9'", b"'<U9'", b"[('a', '|b1')]", b"(2, 3)", b"(2,)", b"()",
    b"(-1,)", b"True",
              b"'|b1'", b"(10**9,)", b"(99999999999999999999,)", b"(9999999, 9999999)", b"(0, 5, 5)", b"L", b"((((",
              b"{" * 99)  # fmt: skip
    return Format(seeds, tokens, parts=parts, joined=joined)


def of_gzip(*seeds: bytes, tokens: Sequence[bytes] = ()) -> Format:
    def parts(data: bytes) -> list[bytes]:
        try:
            return [gzip.decompress(data)]
        except Exception:
            return []

    return Format(seeds, tokens, parts=parts, joined=lambda found: gzip.compress(found[0], 1))
