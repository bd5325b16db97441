"""What was probably meant by a word that does not exist: the one way in which all rooms suggest a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

#: How alike two words must be: 0.5 finds ``sweahili`` for ``swahili`` and leaves out what shares a few letters only.
CLOSE = 0.5
#: How alike an option must be; short names are soon alike.
_CLOSE_OPTION = 0.6
_MOST_NAMES = 30


def near(given: object, known: Iterable[str], most: int = 1, close: float = CLOSE) -> list[str]:
    """The names most like a word, whatever its capitals; the nearest first.

    Args:
        given: what was written.
        known: the names that exist.
        most: at most so many.
        close: least similarity, 0 to 1, of :func:`difflib.get_close_matches`.
    """
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.lower(), name)
    return [folded[name] for name in get_close_matches(str(given).strip().lower(), list(folded), most, close)]


def near_option(given: str, known: Iterable[str]) -> list[str]:
    """The option most like one that was written, if any; dashes, which difflib would count too, are left out.

    Args:
        given: what was written, as ``--jsn``.
        known: the options that exist, with their dashes.
    """
    dashed = {name.lstrip("-"): name for name in known}
    return [dashed[name] for name in near(given.lstrip("-"), dashed, close=_CLOSE_OPTION)]


def hint(given: object, known: Iterable[str], close: float = CLOSE) -> str:
    """``did you mean 'zh'? `` with a space at its end, or nothing: the beginning of what else there is to say."""
    found = near(given, known, close=close)
    return f"did you mean {found[0]!r}? " if found else ""


def nearest(given: object, known: Iterable[str], *, all_of: str = "choose among", most: int = 1) -> str:
    """``did you mean 'zh'?``, or where nothing is like it the names that there are.

    Args:
        given: what was written.
        known: the names that exist.
        all_of: the words before all names.
        most: so many are suggested, at most.
    """
    names = sorted(set(known))
    found = near(given, names, most)
    if found:
        return f"did you mean {' or '.join(map(repr, found))}?"
    return f"{all_of} {', '.join(names[:_MOST_NAMES]) or 'nothing'}"
