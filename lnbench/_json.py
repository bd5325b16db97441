"""JSON of others: what the standard library reads, less the text that it lets through and nobody can write.

``"\\ud800"`` is half of a character. ``json.loads`` makes a string of it that no file and no terminal takes, so the
error would come later, and far from the file that is at fault.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: The escape of half a character; whole ones, written as two halves, begin so too.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def loads(text: str | bytes, **options: Any) -> Any:
    """The value of a JSON text.

    Args:
        text: UTF-8 where it is bytes.
        options: what `json.loads` takes.

    Raises:
        ValueError: it is no JSON; a `json.JSONDecodeError` with the place where that is known, and where text is
            half a character.
        RecursionError: it is nested too deep.
    """
    if isinstance(text, bytes):
        text = text.removeprefix(b"\xef\xbb\xbf").decode()  # strict: json's own takes half characters too
    found = json.loads(text, **options)
    half = _HALF.search(text)
    if (half or not is_whole(text)) and not is_whole(json.dumps(found, ensure_ascii=False)):
        raise json.JSONDecodeError("half a character", text, half.start() if half else 0)
    return found


def is_whole(text: str) -> bool:
    """Whether a text has no half characters, so that it can be written."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
