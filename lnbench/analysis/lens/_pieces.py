"""What a token is as text: with the space before it, and where it is a part of a character, as bytes."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_BROKEN = "\ufffd"


class Pieces:
    """The tokens of one tokenizer, asked one by one; answers are kept."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._size = len(tokenizer)
        self._known: dict[int, bytes] = {}
        added = getattr(tokenizer, "added_tokens_decoder", {})
        self.special = frozenset(tokenizer.all_special_ids) | {n for n, token in added.items() if token.special}

    def of(self, token: int) -> bytes:
        """The token's bytes, a space before it included; empty for a special token or a row without token.

        A piece of a character is its raw bytes, which are no UTF-8. Where those cannot be known, the bytes of U+FFFD.
        """
        if token not in self._known:
            nothing = token in self.special or token >= self._size
            self._known[token] = b"" if nothing else self._read(token)
        return self._known[token]

    def _read(self, token: int) -> bytes:
        text = self._in_context(token)
        raw = self._raw(self._tokenizer.convert_ids_to_tokens(token)) if _BROKEN in text else None
        if raw is not None and raw.decode("utf-8", "replace").strip() == text.strip():
            return raw
        return text.encode("utf-8", "replace")

    def _in_context(self, token: int) -> str:
        """Decoded behind another token: alone, tokenizers of the SentencePiece kind drop the space before a word."""
        number, before = self._anchor
        text = self._decode([number, token]) if before else ""
        return text[len(before) :] if before and text.startswith(before) else self._decode([token])

    @cached_property
    def _anchor(self) -> tuple[int, str]:
        ids = self._tokenizer.encode("a", add_special_tokens=False)
        return (ids[-1], self._decode(ids[-1:])) if ids else (0, "")

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    @staticmethod
    def _raw(written: str) -> bytes | None:
        """Bytes of ``<0xE4>``, or of a token in the alphabet of byte-level BPE; None where it is neither."""
        match = _BYTE.fullmatch(written)
        if match:
            return bytes([int(match[1], 16)])
        try:
            return bytes(_BYTE_LEVEL[character] for character in written)
        except KeyError:
            return None


def _byte_level() -> dict[str, int]:
    """The alphabet of byte-level BPE (Radford et al. 2019): printable bytes as they are, others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}


_BYTE_LEVEL = _byte_level()


def unfinished(text: bytes) -> bytes:
    """The begun character at the end of ``text``: up to three bytes that more could follow, or nothing."""
    for length in range(1, min(3, len(text)) + 1):
        tail = text[-length:]
        if tail[0] & 0xC0 == 0x80:
            continue
        return tail if length < _length(tail[0]) else b""
    return b""


def continues(text: bytes) -> bool:
    """Whether ``text`` begins inside a character."""
    return bool(text) and text[0] & 0xC0 == 0x80


def _length(lead: int) -> int:
    """Bytes of the character that begins with ``lead``; 1 for what begins none."""
    return 4 if 0xF0 <= lead <= 0xF4 else 3 if 0xE0 <= lead < 0xF0 else 2 if 0xC2 <= lead < 0xE0 else 1


def could_become(tail: bytes) -> range:
    """The code points of the characters that begin with the bytes ``tail``, which is not empty.

    Empty where no character does.
    """
    missing = _length(tail[0]) - len(tail)
    lead = tail[0] & (0x7F >> _length(tail[0]))
    value = lead
    for byte in tail[1:]:
        value = value << 6 | byte & 0x3F
    low = {2: 0x80, 3: 0x800, 4: 0x10000}[_length(tail[0])]
    return range(max(low, value << 6 * missing), min(0x110000, (value + 1) << 6 * missing))
